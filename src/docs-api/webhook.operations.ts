import { atLeast, choice, object, type Operation, paging, parameter, seconds, text } from './operation.js';

const tag = 'Webhooks';
const textOrNull = { type: ['string', 'null'] };
const integer = { type: 'integer' };
const integerOrNull = { type: ['integer', 'null'] };
const events = {
  type: 'array',
  maxItems: 50,
  items: text(200),
  description: '`*`, the name of an event or of a frame, or a prefix such as `task` or `notification.*`',
};
const headers = {
  type: 'object',
  maxProperties: 10,
  additionalProperties: { type: 'string' },
  description: 'Sent with every message; values are masked when read back',
};
const url = { ...text(2_000), description: 'http or https, https only in production; no private target' };
const name = text(200);
const byId = { required: true, schema: object({ id: integer }, ['id']), example: { id: 3 } };

const listed = object({
  id: integer,
  name: { type: 'string' },
  url: { type: 'string' },
  secret: { ...textOrNull, description: 'Masked; null: messages are not signed' },
  events,
  order: { enum: ['none', 'key', 'strict'] },
  headers,
  enabled: { type: 'boolean' },
  disabled_reason: { enum: ['gone', 'failing', 'paused', null] },
  last_fired_at: integerOrNull,
  last_status: { ...integerOrNull, description: '-1: no answer' },
  created_by: { type: 'string' },
  created_at: seconds,
  updated_at: seconds,
  consecutive_failures: integer,
  failing_since: integerOrNull,
  workspace_id: integer,
  total_deliveries: integer,
  successful_deliveries: integer,
  failed_deliveries: integer,
  circuit_open: { type: 'boolean', description: 'The server has disabled the endpoint' },
  pending_deliveries: { ...integer, description: 'Tried and waiting for the next attempt' },
  dead_deliveries: integer,
  blocked_by: { ...textOrNull, description: 'In strict order: the message that the others wait for' },
  blocked_since: integerOrNull,
});
const sent = {
  answer: object({
    success: { type: 'boolean' },
    status_code: integerOrNull,
    response_body: textOrNull,
    error: textOrNull,
    duration_ms: integer,
    delivery_id: integerOrNull,
  }),
  example: {
    success: true,
    status_code: 200,
    response_body: 'ok',
    error: null,
    duration_ms: 12,
    delivery_id: 48_213,
  },
  failures: [404],
};

