import { atLeast, object, type Operation, paging, seconds, text } from './operation.js';

const tag = 'Keys';
const integerOrNull = { type: ['integer', 'null'] };
const textOrNull = { type: ['string', 'null'] };
const scopes = { type: 'array', items: { type: 'string' } };

const listed = {
  id: { ...integerOrNull, description: 'null: a key from the environment' },
  name: { type: 'string' },
  key_prefix: { ...textOrNull, description: 'The first eight characters; null for a key from the environment' },
  scopes,
  source: { enum: ['api', 'environment'] },
  created_by: textOrNull,
  expires_at: integerOrNull,
  revoked_at: integerOrNull,
  last_used_at: { ...integerOrNull, description: 'To about a minute' },
  created_at: integerOrNull,
  updated_at: integerOrNull,
};
const role = { enum: ['viewer', 'operator', 'admin'] };
const page = { total: { type: 'integer' }, page: { type: 'integer' }, limit: { type: 'integer' } };

const terms = {
  name: { ...text(128), default: 'default' },
  expires_at: { ...integerOrNull, description: 'Unix seconds; null: never. Default: in 90 days' },
  expires_in_days: { type: 'number', exclusiveMinimum: 0, maximum: 3650 },
};
const issued = {
  id: { type: 'integer' },
  name: { type: 'string' },
  key_prefix: { type: 'string' },
  scopes,
  expires_at: integerOrNull,
  created_at: seconds,
};
const shownOnce = 'The key is in this answer and nowhere else. A repeat with the same Idempotency-Key shows it again.';
const revocation: Pick<Operation, 'body' | 'answer' | 'example' | 'failures'> = {
  body: { required: true, schema: object({ key_id: { type: 'integer' } }, ['key_id']), example: { key_id: 7 } },
  answer: object({ success: { const: true }, key_id: { type: 'integer' }, revoked_at: seconds }),
  example: { success: true, key_id: 7, revoked_at: 1_767_225_600 },
  failures: [404],
};
const acts = 'Every process refuses the key within a second; its event streams end within five.';

export const keyOperations: Readonly<Record<string, Operation>> = {
  'GET /api/keys': {
    tag,
    summary: 'List the keys of the workspace',
    description: 'Those from the environment first, then issued ones, newest first, revoked and expired ones included.',
    query: [...paging(200), atLeast],
    answer: object({ keys: { type: 'array', items: object({ ...listed, role }) }, ...page }),
  },
  'POST /api/keys': {
    tag,
    summary: 'Issue a key of the workspace',
    description: shownOnce,
    body: {
      required: true,
      schema: object({ ...terms, role, scopes: { type: 'array', items: { enum: ['auditor'] } } }, ['role']),
      example: { name: 'nightly report', role: 'viewer', scopes: ['auditor'], expires_in_days: 30 },
    },
    status: 201,
    answer: object({ key: object({ ...issued, role }), api_key: { type: 'string' } }),
    example: {
      key: {
        id: 7,
        name: 'nightly report',
        key_prefix: 'mck_3vTq',
        role: 'viewer',
        scopes: ['auditor'],
        expires_at: 1_769_817_600,
        created_at: 1_767_225_600,
      },
      api_key: 'mck_3vTq… (40 characters)',
    },
    failures: [409],
  },
  'DELETE /api/keys': { tag, summary: 'Revoke a key of the workspace', description: acts, ...revocation },
  'GET /api/agents/{id}/keys': {
    tag,
    summary: 'List the keys of an agent',
    query: [...paging(200), atLeast],
    answer: object({
      agent: object({ id: { type: 'integer' }, name: { type: 'string' } }),
      keys: { type: 'array', items: object(listed) },
      ...page,
    }),
    failures: [404],
  },
  'POST /api/agents/{id}/keys': {
    tag,
    summary: 'Issue a key for one agent alone',
    description: `Whatever its scopes, it reaches nothing of another agent. ${shownOnce}`,
    body: {
      required: true,
      schema: object({ ...terms, scopes: { ...scopes, minItems: 1, default: ['viewer', 'agent:self'] } }),
      example: { name: 'laptop', scopes: ['agent:self', 'agent:heartbeat', 'agent:tokens', 'agent:tasks'] },
    },
    status: 201,
    answer: object({ key: object(issued), api_key: { type: 'string' } }),
    example: {
      key: {
        id: 8,
        name: 'laptop',
        key_prefix: 'mca_9Lw2',
        scopes: ['agent:self', 'agent:heartbeat', 'agent:tokens', 'agent:tasks'],
        expires_at: 1_775_001_600,
        created_at: 1_767_225_600,
      },
      api_key: 'mca_9Lw2… (40 characters)',
    },
    failures: [404, 409],
  },
  'DELETE /api/agents/{id}/keys': { tag, summary: 'Revoke a key of an agent', description: acts, ...revocation },
  'GET /api/tokens/rotate': {
    tag,
    summary: 'Which admin key the last rotation issued',
    query: [atLeast],
    answer: object({
      masked_key: textOrNull,
      configured: { type: 'boolean' },
      source: { enum: ['api', 'environment', 'none'] },
      last_rotated_at: integerOrNull,
      last_rotated_by: textOrNull,
    }),
    example: {
      masked_key: 'mck_3vTq••••••',
      configured: true,
      source: 'api',
      last_rotated_at: 1_767_225_600,
      last_rotated_by: 'API Access',
    },
  },
  'POST /api/tokens/rotate': {
    tag,
    summary: 'Rotate the admin key',
    description: `Issues an admin key for 90 days and revokes the one that the rotation before issued, in one step. Keys from the environment stay valid. ${shownOnce}`,
    answer: object({
      key: { type: 'string' },
      masked_key: { type: 'string' },
      expires_at: integerOrNull,
      rotated_at: seconds,
      rotated_by: { type: 'string' },
      message: { type: 'string' },
    }),
    example: {
      key: 'mck_3vTq… (40 characters)',
      masked_key: 'mck_3vTq••••••',
      expires_at: 1_775_001_600,
      rotated_at: 1_767_225_600,
      rotated_by: 'API Access',
      message: 'Keep this key: it is not shown again. It works for 90 days.',
    },
    failures: [409],
  },
};
