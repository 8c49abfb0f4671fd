import { Registry } from 'prom-client';
import type { LogEntry } from '../../../src/platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, comparePositions, type Position } from '../../../src/platform/event-store/position.js';
import { connector, withClient } from '../database.js';
import { quietLogger } from '../logger.js';
import { engineMetrics } from '../metrics.js';
import { type Projection, tableName } from '../projection.js';
import { ProjectionWorker, type WorkerEnd, type WorkerOptions } from '../worker.js';

export interface Delivery {
  /** How often the same events are delivered, as after a reconnect. Default 1. */
  readonly times?: number;
  /** Forced size of the batches. */
  readonly batch?: number;
  readonly mode?: WorkerOptions['mode'];
  readonly attempts?: number;
  readonly failpoint?: WorkerOptions['failpoint'];
}

const BOUND_MS = 30_000;

/**
 * The language of projection tests, against real tables of a migrated database:
 * `await given(url, projection, events).when(more, { times: 2, batch: 7 }).thenRows('agents', rows)`.
 */
export function given(databaseUrl: string, projection: Projection, before: readonly LogEntry[] = []) {
  return {
    when: (events: readonly LogEntry[], delivery: Delivery = {}) =>
      new Delivered(databaseUrl, projection, before, events, delivery),
  };
}

class Delivered {
  constructor(
    private readonly databaseUrl: string,
    private readonly projection: Projection,
    private readonly before: readonly LogEntry[],
    private readonly events: readonly LogEntry[],
    private readonly delivery: Delivery,
  ) {}

  /** Rows of a table of version 1, in key order, or what `select` makes of them. */
  async rows(view: string, select = '*'): Promise<readonly object[]> {
    await this.deliver();
    const table = this.projection.tables.list.find((one) => one.view === view);
    if (table === undefined) throw new Error(`${this.projection.name} has no table ${view}`);
    return withClient(connector(this.databaseUrl, 'test'), async (client) => {
      const { rows } = await client.query<object>(
        `select ${select} from ${tableName(view, 1)} order by ${table.key.join(', ')}`,
      );
      return rows;
    });
  }

  async deliver(): Promise<void> {
    if (this.before.length > 0) await deliver(this.databaseUrl, this.projection, 1, this.before);
    for (let time = 0; time < (this.delivery.times ?? 1); time++) {
      await deliver(this.databaseUrl, this.projection, 1, this.events, this.delivery);
    }
  }
}

/**
 * Runs a worker of its own over the events until they are all behind its checkpoint and nothing is left to do between
 * batches, or it ended by itself.
 */
export async function deliver(
  databaseUrl: string,
  projection: Projection,
  version: number,
  events: readonly LogEntry[],
  delivery: Delivery = {},
): Promise<WorkerEnd> {
  const worker = new ProjectionWorker(
    projection,
    version,
    connector(databaseUrl, 'test'),
    quietLogger,
    engineMetrics(new Registry()),
    {
      mode: delivery.mode ?? 'live',
      idleMoveMs: 0,
      ...(delivery.batch === undefined ? {} : { batchSize: delivery.batch }),
      ...(delivery.attempts === undefined ? {} : { attempts: delivery.attempts }),
      ...(delivery.failpoint === undefined ? {} : { failpoint: delivery.failpoint }),
    },
  );
  await worker.open();
  const run = worker.run();
  const ended = worker.ended.then(() => true);
  worker.offer(events);
  const target = events.at(-1)?.position ?? BEFORE_EVERYTHING;
  const until = performance.now() + BOUND_MS;
  while (!hasPassed(worker, target)) {
    if (await Promise.race([ended, pause()])) break;
    if (performance.now() > until) throw new Error(`${projection.name} did not pass the last event in ${BOUND_MS} ms`);
  }
  worker.stop();
  return run;
}

function pause(): Promise<false> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), 2);
  });
}

function hasPassed(worker: ProjectionWorker, target: Position): boolean {
  const { checkpoint, hasBackgroundWork } = worker.status();
  return !hasBackgroundWork && comparePositions(checkpoint.position, target) >= 0;
}
