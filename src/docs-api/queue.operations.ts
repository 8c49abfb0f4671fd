import { object, type Operation, parameter, seconds, text } from './operation.js';

const tag = 'Queue';
const uuid = { type: 'string', format: 'uuid' };
const leaseId = '3f0c6a4e-52a1-5c0e-9a44-6d1f0c9e7b21';

const capacity = { type: 'integer', minimum: 1, maximum: 20, default: 1 };
const orNull = (schema: { readonly type: string }) => ({ ...schema, type: [schema.type, 'null'] });

const answer = object({
  task: { type: ['object', 'null'], description: 'As `GET /api/tasks/{id}` shows it' },
  reason: { enum: ['assigned', 'continue_current', 'at_capacity', 'no_tasks_available'] },
  agent: { type: 'string' },
  timestamp: seconds,
  lease_id: orNull(uuid),
  lease_expires_at: { type: ['integer', 'null'], description: 'Unix seconds; beats and polls move it' },
  held: {
    type: 'array',
    description: 'Everything that the agent has in progress; of more than 200 the last updated',
    items: object({
      id: { type: 'integer' },
      lease_id: orNull(uuid),
      lease_expires_at: { type: ['integer', 'null'] },
    }),
  },
  asOfPosition: { type: 'string' },
});

const example = {
  task: {
    id: 7,
    title: 'Fix login',
    status: 'in_progress',
    priority: 'high',
    assigned_to: 'build-bot',
    ticket_ref: 'TASK-007',
    revision: 1,
    lease_expires_at: 1_767_226_500,
  },
  reason: 'assigned',
  agent: 'build-bot',
  timestamp: 1_767_225_600,
  lease_id: leaseId,
  lease_expires_at: 1_767_226_500,
  held: [{ id: 7, lease_id: leaseId, lease_expires_at: 1_767_226_500 }],
  asOfPosition: '1-0000000000004b110000000000004b11-5f3b91d0',
};

const description =
  'The most urgent task that is nobody’s or the agent’s own becomes `in_progress` with a lease, which the agent’s beats ' +
  'keep. With `max_capacity` tasks in progress already none is taken. The agent need not be registered; without ' +
  '`agent` the header `x-agent-name` names it.';

export const queueOperations: Readonly<Record<string, Operation>> = {
  'GET /api/tasks/queue': {
    tag,
    summary: 'Take the next task',
    description: `A GET that claims, as existing clients call it. ${description}`,
    query: [
      parameter('agent', 'Name of the agent', text(100)),
      parameter('max_capacity', 'How many tasks the agent may have in progress', capacity),
    ],
    answer,
    example,
    command: 'keyed',
    failures: [409],
  },
  'POST /api/tasks/queue': {
    tag,
    summary: 'Take the next task',
    description,
    body: {
      required: false,
      schema: object({ agent: text(100), max_capacity: capacity }),
      example: { agent: 'build-bot', max_capacity: 1 },
    },
    answer,
    example,
  },
  'POST /api/tasks/{id}/release': {
    tag,
    summary: 'Give a task back',
    description:
      'The task is again what it was before the claim. The same lease again changes nothing; one that ended otherwise ' +
      'is 409 with `lease_status`.',
    body: {
      required: false,
      schema: object({ lease_id: uuid, reason: text(500) }),
      example: { lease_id: leaseId, reason: 'needs a decision first' },
    },
    answer: object({
      success: { const: true },
      unchanged: { const: true },
      task: { type: 'object', description: 'As `GET /api/tasks/{id}` shows it' },
    }),
    example: { success: true, task: { ...example.task, status: 'inbox', assigned_to: null, lease_expires_at: null } },
    headers: ['IfMatch'],
    failures: [404, 409],
  },
};
