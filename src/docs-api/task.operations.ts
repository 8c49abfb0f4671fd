import {
  broadcastSchema,
  changeTaskSchema,
  commentSchema,
  createTaskSchema,
  reviewSchema,
  setStatusesSchema,
} from '../tasks/task-bodies.js';
import { gateStates, taskOutcomes, taskPriorities, taskStatuses } from '../tasks/tasks.events.js';
import {
  asOf,
  asOfAnswer,
  atLeast,
  choice,
  listOf,
  object,
  type Operation,
  paging,
  parameter,
  seconds,
} from './operation.js';

const tag = 'Tasks';
const integer = { type: 'integer' };
const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const integerOrNull = { type: ['integer', 'null'] };
const numberOrNull = { type: ['number', 'null'] };
const success = { const: true };

const taskFields = {
  id: integer,
  title: text,
  description: textOrNull,
  status: { enum: taskStatuses },
  priority: { enum: taskPriorities },
  assigned_to: textOrNull,
  created_by: text,
  created_at: seconds,
  updated_at: seconds,
  due_date: integerOrNull,
  estimated_hours: numberOrNull,
  actual_hours: numberOrNull,
  tags: { type: 'array', items: text },
  metadata: { type: 'object' },
  workspace_id: integer,
  project_id: integer,
  project_ticket_no: integer,
  project_name: text,
  project_prefix: text,
  ticket_ref: text,
  outcome: { enum: [...taskOutcomes, null] },
  error_message: textOrNull,
  resolution: textOrNull,
  feedback_rating: integerOrNull,
  feedback_notes: textOrNull,
  retry_count: integer,
  completed_at: integerOrNull,
  dispatch_attempts: integer,
  revision: { type: 'integer', description: 'Of the task’s stream; the `ETag` is the same in quotes' },
  lease_expires_at: { type: ['integer', 'null'], description: 'Unix seconds; null: nobody has claimed it' },
  gate: { enum: gateStates, description: '`open`: aegis has approved the work' },
  gate_override: { type: ['object', 'null'] },
  progress: numberOrNull,
  last_state: textOrNull,
};
const task = object(taskFields);

const exampleTask = {
  id: 7,
  title: 'Fix login',
  description: 'Sessions end too early. @build-bot knows the code.',
  status: 'assigned',
  priority: 'high',
  assigned_to: 'build-bot',
  created_by: 'API Access',
  created_at: 1_767_225_600,
  updated_at: 1_767_225_600,
  due_date: null,
  estimated_hours: 2.5,
  actual_hours: null,
  tags: ['auth'],
  metadata: { implementation_repo: 'acme/shop', code_location: 'src/login' },
  workspace_id: 1,
  project_id: 1,
  project_ticket_no: 7,
  project_name: 'General',
  project_prefix: 'TASK',
  ticket_ref: 'TASK-007',
  outcome: null,
  error_message: null,
  resolution: null,
  feedback_rating: null,
  feedback_notes: null,
  retry_count: 0,
  completed_at: null,
  dispatch_attempts: 0,
  revision: 0,
  lease_expires_at: null,
  gate: 'closed',
  gate_override: null,
  progress: null,
  last_state: null,
};

const comment = object({
  id: integer,
  task_id: integer,
  author: text,
  content: text,
  created_at: seconds,
  parent_id: integerOrNull,
  mentions: { type: 'array', items: text },
  workspace_id: integer,
  replies: { type: 'array', items: { type: 'object' } },
});
const exampleComment = {
  id: 12,
  task_id: 7,
  author: 'API Access',
  content: 'Please look at this, @build-bot',
  created_at: 1_767_225_600,
  parent_id: null,
  mentions: ['build-bot'],
  workspace_id: 1,
  replies: [],
};

const review = object({
  id: integer,
  task_id: integer,
  reviewer: text,
  status: { enum: ['approved', 'rejected'] },
  notes: text,
  actor: { type: 'string', description: 'Whose credential sent the review' },
  created_at: seconds,
});

const position = '1-0000000000004b110000000000004b11-5f3b91d0';
const event = {
  position,
  eventId: 'f6a1b2c3-0d4e-5f60-8a91-b2c3d4e5f607',
  stream: 'task-7',
  revision: 3,
  type: 'TaskDeleted',
  schemaVersion: 1,
  occurredAt: '2026-01-01T00:00:00.000Z',
  recordedAt: '2026-01-01T00:00:00.000Z',
  actor: { kind: 'key', id: 'env-1', name: 'API Access' },
  workspaceId: 1,
  correlationId: '0c7d8f6e-4b1a-4c57-9f10-2f6f9a1f3b58',
  causationId: '7a0c3d52-9d0b-4a3e-8a7c-1f2d3c4b5a69',
  data: {
    taskId: 7,
    title: 'Fix login',
    status: 'inbox',
    priority: 'high',
    projectId: 1,
    assignedTo: null,
    assignedAgentId: null,
  },
};

const taskFilters = [
  choice('status', 'Only these', taskStatuses),
  choice('priority', 'Only these', taskPriorities),
  parameter('assigned_to', 'Only what is assigned to this name'),
];
const listedTasks = {
  answer: listOf('tasks', object({ ...taskFields, comment_count: integer })),
  example: { tasks: [{ ...exampleTask, comment_count: 1 }], total: 1, page: 1, limit: 50 },
};

