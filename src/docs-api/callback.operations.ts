import { object, type Operation, seconds } from './operation.js';

const tag = 'Callbacks';
const textOrNull = { type: ['string', 'null'] };
const integerOrNull = { type: ['integer', 'null'] };

const data = object(
  {
    taskId: { type: ['integer', 'string'], description: 'Required but for progress' },
    message: { type: 'string', maxLength: 5_000 },
    progress: { type: 'number', minimum: 0, maximum: 100 },
    summary: { type: 'string', maxLength: 5_000 },
    error: { type: 'string', maxLength: 5_000 },
    lastState: { type: 'string', maxLength: 500 },
    outcome: { enum: ['success', 'partial', 'failed', 'abandoned'] },
    tokenUsage: { type: 'object', description: 'As in a heartbeat; invalid usage does not spoil the callback' },
  },
  [],
);
const envelope = object(
  { type: { enum: ['task.progress', 'task.completed', 'task.failed'] }, timestamp: { type: 'string' }, data },
  ['type'],
);
const body = {
  required: true,
  schema: envelope,
  example: {
    type: 'task.completed',
    timestamp: '2026-01-01T00:00:00Z',
    data: { taskId: 7, summary: 'Login fixed', outcome: 'success' },
  },
};
const failures = [401, 404, 409, 415];

export const callbackOperations: Readonly<Record<string, Operation>> = {
  'POST /api/callbacks/{agent}': {
    tag,
    summary: 'Report progress, completion or failure of a task, signed',
    command: 'plain',
    description:
      'Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature` (`v1`, HMAC-SHA256 with a secret of this agent) over the bytes as sent. The path is the id or the name of the agent. One id counts once, for ever: the same body again answers the first result with `duplicate: true`, another body 409. Every failure of the signature is one and the same 401.',
    body,
    answer: object({
      success: { const: true },
      accepted: { const: true },
      duplicate: { type: 'boolean' },
      callback_id: { type: 'string' },
      type: { type: 'string' },
      task_id: integerOrNull,
      task_status: textOrNull,
      token_recorded: { type: 'boolean' },
      token_error: { type: 'string' },
    }),
    example: {
      success: true,
      accepted: true,
      duplicate: false,
      callback_id: '0b7d2a5e-31c4-5f0a-9a77-3a1f6f1f3c55',
      type: 'task.completed',
      task_id: 7,
      task_status: 'review',
      token_recorded: false,
    },
    failures,
  },
  'POST /api/webhooks/agent-completion': {
    tag,
    summary: 'The same for agents that can sign the body alone',
    command: 'plain',
    description:
      'Header `x-webhook-signature` or `x-hub-signature-256`: the hexadecimal HMAC-SHA256 of the body. Taken only for agents for which an admin has allowed it. `?agent=` names the agent; without it the only such agent is meant. Older bodies are understood, too: `{task_id, summary}`, `{task_id, error, last_state}`, `{session_id, message: "TASK_COMPLETE: …"}`.',
    query: [{ name: 'agent', description: 'Id or name', schema: { type: 'string' } }],
    body,
    answer: object({
      success: { const: true },
      task_id: integerOrNull,
      agent_id: { type: 'integer' },
      summary: textOrNull,
      new_status: textOrNull,
      message: { type: 'string' },
      duplicate: { type: 'boolean' },
    }),
    example: {
      success: true,
      task_id: 7,
      agent_id: 42,
      summary: 'Login fixed',
      new_status: 'review',
      message: 'Task 7 is review',
      duplicate: false,
    },
    failures,
  },
  'GET /api/agents/{id}/callback-secrets': {
    tag,
    summary: 'List the secrets that sign callbacks of an agent',
    description: 'Those that sign now. The secrets themselves are never shown again.',
    answer: object({
      secrets: {
        type: 'array',
        items: object({
          id: { type: 'integer' },
          created_at: seconds,
          valid_until: integerOrNull,
          last_used_at: integerOrNull,
          use_count: { type: 'integer' },
        }),
      },
      legacy_allowed: { type: 'boolean' },
    }),
    failures: [404],
  },
  'POST /api/agents/{id}/callback-secrets': {
    tag,
    summary: 'Issue a callback secret',
    description:
      'The secret is in this answer and nowhere else. Those before it sign until the grace is over. At most 5 live. With `import`, a secret that was made elsewhere is taken for this agent alone, for the compatibility scheme alone, and not shown again; one that signs for another agent is a 409.',
    body: {
      required: false,
      schema: object(
        {
          grace_seconds: { type: 'integer', minimum: 0, maximum: 604_800, default: 86_400 },
          import: { type: 'string', minLength: 24, maxLength: 512, description: 'At least 8 different characters' },
        },
        [],
      ),
      example: { grace_seconds: 86_400 },
    },
    status: 201,
    answer: object({
      id: { type: 'integer' },
      secret: { ...textOrNull, description: 'Null: it was imported' },
      created_at: seconds,
      previous_valid_until: integerOrNull,
      imported: { type: 'boolean' },
    }),
    failures: [404, 409, 422],
  },
  'PUT /api/agents/{id}/callback-secrets': {
    tag,
    summary: 'Allow or forbid the compatibility scheme',
    body: {
      required: true,
      schema: object({ legacy_allowed: { type: 'boolean' } }, ['legacy_allowed']),
      example: { legacy_allowed: true },
    },
    answer: object({ success: { const: true }, legacy_allowed: { type: 'boolean' } }),
    failures: [404],
  },
  'DELETE /api/agents/{id}/callback-secrets': {
    tag,
    summary: 'End a secret at once',
    body: { required: true, schema: object({ id: { type: 'integer' } }, ['id']), example: { id: 1 } },
    answer: object({ success: { const: true }, id: { type: 'integer' } }),
    failures: [404],
  },
};
