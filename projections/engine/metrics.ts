import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const LABELS = ['projection', 'version'] as const;

/** The metrics of the engine. Made once a registry: further engines in the same process share them. */
export interface EngineMetrics {
  readonly lagEvents: Gauge<'projection' | 'version'>;
  readonly lagSeconds: Gauge<'projection' | 'version'>;
  readonly batchSeconds: Histogram<'projection' | 'version'>;
  readonly batchSize: Histogram<'projection' | 'version'>;
  readonly events: Counter<'projection' | 'version' | 'result'>;
  readonly deadLetters: Gauge<'projection' | 'version'>;
  readonly parkedKeys: Gauge<'projection' | 'version'>;
  readonly lastProgress: Gauge<'projection' | 'version'>;
  readonly leader: Gauge;
  readonly restarts: Counter;
}

const made = new WeakMap<Registry, EngineMetrics>();

export function engineMetrics(registry: Registry): EngineMetrics {
  const known = made.get(registry);
  if (known !== undefined) return known;
  const registers = [registry];
  const metrics: EngineMetrics = {
    lagEvents: new Gauge({
      name: 'projection_lag_events',
      help: 'Events between the checkpoint and the head of the log',
      labelNames: LABELS,
      registers,
    }),
    lagSeconds: new Gauge({
      name: 'projection_lag_seconds',
      help: 'Age of the oldest event that is not yet folded',
      labelNames: LABELS,
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'projection_batch_seconds',
      help: 'Time from the start of a fold to its commit',
      labelNames: LABELS,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    batchSize: new Histogram({
      name: 'projection_batch_size',
      help: 'Events in one transaction',
      labelNames: LABELS,
      buckets: [1, 2, 5, 10, 50, 100, 500, 1_000, 2_500, 5_000],
      registers,
    }),
    events: new Counter({
      name: 'projection_events_total',
      help: 'Events by what became of them: folded, ignored, unknown, parked, skipped, discarded',
      labelNames: [...LABELS, 'result'],
      registers,
    }),
    deadLetters: new Gauge({
      name: 'projection_deadletters',
      help: 'Events set aside',
      labelNames: LABELS,
      registers,
    }),
    parkedKeys: new Gauge({ name: 'projection_parked_keys', help: 'Keys set aside', labelNames: LABELS, registers }),
    lastProgress: new Gauge({
      name: 'projection_last_progress_timestamp_seconds',
      help: 'When the checkpoint moved last',
      labelNames: LABELS,
      registers,
    }),
    leader: new Gauge({ name: 'projection_leader', help: '1 in the process that feeds the projections', registers }),
    restarts: new Counter({
      name: 'subscription_restarts_total',
      help: 'Times the reader of the projections was started again',
      registers,
    }),
  };
  made.set(registry, metrics);
  return metrics;
}
