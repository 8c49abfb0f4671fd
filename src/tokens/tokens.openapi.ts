import type { ApiBodyOptions } from '@nestjs/swagger';

type SchemaObject = Extract<ApiBodyOptions, { schema: unknown }>['schema'];

const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

const record: SchemaObject = {
  type: 'object',
  required: ['model', 'sessionId', 'inputTokens', 'outputTokens'],
  properties: {
    eventId: { type: 'string', minLength: 1, maxLength: 200, description: 'Identity of the fact.' },
    model: { type: 'string', minLength: 1, maxLength: 200 },
    sessionId: {
      type: 'string',
      minLength: 1,
      maxLength: 512,
      description: '{agent}:{chat}; the agent ends at the first colon.',
    },
    inputTokens: { ...count, description: 'Without cache reads and writes.' },
    outputTokens: count,
    cacheReadTokens: { ...count, default: 0 },
    cacheWriteTokens: { ...count, default: 0 },
    cacheWrite1hTokens: { ...count, description: 'How many of cacheWriteTokens were one-hour writes.' },
    reasoningTokens: { ...count, description: 'Part of outputTokens; information only.' },
    timestamp: { oneOf: [{ type: 'string', format: 'date-time' }, { type: 'integer' }] },
    taskId: { oneOf: [{ type: 'integer' }, { type: 'string', pattern: '^\\d+$' }] },
    operation: { type: 'string', maxLength: 100, default: 'chat_completion' },
    duration: { type: 'integer', minimum: 0, maximum: 604_800_000, description: 'Milliseconds.' },
    provider: { type: 'string', maxLength: 60 },
    serviceClass: { type: 'string', maxLength: 40, default: 'standard' },
    reportedCostUsd: { oneOf: [{ type: 'string' }, { type: 'number' }], description: 'The caller’s own figure.' },
  },
  example: {
    eventId: 'run-81-3',
    model: 'claude-sonnet-4',
    sessionId: 'build-bot:cli',
    inputTokens: 1500,
    outputTokens: 800,
  },
};

/** One record or an array of them, for the API document; the route checks them by hand. */
export const usageReportSchema: SchemaObject = { oneOf: [record, { type: 'array', maxItems: 10_000, items: record }] };
