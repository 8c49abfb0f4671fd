import { eventContract } from '../platform/event-store/event-contract.js';
import {
  gateStates,
  taskOutcomes,
  taskPriorities,
  taskStatuses,
  type CommentAdded,
  type TaskBroadcast,
  type TaskChanged,
  type TaskClaimed,
  type TaskCompletionReported,
  type TaskCreated,
  type TaskDeleted,
  type TaskFailureReported,
  type TaskLeaseExpired,
  type TaskLeaseRenewed,
  type TaskProgressReported,
  type TaskReleased,
  type TaskReviewed,
  type TaskStatusSet,
} from './tasks.events.js';

const id = { type: 'integer', minimum: 1 };
const optionalId = { type: ['integer', 'null'], minimum: 1 };
const text = (maxLength: number, minLength = 0) => ({ type: 'string', minLength, maxLength });
const optionalText = (maxLength: number) => ({ type: ['string', 'null'], maxLength });
const optionalNumber = (minimum: number, maximum: number) => ({ type: ['number', 'null'], minimum, maximum });
const seconds = { type: ['integer', 'null'], minimum: 0, maximum: 4_102_444_800 };
const uuid = { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' };
const status = { enum: taskStatuses };
const priority = { enum: taskPriorities };
const title = text(500, 1);
const agentName = text(100, 1);

function object(properties: Record<string, object>, optional: readonly string[] = []) {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((key) => !optional.includes(key)),
    additionalProperties: false,
  };
}

const fields = {
  title,
  description: optionalText(5_000),
  status,
  priority,
  assignedTo: optionalText(100),
  assignedAgentId: optionalId,
  projectId: id,
  projectName: text(200),
  projectPrefix: text(50),
  ticketNo: id,
  dueDate: seconds,
  estimatedHours: optionalNumber(0, 10_000),
  actualHours: optionalNumber(0, 10_000),
  tags: { type: 'array', maxItems: 50, items: text(100, 1) },
  metadata: { type: 'object' },
  outcome: { enum: [...taskOutcomes, null] },
  errorMessage: optionalText(60_000),
  resolution: optionalText(5_000),
  feedbackRating: { type: ['integer', 'null'], minimum: 1, maximum: 5 },
  feedbackNotes: optionalText(5_000),
  retryCount: { type: 'integer', minimum: 0 },
  completedAt: seconds,
};

const snapshot = object({
  ...fields,
  taskId: id,
  createdBy: text(200),
  createdAt: { type: 'string' },
  progress: optionalNumber(0, 100),
  lastState: optionalText(500),
  gate: { enum: gateStates },
  gateOverride: { type: ['object', 'null'] },
});

const recipients = { type: 'array', items: object({ name: agentName, agentId: optionalId }) };
const leaseEffect = { enum: ['none', 'kept', 'renewed', 'ended'] };
const assignee = { assignedTo: optionalText(100), assignedAgentId: optionalId };

const move = {
  taskId: id,
  title,
  status,
  previousStatus: status,
  priority,
  projectId: id,
  ...assignee,
  previousAssignee: optionalText(100),
  previousAgentId: optionalId,
};

const lease = {
  leaseId: uuid,
  holder: agentName,
  holderAgentId: optionalId,
  epoch: { type: 'integer', minimum: 1 },
  leaseSeconds: { type: 'integer', minimum: 1 },
};

const report = {
  task: snapshot,
  previousStatus: status,
  deliveryKey: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  lease: leaseEffect,
};

const stream = 'task-{id}';
const statusFrame = 'task.status_changed';

