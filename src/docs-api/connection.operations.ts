import { atLeast, choice, object, type Operation, paging, parameter, seconds, text } from './operation.js';

const tag = 'Connections';
const connectionId = '550e8400-e29b-41d4-a716-446655440000';
const uuid = { type: 'string', format: 'uuid' };

export const connectionOperations: Readonly<Record<string, Operation>> = {
  'POST /api/connect': {
    tag,
    summary: 'Open a connection',
    description:
      'Creates the agent if its name is new, supersedes its open connection if there is one, and puts it online: one atomic step.',
    body: {
      required: true,
      schema: object(
        {
          tool_name: text(100),
          agent_name: text(100),
          tool_version: text(50),
          agent_role: { ...text(100), default: 'cli' },
          metadata: { type: 'object', description: 'At most 16 KiB' },
        },
        ['tool_name', 'agent_name'],
      ),
      example: {
        tool_name: 'claude-code',
        tool_version: '1.0.0',
        agent_name: 'build-bot',
        agent_role: 'developer',
      },
    },
    answer: object({
      connection_id: uuid,
      agent_id: { type: 'integer' },
      agent_name: { type: 'string' },
      status: { const: 'connected' },
      sse_url: { type: 'string' },
      heartbeat_url: { type: 'string' },
      token_report_url: { type: 'string' },
      heartbeat_interval: { type: 'integer', description: 'Seconds' },
      connection_timeout: { type: 'integer', description: 'Seconds' },
      epoch: { type: 'integer', description: 'Grows by one per connection of the agent' },
    }),
    example: {
      connection_id: connectionId,
      agent_id: 42,
      agent_name: 'build-bot',
      status: 'connected',
      sse_url: '/api/events',
      heartbeat_url: '/api/agents/42/heartbeat',
      token_report_url: '/api/tokens',
      heartbeat_interval: 30,
      connection_timeout: 90,
      epoch: 3,
    },
    failures: [409, 422],
  },
  'GET /api/connect': {
    tag,
    summary: 'List connections, newest first',
    query: [
      choice('status', 'Only these', ['connected', 'disconnected']),
      parameter('agent', 'Id or name of an agent'),
      ...paging(200),
      atLeast,
    ],
    answer: object({
      connections: {
        type: 'array',
        items: object({
          id: { type: 'integer' },
          agent_id: { type: 'integer' },
          tool_name: { type: 'string' },
          tool_version: { type: ['string', 'null'] },
          connection_id: uuid,
          status: { enum: ['connected', 'disconnected'] },
          last_heartbeat: seconds,
          metadata: { type: ['string', 'null'], description: 'JSON text' },
          created_at: seconds,
          updated_at: seconds,
          workspace_id: { type: 'integer' },
          agent_name: { type: 'string' },
          agent_status: { type: 'string' },
          agent_role: { type: 'string' },
          close_reason: { enum: ['client', 'superseded', 'expired', 'agent_deleted', null] },
          closed_at: { type: ['integer', 'null'] },
          epoch: { type: 'integer' },
        }),
      },
      total: { type: 'integer' },
      page: { type: 'integer' },
      limit: { type: 'integer' },
    }),
  },
  'DELETE /api/connect': {
    tag,
    summary: 'Close a connection',
    description: 'The repeat is the same 200 and records nothing. Closing the open connection puts the agent offline.',
    body: {
      required: true,
      schema: object({ connection_id: uuid }, ['connection_id']),
      example: { connection_id: connectionId },
    },
    answer: object({ status: { const: 'disconnected' }, connection_id: uuid }),
    example: { status: 'disconnected', connection_id: connectionId },
    failures: [404],
  },
};
