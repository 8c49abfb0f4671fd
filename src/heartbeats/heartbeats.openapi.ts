import type { ApiBodyOptions } from '@nestjs/swagger';

type SchemaObject = Extract<ApiBodyOptions, { schema: unknown }>['schema'];

const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

/** The body of a beat for the API document; the route checks it by hand. */
export const heartbeatBodySchema: SchemaObject = {
  type: 'object',
  properties: {
    connection_id: { type: 'string', format: 'uuid' },
    ack: { type: 'array', maxItems: 100, items: { type: 'integer', minimum: 1 } },
    status: { type: 'string', enum: ['online', 'idle', 'busy', 'error'] },
    last_activity: { type: 'string', description: 'Cut at 500 characters.' },
    token_usage: {
      type: 'object',
      required: ['model', 'inputTokens', 'outputTokens'],
      properties: {
        model: { type: 'string', maxLength: 200 },
        inputTokens: { ...count, description: 'Without cache reads and writes.' },
        outputTokens: count,
        cacheReadTokens: count,
        cacheWriteTokens: count,
        eventId: { type: 'string', maxLength: 200, description: 'The report counts once under this id.' },
      },
    },
  },
  example: {
    connection_id: '550e8400-e29b-41d4-a716-446655440000',
    status: 'busy',
    last_activity: 'running tests',
    token_usage: { model: 'claude-sonnet-4', inputTokens: 1500, outputTokens: 800, eventId: 'run-81-1' },
  },
};