export const taskEventContracts = [
  eventContract<TaskCreated>({
    type: 'TaskCreated',
    stream,
    description: 'There is a task from here on. Created as done: the actor overrode the gate.',
    producer: 'tasks',
    frame: 'task.created',
    schema: object({ task: snapshot, authorAgentId: optionalId, mentions: recipients }),
  }),
  eventContract<TaskChanged>({
    type: 'TaskChanged',
    stream,
    description: 'Fields of a task were set: which ones, what they were, and the task as it is now.',
    producer: 'tasks',
    frame: 'task.updated',
    schema: object({
      task: snapshot,
      changes: { type: 'array', items: { enum: Object.keys(fields) } },
      previous: object(fields, Object.keys(fields)),
      mentions: recipients,
      reason: { enum: ['edit', 'mention'] },
      lease: leaseEffect,
    }),
  }),
  eventContract<TaskClaimed>({
    type: 'TaskClaimed',
    stream,
    description: 'An agent took the task from the queue, or a lease on what it was already doing.',
    producer: 'queue',
    frame: statusFrame,
    schema: object({ ...move, ...lease }),
  }),
  eventContract<TaskLeaseRenewed>({
    type: 'TaskLeaseRenewed',
    stream,
    description: 'The holder polled and keeps the task. Beats renew a lease without an event here.',
    producer: 'queue',
    schema: object({ taskId: id, ...lease }),
  }),
  eventContract<TaskReleased>({
    type: 'TaskReleased',
    stream,
    description: 'The holder gave the task back; it is what it was before the claim.',
    producer: 'queue',
    frame: statusFrame,
    schema: object({ ...move, leaseId: uuid, holder: agentName, reason: optionalText(500) }),
  }),
  eventContract<TaskLeaseExpired>({
    type: 'TaskLeaseExpired',
    stream,
    description: 'The holder fell silent and lost the task; it is what it was before the claim.',
    producer: 'queue',
    frame: statusFrame,
    schema: object({ ...move, leaseId: uuid, holder: agentName }),
  }),
  eventContract<TaskStatusSet>({
    type: 'TaskStatusSet',
    stream,
    description: 'A bulk update set the status.',
    producer: 'tasks',
    frame: statusFrame,
    schema: object({ ...move, completedAt: seconds }),
  }),
  eventContract<TaskReviewed>({
    type: 'TaskReviewed',
    stream,
    description: 'Somebody approved or rejected the work; only aegis moves the gate.',
    producer: 'reviews',
    frame: statusFrame,
    schema: object({
      ...move,
      reviewId: id,
      reviewer: text(200, 1),
      verdict: { enum: ['approved', 'rejected'] },
      notes: text(50_000, 1),
      gate: { enum: gateStates },
      errorMessage: optionalText(60_000),
      completedAt: seconds,
    }),
  }),
  eventContract<CommentAdded>({
    type: 'CommentAdded',
    stream,
    description: 'Somebody commented, with whom it mentions and who else follows the task.',
    producer: 'comments',
    frame: 'comment.added',
    schema: object({
      commentId: id,
      taskId: id,
      taskTitle: title,
      author: text(200, 1),
      authorAgentId: optionalId,
      content: text(50_000, 1),
      parentId: optionalId,
      mentions: recipients,
      subscribers: recipients,
      ...assignee,
      lease: leaseEffect,
    }),
  }),
  eventContract<TaskBroadcast>({
    type: 'TaskBroadcast',
    stream,
    description: 'A message went to everybody who follows the task.',
    producer: 'comments',
    frame: 'activity.created',
    schema: object({ taskId: id, title, message: text(50_000, 1), recipients, ...assignee }),
  }),
  eventContract<TaskProgressReported>({
    type: 'TaskProgressReported',
    stream,
    description: 'The agent that has the task said by a signed callback how far it is.',
    producer: 'callbacks',
    frame: 'activity.created',
    schema: object({ ...report, message: text(5_000) }),
  }),
  eventContract<TaskCompletionReported>({
    type: 'TaskCompletionReported',
    stream,
    description: 'The agent that has the task said by a signed callback that it is finished; somebody reviews it now.',
    producer: 'callbacks',
    frame: statusFrame,
    schema: object(report),
  }),
  eventContract<TaskFailureReported>({
    type: 'TaskFailureReported',
    stream,
    description: 'The agent that has the task said by a signed callback that it failed, and why.',
    producer: 'callbacks',
    frame: statusFrame,
    schema: object(report),
  }),
  eventContract<TaskDeleted>({
    type: 'TaskDeleted',
    stream,
    description: 'The task is gone from every list; its history stays.',
    producer: 'tasks',
    frame: 'task.deleted',
    schema: object({ taskId: id, title, status, priority, projectId: id, ...assignee }),
  }),
];
