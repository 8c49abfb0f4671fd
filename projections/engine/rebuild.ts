import type { Client } from 'pg';
import type { Registry } from 'prom-client';
import { type EventStore, isReadable } from '../../src/platform/event-store/event-store.js';
import { logEnd } from '../../src/platform/event-store/log-end.js';
import { isAfter, type Position } from '../../src/platform/event-store/position.js';
import type { Checkpoint } from './checkpoint.js';
import { closeQuietly, type Connect, inTransaction } from './database.js';
import { feed } from './feed.js';
import { lagEvents } from './lag.js';
import { Lease } from './lease.js';
import type { EngineLogger } from './logger.js';
import { engineMetrics } from './metrics.js';
import { type Projection, tableName } from './projection.js';
import { transactionOn } from './sql.js';
import { Wakeable } from './wakeable.js';
import { ProjectionWorker } from './worker.js';

export interface ProjectionVersion {
  readonly projection: Projection;
  readonly version: number;
}

export interface RebuildOptions {
  readonly store: EventStore;
  readonly connect: Connect;
  /** Folded beside each other from one reading of the log; the slowest holds the others back. */
  readonly versions: readonly ProjectionVersion[];
  readonly logger: EngineLogger;
  readonly registry: Registry;
  /** Fixes the size of the batches. */
  readonly batchSize?: number;
  /** Told about once a second, and at the end of the load. */
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Ends it after the batch in hand; the next call goes on from there. */
  readonly signal?: AbortSignal;
}

/** Of the slowest. */
export interface RebuildProgress {
  /** Events of the log passed since this call. */
  readonly events: number;
  readonly remaining: bigint;
  readonly eventsPerSecond: number;
}

/** The rebuild cannot go on; what it has done so far stays and can be resumed. */
export class RebuildFailed extends Error {}

const LOOK_EVERY_MS = 50;
const TELL_EVERY_MS = 1_000;
const LEASE_MS = 5_000;
/** The longest that a timer can wait. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * Folds projections from the start of the log into tables of their own (`<table>_vN`), while the active versions stay
 * live. Resumable: every checkpoint is stored like any other. Resolves when all have reached the head that the log had
 * then, and their indexes are made; false when it was asked to stop before.
 *
 * Throws {@link RebuildFailed} when another process rebuilds one of the versions, when one is live already, and when an
 * event stops one: a rebuild never skips. An event that stops one lets the others come to their end first.
 */
export async function rebuild(options: RebuildOptions): Promise<boolean> {
  const { connect, store } = options;
  const client = await connect();
  const builds = options.versions.map((version) => new Build(version, options));
  try {
    for (const build of builds) await build.holdLease(client);
    for (const build of builds) await prepare(client, store, build.of);
    const isDone = await load(options, builds, client);
    if (!isDone) return false;
    const whole = builds.filter(({ failure }) => failure === undefined);
    for (const build of whole) await makeIndexes(client, build.of);
    const [failed] = builds.flatMap(({ failure }) => failure ?? []);
    if (failed !== undefined) throw failed;
    return true;
  } finally {
    for (const build of builds) await build.releaseLease(client);
    await closeQuietly(client);
  }
}

/** One version on its way to the head of the log. */
class Build {
  failure: RebuildFailed | undefined;
  private readonly lease: Lease;
  private readonly worker: ProjectionWorker;
  private start: Checkpoint | undefined;
  private run: Promise<void> = Promise.resolve();

  constructor(
    readonly of: ProjectionVersion,
    { connect, logger, registry, batchSize }: RebuildOptions,
  ) {
    const { projection, version } = of;
    this.lease = new Lease(`rebuild:${projection.name}:${version}`, LEASE_MS);
    this.worker = new ProjectionWorker(projection, version, connect, logger, engineMetrics(registry), {
      mode: 'rebuild',
      ...(batchSize === undefined ? {} : { batchSize }),
    });
  }

  async holdLease(client: Client): Promise<void> {
    if (!(await this.lease.hold(client))) throw this.failed('another process rebuilds this version');
  }

  async releaseLease(client: Client): Promise<void> {
    await this.lease.release(client).catch(() => undefined);
  }

  async begin(): Promise<{ readonly worker: ProjectionWorker; readonly start: Position }> {
    this.start = await this.worker.open();
    this.run = this.worker.run().then(
      (end) => {
        if (end === 'fenced') this.failure = this.failed('somebody else folds this version');
        if (end === 'halted') this.failure = this.failed(this.worker.status().trouble ?? 'an event stopped it');
      },
      (error: unknown) => {
        this.failure = this.failed('the rebuild failed', error);
      },
    );
    return { worker: this.worker, start: this.start.position };
  }