export const webhookOperations: Readonly<Record<string, Operation>> = {
  'GET /api/webhooks': {
    tag,
    summary: 'List the webhook endpoints of the workspace',
    query: [atLeast],
    answer: object({ webhooks: { type: 'array', items: listed } }),
  },
  'POST /api/webhooks': {
    tag,
    summary: 'Register an endpoint',
    description:
      'Every matching fact from here on is sent as one message, at least once, with a `webhook-id` that stays the same. The secret is in this answer and nowhere else.',
    body: {
      required: true,
      schema: object(
        {
          name,
          url,
          events: { ...events, default: ['*'] },
          generate_secret: { type: 'boolean', default: true },
          order: { enum: ['none', 'key', 'strict'], default: 'none' },
          headers,
        },
        ['name', 'url'],
      ),
      example: { name: 'chat', url: 'https://receiver.example/hook', events: ['task', 'notification.*'] },
    },
    answer: object({
      id: integer,
      name: { type: 'string' },
      url: { type: 'string' },
      secret: { type: 'string' },
      events,
      enabled: { const: true },
      message: { type: 'string' },
    }),
    example: {
      id: 3,
      name: 'chat',
      url: 'https://receiver.example/hook',
      secret: 'whsec_… (50 characters)',
      events: ['task', 'notification.*'],
      enabled: true,
      message: 'Keep this secret: it is not shown again. Verify webhook-signature with it.',
    },
    failures: [409],
  },
  'PUT /api/webhooks': {
    tag,
    summary: 'Change an endpoint, pause or enable it, or rotate its secret',
    description:
      'A filter counts from here on. While an endpoint is paused or disabled what matches is pending; `backlog` says whether enabling delivers or skips it.',
    body: {
      required: true,
      schema: object(
        {
          id: integer,
          name,
          url,
          events,
          headers,
          enabled: { type: 'boolean' },
          backlog: { enum: ['resume', 'skip'], default: 'resume' },
          regenerate_secret: { type: 'boolean' },
          grace_seconds: { type: 'integer', minimum: 0, maximum: 604_800, default: 86_400 },
          reset_circuit: { type: 'boolean' },
        },
        ['id'],
      ),
      example: { id: 3, regenerate_secret: true, grace_seconds: 3_600 },
    },
    answer: object({ success: { const: true }, secret: { type: 'string' }, message: { type: 'string' } }, ['success']),
    example: { success: true },
    failures: [404, 409, 422],
  },
  'DELETE /api/webhooks': {
    tag,
    summary: 'Delete an endpoint and what is pending for it',
    body: byId,
    answer: object({ success: { const: true }, deleted: { const: 1 } }),
    example: { success: true, deleted: 1 },
    failures: [404, 409],
  },
  'GET /api/webhooks/deliveries': {
    tag,
    summary: 'List attempts, newest first',
    query: [
      parameter('webhook_id', 'Only this endpoint', { type: 'integer' }),
      choice('state', 'pending: waits for its next attempt; failed: another attempt followed', [
        'pending',
        'delivered',
        'failed',
        'dead',
      ]),
      parameter('event_type', 'Only this event'),
      parameter('since', 'Unix seconds', { type: 'integer' }),
      ...paging(200),
      atLeast,
    ],
    answer: object({
      deliveries: {
        type: 'array',
        items: object({
          id: integer,
          webhook_id: integer,
          event_type: { type: 'string' },
          payload: { ...textOrNull, description: 'The body, byte for byte' },
          status_code: integerOrNull,
          response_body: { ...textOrNull, description: 'The first 20,000 bytes, for 30 days' },
          error: textOrNull,
          duration_ms: integerOrNull,
          created_at: seconds,
          attempt: integer,
          next_retry_at: integerOrNull,
          is_retry: { type: 'boolean' },
          parent_delivery_id: integerOrNull,
          workspace_id: integer,
          webhook_name: { type: 'string' },
          webhook_url: { type: 'string' },
          message_id: { type: 'string' },
          run: { type: 'string', description: 'live, retry, or the id of a replay' },
          state: { enum: ['pending', 'delivered', 'failed', 'dead'] },
        }),
      },
      total: integer,
      page: integer,
      limit: integer,
    }),
  },
  'GET /api/webhooks/balance': {
    tag,
    summary: 'Count what every endpoint was to be told, and what became of it',
    description:
      '`delivered + pending + dead = matching` at the position: matching is counted from the facts of the log, the others from the deliveries. `error` is the difference and must be 0.',
    query: [atLeast],
    answer: object({
      balances: {
        type: 'array',
        items: object({
          webhook_id: integer,
          position: { type: 'string' },
          matching: integer,
          delivered: integer,
          pending: integer,
          dead: integer,
          error: integer,
          waiting_behind: { ...integer, description: 'Matching facts after the position' },
        }),
      },
    }),
  },
  'POST /api/webhooks/test': { tag, summary: 'Send test.ping at once and show the answer', body: byId, ...sent },
  'POST /api/webhooks/retry': {
    tag,
    summary: 'Send a message once more, now',
    body: {
      required: true,
      schema: object({ delivery_id: integer }, ['delivery_id']),
      example: { delivery_id: 48_213 },
    },
    ...sent,
  },
  'POST /api/webhooks/replay': {
    tag,
    summary: 'Send messages of the past again',
    description:
      'The same messages with the same ids and bytes, and the header `webhook-replay: true`; also into an endpoint that is younger than they are. With `state: dead` only what died.',
    body: {
      required: true,
      schema: object(
        {
          id: integer,
          from: { type: 'string', description: 'After this position; default: from the beginning' },
          since: seconds,
          until: seconds,
          types: { ...events, description: 'Default: what the endpoint subscribes to' },
          state: { enum: ['dead'] },
        },
        ['id'],
      ),
      example: { id: 3, since: 1_767_225_600, state: 'dead' },
    },
    answer: object({ queued: integer, replay_id: { type: 'string' } }),
    example: { queued: 17, replay_id: '0b7d2a5e-31c4-5f0a-9a77-3a1f6f1f3c55' },
    failures: [404, 409],
  },
  'GET /api/webhooks/verify-docs': {
    tag,
    summary: 'How a receiver verifies messages',
    answer: object({
      algorithm: { type: 'string' },
      header: { type: 'string' },
      format: { type: 'string' },
      signed_content: { type: 'string' },
      key: { type: 'string' },
      tolerance_seconds: integer,
      deduplicate_by: { type: 'string' },
      steps: { type: 'array', items: { type: 'string' } },
      example: object({ node: { type: 'string' } }),
    }),
  },
};
