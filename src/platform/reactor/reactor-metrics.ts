import { Counter, Gauge, type Registry } from 'prom-client';

/** What a reactor says about itself. */
export class ReactorMetrics {
  readonly events: Counter<'reactor' | 'result'>;
  readonly lastProgress: Gauge<'reactor'>;

  /** `lagSeconds`: age of the oldest event that the reactor has in hand; 0 when it has none. */
  constructor(
    registry: Registry,
    private readonly reactor: string,
    lagSeconds: () => number,
  ) {
    const registers = [registry];
    this.events = new Counter({
      name: 'reactor_events_total',
      help: 'What came of the facts that a reactor was to record.',
      labelNames: ['reactor', 'result'],
      registers,
    });
    this.lastProgress = new Gauge({
      name: 'reactor_last_progress_timestamp_seconds',
      help: 'When the reactor finished a batch last.',
      labelNames: ['reactor'],
      registers,
    });
    const lag: Gauge<'reactor'> = new Gauge({
      name: 'reactor_lag_seconds',
      help: 'Age of the oldest event that the reactor is working on.',
      labelNames: ['reactor'],
      registers,
      collect: () => lag.set({ reactor }, lagSeconds()),
    });
  }

  count(result: 'recorded' | 'already' | 'skipped' | 'unreadable'): void {
    this.events.inc({ reactor: this.reactor, result });
  }

  progressed(): void {
    this.lastProgress.setToCurrentTime({ reactor: this.reactor });
  }
}
