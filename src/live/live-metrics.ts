import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the event streams say about themselves. */
export class LiveMetrics {
  readonly clients: Gauge<'state'>;
  readonly eventsWritten: Counter;
  readonly writes: Counter;
  readonly bytes: Counter;
  readonly eventsConsidered: Counter;
  readonly catchUpsRunning: Gauge;
  readonly disconnects: Counter<'reason'>;
  readonly resets: Counter<'reason'>;
  readonly ringFloorAge: Gauge;
  readonly deliverySeconds: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.clients = new Gauge({
      name: 'sse_clients',
      help: 'Open event streams.',
      labelNames: ['state'],
      registers,
    });
    this.eventsWritten = new Counter({
      name: 'sse_events_written_total',
      help: 'Facts written to listeners.',
      registers,
    });
    this.writes = new Counter({ name: 'sse_writes_total', help: 'Write calls to listeners.', registers });
    this.bytes = new Counter({ name: 'sse_bytes_total', help: 'Bytes written to listeners.', registers });
    this.eventsConsidered = new Counter({
      name: 'sse_events_considered_total',
      help: 'Facts looked at for listeners, shown or not.',
      registers,
    });
    this.catchUpsRunning = new Gauge({
      name: 'sse_catchups_running',
      help: 'Listeners being served from the store.',
      registers,
    });
    this.disconnects = new Counter({
      name: 'sse_disconnects_total',
      help: 'Ended event streams.',
      labelNames: ['reason'],
      registers,
    });
    this.resets = new Counter({
      name: 'sse_resets_total',
      help: 'Streams that began with a reset frame.',
      labelNames: ['reason'],
      registers,
    });
    this.ringFloorAge = new Gauge({
      name: 'sse_ring_floor_age_seconds',
      help: 'Age of the oldest fact that is served from memory.',
      registers,
    });
    this.deliverySeconds = new Histogram({
      name: 'sse_delivery_seconds',
      help: 'From recording a fact to writing it to live listeners.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    });
  }
}
