import { atLeast, choice, count, object, type Operation, paging, parameter, type Schema, text } from './operation.js';

const tag = 'Tokens';
const timeframe = choice('timeframe', 'Rolling window, by the time of use', ['hour', 'day', 'week', 'month', 'all']);

const report: Schema = object(
  {
    model: text(200),
    sessionId: text(512, 'The agent is the part before the first colon'),
    inputTokens: count,
    outputTokens: count,
    cacheReadTokens: count,
    cacheWriteTokens: count,
    reasoningTokens: count,
    eventId: text(200, 'Counts once, for ever'),
    timestamp: { type: ['string', 'integer'], description: 'ISO 8601 with zone, or integer ms' },
    taskId: { type: ['integer', 'string', 'null'] },
    operation: text(100),
    duration: { type: 'integer', minimum: 0, maximum: 604_800_000, description: 'Milliseconds' },
    reportedCostUsd: { type: ['string', 'number'] },
    provider: text(60),
    serviceClass: text(40),
    cacheWrite1hTokens: count,
  },
  ['model', 'sessionId', 'inputTokens', 'outputTokens'],
);

const record = object({
  id: { type: 'string', format: 'uuid' },
  eventId: { type: 'string' },
  model: { type: 'string' },
  sessionId: { type: 'string' },
  agentName: { type: 'string' },
  timestamp: { type: 'integer' },
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWriteTokens: count,
  totalTokens: count,
  cost: { type: 'number' },
  costUsd: { type: ['string', 'null'] },
  operation: { type: 'string' },
  taskId: { type: ['integer', 'null'] },
  workspaceId: { type: 'integer' },
});

export const tokenOperations: Readonly<Record<string, Operation>> = {
  'POST /api/tokens': {
    tag,
    summary: 'Report token usage: one record, an array, or NDJSON',
    description:
      'At most 10,000 records and 8 MiB. `application/x-ndjson` holds one record a line. `?onError=skip` records the valid ones of a bulk.',
    query: [choice('onError', 'What a bulk does with invalid records', ['skip'])],
    body: {
      required: true,
      schema: { oneOf: [report, { type: 'array', items: report, maxItems: 10_000 }] },
      example: {
        eventId: 'run-81-2',
        model: 'claude-sonnet-4',
        sessionId: 'build-bot:cli',
        inputTokens: 5000,
        outputTokens: 2000,
      },
    },
    answer: {
      anyOf: [
        object({ success: { const: true }, record, duplicate: { type: 'boolean' } }),
        object({
          success: { type: 'boolean' },
          recorded: { type: 'integer' },
          duplicates: { type: 'integer' },
          conflicts: { type: 'integer' },
          results: { type: 'array', items: { type: 'object' } },
        }),
      ],
    },
    failures: [409],
  },
  'GET /api/tokens': {
    tag,
    summary: 'Read usage and cost',
    query: [choice('action', 'What to read', ['list', 'stats', 'agent-costs']), timeframe, ...paging(500), atLeast],
    answer: { type: 'object' },
  },
  'GET /api/tokens/by-agent': {
    tag,
    summary: 'Usage by agent and model',
    query: [
      parameter('days', 'How many days back', { type: 'integer', minimum: 1, maximum: 365, default: 30 }),
      atLeast,
    ],
    answer: object({ agents: { type: 'array', items: { type: 'object' } }, summary: { type: 'object' } }),
  },
};
