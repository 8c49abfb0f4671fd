import type { Client } from 'pg';
import type { Registry } from 'prom-client';
import { type EventStore, isReadable } from '../../src/platform/event-store/event-store.js';
import { comparePositions, isAfter, laterOf, type Position } from '../../src/platform/event-store/position.js';
import { readCheckpoint } from './checkpoint.js';
import { closeQuietly, type Connect, inTransaction } from './database.js';
import { feed } from './feed.js';
import { lagEvents } from './lag.js';
import { Lease } from './lease.js';
import type { EngineLogger } from './logger.js';
import { engineMetrics } from './metrics.js';
import { type Projection, tableName } from './projection.js';
import { sqlStateOf, transactionOn } from './sql.js';
import { VERSIONS_CHANNEL } from './versions.js';
import { BackOff, Wakeable } from './wakeable.js';
import { ProjectionWorker, type WorkerEnd } from './worker.js';

export interface RebuildOptions {
  readonly store: EventStore;
  readonly connect: Connect;
  readonly projection: Projection;
  readonly version: number;
  readonly logger: EngineLogger;
  readonly registry: Registry;
  /** Fixes the size of the batches. */
  readonly batchSize?: number;
  /** Told about once a second, and at the end of the load. */
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Ends it after the batch in hand; the next call goes on from there. */
  readonly signal?: AbortSignal;
}