  async end(): Promise<void> {
    this.worker.stop();
    await this.run;
  }

  hasReached(head: Position): boolean {
    return !isAfter(head, this.worker.status().checkpoint.position);
  }

  progress(head: Position): Pick<RebuildProgress, 'events' | 'remaining'> {
    const { checkpoint, read } = this.worker.status();
    return { events: checkpoint.ordinal - (this.start?.ordinal ?? 0), remaining: lagEvents(checkpoint, read, head) };
  }

  private failed(why: string, cause?: unknown): RebuildFailed {
    const { projection, version } = this.of;
    return new RebuildFailed(`${projection.name} v${version}: ${why}`, { cause });
  }
}

async function prepare(client: Client, store: EventStore, { projection, version }: ProjectionVersion): Promise<void> {
  const { prelude } = projection;
  const first = prelude === undefined ? [] : ((await store.readStream(prelude.stream)) ?? []);
  await inTransaction(client, async () => {
    const { rows } = await client.query<{ state: string }>(
      'select state from projection_checkpoint where projection = $1 and version = $2',
      [projection.name, version],
    );
    if (rows[0]?.state === 'live') throw new RebuildFailed(`version ${version} of ${projection.name} is live already`);
    if (rows.length > 0) return;
    await client.query(projection.tables.create(version));
    await client.query(`insert into projection_checkpoint (projection, version, state) values ($1, $2, 'building')`, [
      projection.name,
      version,
    ]);
    const unreadable = first.find((entry) => !isReadable(entry));
    if (unreadable !== undefined) throw new RebuildFailed(`${unreadable.stream} holds an event that cannot be read`);
    await prelude?.write(transactionOn(client), first.filter(isReadable), version);
  });
}

/** Until each has reached the head or cannot go on. False: it was asked to stop before. */
async function load(options: RebuildOptions, builds: readonly Build[], client: Client): Promise<boolean> {
  const { store, signal } = options;
  const head = await logEnd(store);
  const pending = () => builds.filter((build) => build.failure === undefined && !build.hasReached(head));
  const tell = teller(options, builds, head);
  const pause = new Wakeable();
  let toldAt = performance.now();
  const begun = await Promise.all(builds.map((build) => build.begin()));
  const subscription = feed(
    store,
    begun.map(({ worker }) => worker),
    begun.map(({ start }) => start),
    `rebuild ${builds.map(({ of }) => of.projection.name).join(' ')}`,
  );
  const feeding: { error?: unknown } = {};
  subscription.done.catch((error: unknown) => {
    feeding.error = error;
  });
  try {
    while (pending().length > 0) {
      if (feeding.error !== undefined) throw new RebuildFailed('the log cannot be read', { cause: feeding.error });
      if (signal?.aborted === true) return false;
      await pause.wait(LOOK_EVERY_MS);
      if (performance.now() - toldAt < TELL_EVERY_MS) continue;
      toldAt = performance.now();
      tell();
      for (const build of builds) await build.holdLease(client);
    }
  } finally {
    for (const build of builds) await build.end();
    await subscription.stop().catch(() => undefined);
  }
  tell();
  return true;
}

function teller({ onProgress }: RebuildOptions, builds: readonly Build[], head: Position): () => void {
  const startedAt = performance.now();
  return () => {
    const going = builds.filter(({ failure }) => failure === undefined).map((build) => build.progress(head));
    const [first, ...others] = going;
    if (first === undefined) return;
    const slowest = others.reduce((a, b) => (b.remaining > a.remaining ? b : a), first);
    const seconds = Math.max(1, performance.now() - startedAt) / 1_000;
    onProgress?.({ ...slowest, eventsPerSecond: Math.round(slowest.events / seconds) });
  };
}

/** However long it takes: on a large table an index takes longer than any other statement may. */
async function makeIndexes(client: Client, { projection, version }: ProjectionVersion): Promise<void> {
  const steps = [
    projection.tables.index(version),
    ...projection.tables.list.map(({ view }) => `analyze ${tableName(view, version)}`),
  ];
  await client.query('set statement_timeout = 0');
  for (const text of steps) {
    // The driver knows a limit of one statement, its types do not.
    const patient = { text, query_timeout: LONGEST_WAIT_MS };
    if (text.trim() !== '') await client.query(patient);
  }
  await client.query('reset statement_timeout');
}