export const taskOperations: Readonly<Record<string, Operation>> = {
  'GET /api/tasks': {
    tag,
    summary: 'List tasks, newest first',
    description: 'An agent’s key sees its own tasks only.',
    query: [...taskFilters, parameter('project_id', 'Only of this project', integer), ...paging(200), atLeast],
    ...listedTasks,
  },
  'GET /api/projects/{id}/tasks': {
    tag: 'Projects',
    summary: 'List the tasks of a project, newest first',
    description: 'An agent’s key sees its own tasks only.',
    query: [...taskFilters, ...paging(200), atLeast],
    ...listedTasks,
    failures: [404],
  },
  'POST /api/tasks': {
    tag,
    summary: 'Create a task',
    description:
      'Each `@name` in the description must be an agent of the workspace. Without assignee it goes to ' +
      '`MC_COORDINATOR_AGENT`, if that is set. Created as `done` it overrides the gate, on record.',
    body: {
      required: true,
      schema: createTaskSchema,
      example: { title: 'Fix login', priority: 'high', assigned_to: 'build-bot', tags: ['auth'] },
    },
    status: 201,
    answer: object({ task, warnings: { type: 'array', items: text } }),
    example: { task: exampleTask },
  },
  'PUT /api/tasks': {
    tag,
    summary: 'Set the status of several tasks',
    description: 'When the gate holds one of them back none is changed. Ids that there are none of are `skipped`.',
    body: {
      required: true,
      schema: setStatusesSchema,
      example: {
        tasks: [
          { id: 7, status: 'review' },
          { id: 8, status: 'backlog' },
        ],
      },
    },
    answer: object({ success, updated: integer, skipped: { type: 'array', items: integer } }),
    example: { success: true, updated: 1, skipped: [8] },
  },
  'GET /api/tasks/{id}': {
    tag,
    headers: ['IfNoneMatch'],
    summary: 'One task',
    description: 'With an `ETag`. `asOf` is for admins and auditors.',
    query: [asOf, atLeast],
    answer: object({ task, asOf: asOfAnswer }),
    example: { task: exampleTask },
  },
  'PUT /api/tasks/{id}': {
    tag,
    headers: ['IfMatch'],
    summary: 'Change a task',
    description:
      'Any of the fields; null clears one. A 412 brings the task as it is. `lease_id` of a lease that has ended: 409.',
    body: {
      required: true,
      schema: changeTaskSchema,
      example: { status: 'review', resolution: 'Login fixed', outcome: 'success' },
    },
    answer: object({ task, unchanged: { const: true } }),
    example: {
      task: {
        ...exampleTask,
        status: 'review',
        resolution: 'Login fixed',
        outcome: 'success',
        updated_at: 1_767_225_660,
        revision: 1,
      },
    },
    failures: [409],
  },
  'DELETE /api/tasks/{id}': {
    tag,
    headers: ['IfMatch'],
    summary: 'Delete a task; its history stays',
    answer: object({ success }),
    example: { success: true },
  },
  'GET /api/tasks/{id}/comments': {
    tag,
    summary: 'Comments of a task, oldest first, replies nested',
    query: [atLeast],
    answer: object({ comments: { type: 'array', items: comment }, total: integer }),
    example: { comments: [exampleComment], total: 1 },
  },
  'POST /api/tasks/{id}/comments': {
    tag,
    summary: 'Comment on a task',
    description: 'Each `@name` must be an agent of the workspace. The first of them gets a task that nobody has.',
    body: {
      required: true,
      schema: commentSchema,
      example: { content: 'Please look at this, @build-bot' },
    },
    status: 201,
    answer: object({ comment, auto_assigned_to: text }),
    example: { comment: exampleComment, auto_assigned_to: 'build-bot' },
  },
  'POST /api/tasks/{id}/broadcast': {
    tag,
    summary: 'Notify everybody who follows a task',
    description: '`sent` counts agents with an open connection, `skipped` the others: they find it at their next beat.',
    body: { required: true, schema: broadcastSchema, example: { message: 'Stop: the plan has changed' } },
    answer: object({ sent: integer, skipped: integer }),
    example: { sent: 1, skipped: 0 },
  },
  'GET /api/tasks/{id}/history': {
    tag,
    summary: 'Every fact about a task, oldest first, also of a deleted one',
    query: [
      parameter('from', 'Strictly after this position'),
      parameter('limit', 'How many, at most 10000', { type: 'integer', minimum: 1, default: 1_000 }),
      atLeast,
    ],
    answer: object({
      task_id: integer,
      events: { type: 'array', items: { type: 'object' } },
      total: integer,
      next: textOrNull,
    }),
    example: { task_id: 7, events: [event], total: 4, next: null },
  },
  'GET /api/quality-review': {
    tag,
    summary: 'The last ten reviews of a task, or the latest of several',
    query: [
      parameter('taskId', 'Of this task', integer),
      parameter('taskIds', 'The latest of each of these, comma-separated'),
      atLeast,
    ],
    answer: object({ reviews: { type: 'array', items: review }, latest: { type: 'object' } }),
    example: { latest: { '7': { status: 'approved', reviewer: 'aegis', created_at: 1_767_225_600 }, '8': null } },
  },
  'POST /api/quality-review': {
    tag,
    summary: 'Approve or reject the work on a task',
    description: 'Approved by `aegis` the task is done. Rejected by anybody it goes back to its assignee.',
    body: {
      required: true,
      schema: reviewSchema,
      example: { taskId: 7, reviewer: 'aegis', status: 'approved', notes: 'Tests are green' },
    },
    answer: object({ success, id: integer, task_status: { enum: taskStatuses }, gate: { enum: gateStates } }),
    example: { success: true, id: 3, task_status: 'done', gate: 'open' },
    failures: [404],
  },
};
