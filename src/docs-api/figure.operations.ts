import { atLeast, choice, count, object, type Operation, parameter, type Schema } from './operation.js';

const tag = 'Tasks';
const number: Schema = { type: 'number' };
const outcomes = { success: count, failed: count, partial: count, abandoned: count, unknown: count };
const byName: Schema = {
  type: 'object',
  additionalProperties: object({ ...outcomes, total: count, success_rate: number }),
};
const figure: Schema = { type: ['number', 'null'] };
const window = object({
  label: { enum: ['baseline', 'post'] },
  start: count,
  end: count,
  sample_size: count,
  latency_seconds: object({ p50: figure, p95: figure, avg: figure }),
  interventions: object({ count, rate: number }),
});

export const figureOperations: Readonly<Record<string, Operation>> = {
  'GET /api/tasks/outcomes': {
    tag,
    summary: 'How the tasks came out that are done',
    description:
      'Over tasks with status `done`, by the time of their completion. Rates are of the tasks with an outcome.',
    query: [choice('timeframe', 'Rolling window, by completed_at', ['day', 'week', 'month', 'all']), atLeast],
    answer: object({
      timeframe: { enum: ['day', 'week', 'month', 'all'] },
      summary: object({
        total_done: count,
        with_outcome: count,
        by_outcome: object(outcomes),
        avg_retry_count: number,
        avg_time_to_resolution_seconds: number,
        success_rate: number,
      }),
      by_agent: byName,
      by_priority: byName,
      common_errors: {
        type: 'array',
        maxItems: 10,
        items: object({ error_message: { type: 'string' }, count }),
      },
      record_count: count,
    }),
  },
  'GET /api/tasks/regression': {
    tag,
    summary: 'Latency and interventions before and after a change',
    description:
      'Compares the tasks completed since `beta_start` with those of an equally long time before it. ' +
      '`metric_definitions` says exactly what is counted.',
    query: [
      parameter('beta_start', 'When the change came: unix seconds or ISO 8601 with a zone. Required'),
      parameter('lookback_seconds', 'How far to look back at most; cut to 60 s to 30 days', {
        type: 'integer',
        minimum: 0,
        default: 604_800,
      }),
      atLeast,
    ],
    answer: object({
      metric_definitions: { type: 'object', additionalProperties: { type: 'string' } },
      params: object({ beta_start: count, lookback_seconds: count }),
      windows: object({ baseline: window, post: window }),
      deltas: object({ p95_latency_seconds: figure, intervention_rate: number }),
    }),
  },
};
