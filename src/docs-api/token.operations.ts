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
  'POST /api/tokens/{id}/correct': {
    tag,
    summary: 'Correct a report: other counts or another model, priced by the time of use',
    description: 'The report stays in the history; the frame is `token.corrected`. To what it is already: no effect.',
    body: {
      required: true,
      schema: object(
        {
          reason: text(500),
          model: text(200),
          inputTokens: count,
          outputTokens: count,
          cacheReadTokens: count,
          cacheWriteTokens: count,
          cacheWrite1hTokens: count,
          reasoningTokens: count,
        },
        ['reason'],
      ),
      example: { reason: 'cached tokens were counted as input', inputTokens: 100, cacheReadTokens: 4900 },
    },
    answer: object({ success: { const: true }, record }),
    failures: [404, 409],
  },
  'POST /api/tokens/{id}/void': {
    tag,
    summary: 'Void a report: it counts no more, and its eventId stays taken',
    description: 'The report stays in the history; the frame is `token.voided`. A second time: no effect.',
    body: {
      required: true,
      schema: object({ reason: text(500) }, ['reason']),
      example: { reason: 'sent by a test' },
    },
    answer: object({ success: { const: true }, record, voided: { const: true } }),
    failures: [404],
  },
  'GET /api/tokens': {
    tag,
    summary: 'Read usage and cost',
    description:
      '`list`: reports, newest first. `stats`: sums, by model, session and agent. `agent-costs`, `task-costs`: with days in `tz`. ' +
      '`trends`: by hour, the last 24 unless a range is given. No total is cut off at any number of reports. ' +
      '`export`: a file of all reports with their cost, streamed; as Parquet its money is decimal(38,12).',
    query: [
      choice('action', 'What to read', ['list', 'stats', 'agent-costs', 'task-costs', 'trends', 'export']),
      timeframe,
      parameter('since', 'From this instant on, instead of a timeframe: ISO 8601 with zone, or ms'),
      parameter('until', 'Before this instant'),
      choice('format', 'Of an export', ['json', 'csv', 'ndjson', 'parquet']),
      parameter('raw', '1: formulas in CSV are left as they are', { enum: ['0', '1'] }),
      parameter('tz', 'Zone of the days, IANA', { type: 'string', default: 'UTC' }),
      ...paging(500),
      atLeast,
    ],
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
