import {
  asOf,
  asOfAnswer,
  atLeast,
  choice,
  count,
  listOf,
  object,
  type Operation,
  paging,
  parameter,
  seconds,
  text,
} from './operation.js';
import { lookExample, workItems } from './work-item.schemas.js';

const statuses = ['online', 'idle', 'busy', 'error', 'offline'];
const runtimes = ['hermes', 'openclaw', 'claude', 'codex', 'custom'];
const status = { enum: statuses };
const success = object({ success: { const: true } });

const fields = {
  id: { type: 'integer' },
  name: { type: 'string' },
  role: { type: 'string' },
  session_key: { type: ['string', 'null'] },
  soul_content: { type: ['string', 'null'] },
  status,
  last_seen: { type: ['integer', 'null'] },
  last_activity: { type: ['string', 'null'] },
  created_at: seconds,
  updated_at: seconds,
  config: { type: 'object' },
  workspace_id: { type: 'integer' },
  source: { type: 'string' },
  hidden: { type: 'boolean' },
  working_memory: { type: 'string' },
  runtime_type: { enum: [...runtimes, null] },
  taskStats: object({
    total: count,
    assigned: count,
    in_progress: count,
    quality_review: count,
    done: count,
    completed: { ...count, description: 'The same as `done`' },
  }),
};
const agent = object(fields);

const agentPage = object({
  ...fields,
  taskStats: { ...fields.taskStats, type: ['object', 'null'], description: 'Null with `asOf`' },
  connection: {
    ...object({
      connection_id: { type: 'string' },
      tool_name: text(100),
      created_at: seconds,
      last_heartbeat: seconds,
    }),
    type: ['object', 'null'],
    description: 'The open one',
  },
});

const settings = {
  status,
  session_key: text(200),
  soul_content: text(50_000),
  config: { type: 'object' },
  runtime_type: { enum: runtimes },
};

const beat = {
  status: { enum: ['HEARTBEAT_OK', 'WORK_ITEMS_FOUND'] },
  agent: { type: 'string' },
  checked_at: seconds,
  message: { type: 'string' },
  work_items: workItems,
  total_items: { type: 'integer' },
  asOfPosition: { type: 'string' },
};

export const agentOperations: Readonly<Record<string, Operation>> = {
  'GET /api/agents': {
    tag: 'Agents',
    summary: 'List agents',
    query: [
      choice('status', 'Only these', statuses),
      parameter('role', 'Only this role'),
      choice('show_hidden', 'Hidden ones, too; no agent is hidden yet', ['0', '1', 'false', 'true']),
      ...paging(200),
      atLeast,
    ],
    answer: listOf('agents', agent),
  },
  'POST /api/agents': {
    tag: 'Agents',
    summary: 'Create an agent',
    body: {
      required: true,
      schema: object({ name: text(100), role: text(100), ...settings }, ['name', 'role']),
      example: { name: 'build-bot', role: 'developer' },
    },
    status: 201,
    answer: object({ agent }),
    failures: [409, 422],
  },
  'PUT /api/agents': {
    tag: 'Agents',
    summary: 'Change an agent by name',
    body: {
      required: true,
      schema: object({ name: text(100), role: text(100), last_activity: text(500), ...settings }, ['name']),
      example: { name: 'build-bot', status: 'busy', last_activity: 'running tests' },
    },
    answer: success,
    example: { success: true },
    failures: [404],
  },
  'POST /api/agents/register': {
    tag: 'Agents',
    summary: 'Register oneself',
    description: 'A known name answers 200 with `registered: false`; a new one 201.',
    body: {
      required: true,
      schema: object(
        {
          name: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' },
          role: { enum: ['coder', 'reviewer', 'tester', 'devops', 'researcher', 'assistant', 'agent'] },
          capabilities: { type: 'array', items: { type: 'string' } },
          framework: { type: 'string' },
        },
        ['name'],
      ),
      example: { name: 'build-bot', role: 'coder' },
    },
    status: 201,
    otherStatus: 200,
    answer: object({
      agent: object({
        id: { type: 'integer' },
        name: { type: 'string' },
        role: { type: 'string' },
        status,
        created_at: seconds,
      }),
      registered: { type: 'boolean' },
      message: { type: 'string' },
    }),
    failures: [409, 422],
  },
  'GET /api/agents/{id}': {
    tag: 'Agents',
    summary: 'One agent',
    description:
      'Digits only are an id, anything else is the exact name (with `asOf`: the name then). `asOf` is for admins and ' +
      'auditors; it leaves out `taskStats`, and `last_seen` and `last_activity` know as many beats as are kept.',
    query: [asOf, atLeast],
    answer: object({ agent: agentPage, asOf: asOfAnswer }),
    failures: [404],
  },
  'PUT /api/agents/{id}': {
    tag: 'Agents',
    summary: 'Change or rename an agent',
    body: {
      required: true,
      schema: object({ name: text(100), role: text(100), gateway_config: { type: 'object' } }),
      example: { role: 'reviewer' },
    },
    answer: object({ success: { const: true }, agent }),
    failures: [404, 409],
  },
  'DELETE /api/agents/{id}': {
    tag: 'Agents',
    summary: 'Delete an agent',
    description: 'Closes its connection and frees its name. Its history stays.',
    answer: object({ success: { const: true }, deleted: { type: 'string' }, remove_workspace: { const: false } }),
    example: { success: true, deleted: 'build-bot', remove_workspace: false },
    failures: [404],
  },
  'GET /api/agents/{id}/heartbeat': {
    tag: 'Heartbeat',
    summary: 'Look at the work items',
    description: 'Reads only: no sign of life, no status, no fact.',
    query: [atLeast],
    answer: object({ ...beat, connection_status: { enum: ['connected', 'none'] } }),
    example: lookExample,
    failures: [404],
  },
  'POST /api/agents/{id}/heartbeat': {
    tag: 'Heartbeat',
    summary: 'Stay alive and get work',
    command: 'plain',
    body: {
      required: false,
      schema: object({
        connection_id: { type: 'string' },
        ack: {
          type: 'array',
          items: { type: 'integer' },
          maxItems: 100,
          description: 'Ids of notifications and mentions from earlier beats: they become delivered and read',
        },
        status: { enum: ['online', 'idle', 'busy', 'error'] },
        last_activity: { type: 'string', description: 'Cut at 500 characters' },
        token_usage: object({
          model: text(200),
          inputTokens: count,
          outputTokens: count,
          cacheReadTokens: count,
          cacheWriteTokens: count,
          reasoningTokens: count,
          taskId: { type: ['integer', 'string', 'null'] },
          eventId: text(200),
        }),
      }),
      example: {
        connection_id: '550e8400-e29b-41d4-a716-446655440000',
        status: 'busy',
        token_usage: { model: 'claude-sonnet-4', inputTokens: 1500, outputTokens: 800, eventId: 'run-81-1' },
      },
    },
    answer: object({
      ...beat,
      token_recorded: { type: 'boolean' },
      token_error: { type: 'string' },
      token_duplicate: { type: 'boolean' },
      status_error: { type: 'string' },
      connection_status: { enum: ['connected', 'none'] },
      acknowledged: { type: 'integer', description: 'How many became read by this beat' },
    }),
    example: {
      status: 'HEARTBEAT_OK',
      agent: 'build-bot',
      checked_at: 1_767_225_600,
      message: 'No work items found',
      token_recorded: true,
      connection_status: 'connected',
      acknowledged: 0,
      asOfPosition: '1-0000000000004b110000000000004b11-5f3b91d0',
    },
    failures: [404, 409],
  },
};