export interface RebuildProgress {
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
 * Folds a projection from the start of the log into tables of its own (`<table>_vN`), while the active version stays
 * live. Resumable: its checkpoint is stored like any other. Resolves when it has reached the head that the log had then,
 * and its indexes are made; false when it was asked to stop before.
 *
 * Throws {@link RebuildFailed} when another process rebuilds the same version, when the version is live already, and
 * when an event stops it: a rebuild never skips.
 */
export async function rebuild(options: RebuildOptions): Promise<boolean> {
  const { projection, version, connect } = options;
  const client = await connect();
  const lease = new Lease(`rebuild:${projection.name}:${version}`, LEASE_MS);
  try {
    if (!(await lease.hold(client))) throw new RebuildFailed('another process rebuilds this version');
    await prepare(client, options);
    const isDone = await load(options, () => lease.hold(client));
    if (isDone) {
      await makeIndexes(client, projection, version);
    }
    return isDone;
  } finally {
    await lease.release(client).catch(() => undefined);
    await closeQuietly(client);
  }
}

/** However long it takes: on a large table an index takes longer than any other statement may. */
async function makeIndexes(client: Client, projection: Projection, version: number): Promise<void> {
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

async function prepare(client: Client, { projection, version, store }: RebuildOptions): Promise<void> {
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

async function load(options: RebuildOptions, holdLease: () => Promise<boolean>): Promise<boolean> {
  const { store, connect, projection, version, logger, registry, batchSize, signal } = options;
  const worker = new ProjectionWorker(projection, version, connect, logger, engineMetrics(registry), {
    mode: 'rebuild',
    ...(batchSize === undefined ? {} : { batchSize }),
  });
  const start = await worker.open();
  const head = await headOf(store);
  const outcome: { end?: WorkerEnd; error?: unknown } = {};
  const run = worker.run().then(
    (end) => {
      outcome.end = end;
    },
    (error: unknown) => {
      outcome.error = error;
    },
  );
  const subscription = feed(store, [worker], [start.position], `rebuild ${projection.name}`);
  subscription.done.catch((error: unknown) => {
    outcome.error = error;
  });
  const tell = teller(options, worker, start.ordinal, head);
  const pause = new Wakeable();
  let toldAt = performance.now();
  try {
    for (;;) {
      if (outcome.end === 'halted') throw new RebuildFailed(worker.status().trouble ?? 'an event stopped it');
      if (outcome.end !== undefined) throw new RebuildFailed('somebody else folds this version');
      if (outcome.error !== undefined) throw new RebuildFailed('the rebuild failed', { cause: outcome.error });
      if (head === undefined || !isAfter(head, worker.status().checkpoint.position)) break;
      if (signal?.aborted === true) break;
      await pause.wait(LOOK_EVERY_MS);
      if (performance.now() - toldAt < TELL_EVERY_MS) continue;
      toldAt = performance.now();
      tell();
      if (!(await holdLease())) throw new RebuildFailed('another process rebuilds this version');
    }
  } finally {
    worker.stop();
    await subscription.stop().catch(() => undefined);
    await run;
  }
  tell();
  return head === undefined || !isAfter(head, worker.status().checkpoint.position);
}

async function headOf(store: EventStore): Promise<Position | undefined> {
  const recent = await store.recentPositions({ max: 32 });
  return recent.length === 0 ? undefined : recent.reduce(laterOf);
}

function teller(
  { onProgress }: RebuildOptions,
  worker: ProjectionWorker,
  startOrdinal: number,
  head: Position | undefined,
): () => void {
  const startedAt = performance.now();
  return () => {
    const { checkpoint, read } = worker.status();
    const events = checkpoint.ordinal - startOrdinal;
    onProgress?.({
      events,
      remaining: lagEvents(checkpoint, read, head),
      eventsPerSecond: Math.round((events * 1_000) / Math.max(1, performance.now() - startedAt)),
    });
  };
}

const SWITCH_ATTEMPTS = 20;
/** Below the server's deadlock timeout: the switch gives way, never a query. */
const SWITCH_LOCK_TIMEOUT = '300ms';
const LOCK_NOT_AVAILABLE = '55P03';
const CANNOT_REPLACE_VIEW = '42P16';

/**
 * Makes `version` the one that queries see: views and pointer change in one transaction, and the projector feeds it from
 * then on beside the old one, so that switching back is the same call. The version must stand where the active one does
 * or later; false: it is behind and has to catch up first. Nothing is dropped.
 */
export async function switchTo(connect: Connect, projection: Projection, version: number): Promise<boolean> {
  const client = await connect();
  const pause = new BackOff(100, 1_000);
  const rest = new Wakeable();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await inTransaction(client, () => trySwitch(client, projection, version));
      } catch (error) {
        if (attempt === SWITCH_ATTEMPTS || sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
        await rest.wait(pause.next());
      }
    }
  } finally {
    await closeQuietly(client);
  }
}

async function trySwitch(client: Client, projection: Projection, version: number): Promise<boolean> {
  await client.query(`set local lock_timeout = '${SWITCH_LOCK_TIMEOUT}'`);
  const { rows } = await client.query<{ version: number }>(
    'select version from projection_active where projection = $1 for update',
    [projection.name],
  );
  const active = rows[0]?.version;
  if (active === undefined) throw new RebuildFailed(`${projection.name} has no active version: migrate first`);
  if (active === version) return true;
  await client.query(
    'select 1 from projection_checkpoint where projection = $1 and version in ($2, $3) order by version for update',
    [projection.name, active, version],
  );
  const from = await readCheckpoint(client, projection.name, active);
  const to = await readCheckpoint(client, projection.name, version);
  if (to === undefined) throw new RebuildFailed(`version ${version} of ${projection.name} does not exist`);
  if (from !== undefined && comparePositions(to.position, from.position) < 0) return false;
  for (const { view } of projection.tables.list) await replaceView(client, view, version);
  await client.query(
    'update projection_active set version = $2, switched_at = clock_timestamp() where projection = $1',
    [projection.name, version],
  );
  await client.query(`update projection_checkpoint set state = 'live' where projection = $1 and version = $2`, [
    projection.name,
    version,
  ]);
  await client.query(`notify ${VERSIONS_CHANNEL}`);
  return true;
}

/** `create or replace view` may only append columns; another shape needs a new view, and fails while others use it. */
async function replaceView(client: Client, view: string, version: number): Promise<void> {
  await client.query('savepoint replace_view');
  try {
    await client.query(`create or replace view ${view} as select * from ${tableName(view, version)}`);
  } catch (error) {
    if (sqlStateOf(error) !== CANNOT_REPLACE_VIEW) throw error;
    await client.query('rollback to savepoint replace_view');
    await client.query(`drop view ${view}`);
    await client.query(`create view ${view} as select * from ${tableName(view, version)}`);
  }
  await client.query('release savepoint replace_view');
}

/** Drops the tables and the checkpoint of a version that nobody sees. Refuses the active one. */
export async function dropVersion(connect: Connect, projection: Projection, version: number): Promise<void> {
  const client = await connect();
  try {
    await inTransaction(client, async () => {
      const { rows } = await client.query<{ version: number }>(
        'select version from projection_active where projection = $1 for update',
        [projection.name],
      );
      if (rows[0]?.version === version) throw new RebuildFailed(`version ${version} of ${projection.name} is active`);
      const ofVersion = [projection.name, version];
      await client.query('delete from projection_checkpoint where projection = $1 and version = $2', ofVersion);
      await client.query('delete from projection_read where projection = $1 and version = $2', ofVersion);
      await client.query('delete from projection_dead_letter where projection = $1 and version = $2', ofVersion);
      for (const { view } of projection.tables.list) {
        await client.query(`drop table if exists ${tableName(view, version)}`);
      }
      await client.query(`notify ${VERSIONS_CHANNEL}`);
    });
  } finally {
    await closeQuietly(client);
  }
}
