import type { Client } from 'pg';
import type { Registry } from 'prom-client';
import type { EventStore, Subscription } from '../../src/platform/event-store/event-store.js';
import { isAfter, laterOf, type Position } from '../../src/platform/event-store/position.js';
import type { Clock } from '../../src/platform/clock/clock.js';
import type { Checkpoint } from './checkpoint.js';
import { closeQuietly, type Connect } from './database.js';
import { answeredHalts } from './dead-letters.js';
import { feed } from './feed.js';
import { IdleMoves } from './idle-moves.js';
import { lagEvents } from './lag.js';
import { defaultLeaseTimes, Lease, type LeaseTimes, PROJECTOR_ROLE } from './lease.js';
import type { EngineLogger } from './logger.js';
import { type EngineMetrics, engineMetrics } from './metrics.js';
import type { Projection } from './projection.js';
import { readVersions, VERSIONS_CHANNEL } from './versions.js';
import { BackOff, Wakeable } from './wakeable.js';
import { ProjectionWorker, type WorkerOptions, type WorkerStatus } from './worker.js';

export interface EngineOptions {
  readonly store: EventStore;
  readonly connect: Connect;
  readonly projections: readonly Projection[];
  readonly logger: EngineLogger;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly leaseTimes?: LeaseTimes;
  readonly worker?: Omit<WorkerOptions, 'mode'>;
  /** Pending work without progress for so long is not healthy, ms. Default 30,000. */
  readonly stalledAfterMs?: number;
}

export interface EngineStatus {
  /** Whether this process feeds the projections; another one may. */
  readonly isLeader: boolean;
  /** False: work is pending and did not move for too long, something halted, or the log cannot be followed. */
  readonly isHealthy: boolean;
  readonly workers: readonly (WorkerStatus & { readonly lagEvents: bigint; readonly lagSeconds: number })[];
}

/** How often the store is asked for its head, ms. */
const HEAD_EVERY_MS = 2_000;
const RECENT = 32;

interface Session {
  readonly workers: readonly ProjectionWorker[];
  readonly subscription: Subscription;
  readonly idleMoves: IdleMoves;
  /** The live versions that it feeds. */
  readonly versions: string;
  /** Why it has to end; the first reason counts. */
  reason: string | undefined;
}

/**
 * Runs all live versions of all projections in the one process that holds the lease: one reader of the log, one worker
 * a version. Everything that fails is tried again with back-off until `stop`; nothing of it ends the process.
 */
export class ProjectionEngine {
  private readonly metrics: EngineMetrics;
  private readonly lease: Lease;
  private readonly times: LeaseTimes;
  private readonly pause = new Wakeable();
  private running: Promise<void> | undefined;
  private stopping = false;
  private session: Session | undefined;
  private looking: Promise<void> | undefined;
  private head: Position | undefined;
  private headAskedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: EngineOptions) {
    this.metrics = engineMetrics(options.registry);
    this.times = options.leaseTimes ?? defaultLeaseTimes;
    this.lease = new Lease(PROJECTOR_ROLE, this.times.ttlMs);
  }

  /** Returns at once. The database and the store may be away: it goes on trying. */
  start(): void {
    this.running ??= this.run();
  }

  /** Ends after the batches in hand and gives the lease up. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.pause.wake();
    await this.running;
  }

  status(): EngineStatus {
    const workers = (this.session?.workers ?? []).map((worker) => {
      const status = worker.status();
      return {
        ...status,
        lagEvents: lagEvents(status.checkpoint, status.read, this.head),
        lagSeconds: this.secondsSince(status.oldestPending),
      };
    });
    return { isLeader: this.session !== undefined, isHealthy: workers.every((one) => this.isHealthy(one)), workers };
  }

  private secondsSince(instant: Date | undefined): number {
    if (instant === undefined) return 0;
    return Math.max(0, (this.options.clock.now().getTime() - instant.getTime()) / 1_000);
  }

  private isHealthy(worker: WorkerStatus): boolean {
    if (worker.state !== 'running') return false;
    const isPending = this.head !== undefined && isAfter(this.head, worker.checkpoint.position);
    return !isPending || performance.now() - worker.lastProgressAt < (this.options.stalledAfterMs ?? 30_000);
  }

  private async run(): Promise<void> {
    const backOff = new BackOff(100, 5_000);
    while (!this.stopping) {
      let client: Client | undefined;
      try {
        client = await this.options.connect();
        if (await this.untilLeader(client)) {
          backOff.reset();
          await this.lead(client);
        }
      } catch (error) {
        this.options.logger.warn({ err: error }, 'the projector lost its footing and starts again');
      } finally {
        this.metrics.leader.set(0);
        if (client !== undefined) await this.lease.release(client).catch(() => undefined);
        await closeQuietly(client);
      }
      if (!this.stopping) await this.pause.wait(backOff.next());
    }
  }

  /** False when stopped before. */
  private async untilLeader(client: Client): Promise<boolean> {
    while (!this.stopping) {
      if (await this.lease.hold(client)) return true;
      await this.pause.wait(this.times.renewEveryMs);
    }
    return false;
  }

  private async lead(client: Client): Promise<void> {
    this.metrics.leader.set(1);
    this.options.logger.info({}, 'this process feeds the projections');
    const backOff = new BackOff(100, 5_000);
    // A switch or a dropped version is noticed at once.
    client.on('notification', () => this.pause.wake());
    await client.query(`listen ${VERSIONS_CHANNEL}`);
    // The watched connection: without it the lease cannot be renewed, so the work stops at once.
    const lost = { isLost: false };
    client.once('end', () => {
      lost.isLost = true;
      this.endSession('the connection of the lease was lost');
    });
    while (!this.stopping && !lost.isLost) {
      const startedAt = performance.now();
      try {
        await this.runSession(client);
      } finally {
        await this.closeSession();
      }
      if (this.stopping || lost.isLost) return;
      if (performance.now() - startedAt > 10_000) backOff.reset();
      this.metrics.restarts.inc();
      await this.pause.wait(backOff.next());
      if (!(await this.lease.hold(client))) return;
    }
  }

  private async runSession(client: Client): Promise<void> {
    const session = await this.openSession(client);
    if (session === undefined) return;
    while (session.reason === undefined && !this.stopping) {
      await this.pause.wait(this.times.renewEveryMs);
      if (session.reason !== undefined || this.stopping) break;
      if (!(await this.lease.hold(client))) throw new Error('another process took the lease');
      // Not awaited: a slow store must not cost the lease.
      this.looking ??= this.look(client, session)
        .catch((error: unknown) => this.options.logger.debug({ err: error }, 'could not look after the projections'))
        .finally(() => {
          this.looking = undefined;
        });
    }
    if (session.reason !== undefined) {
      this.options.logger.warn({ reason: session.reason }, 'the reader of the projections starts again');
    }
  }

  private async openSession(client: Client): Promise<Session | undefined> {
    const byName = new Map<string, Projection>(
      this.options.projections.map((projection) => [projection.name, projection]),
    );
    const live = (await readVersions(client)).filter((row) => row.state === 'live' && byName.has(row.projection));
    const idleMoves = new IdleMoves(this.options.connect);
    const workers = live.flatMap((row) => {
      const projection = byName.get(row.projection);
      return projection === undefined ? [] : [this.workerOf(projection, row.version, idleMoves)];
    });
    if (workers.length === 0) throw new Error('there is no projection to feed: the schema is not migrated');
    const starts = await openAll(workers);
    const session: Session = {
      workers,
      idleMoves,
      versions: versionsText(live),
      subscription: feed(
        this.options.store,
        workers,
        starts.map((start) => start.position),
        'projector',
      ),
      reason: undefined,
    };
    this.session = session;
    this.watch(session);
    return session;
  }

  private workerOf(projection: Projection, version: number, idleMoves: IdleMoves): ProjectionWorker {
    const { connect, logger, worker } = this.options;
    const options = { idleMoves, ...worker, mode: 'live' } as const;
    return new ProjectionWorker(projection, version, connect, logger, this.metrics, options);
  }

  private watch(session: Session): void {
    for (const worker of session.workers) {
      worker.run().then(
        (end) => {
          if (end === 'fenced') this.endSession(`${worker.projection.name}: somebody else moved its checkpoint`);
        },
        (error: unknown) => {
          this.options.logger.error({ err: error, projection: worker.projection.name }, 'a projection failed');
          this.endSession(`${worker.projection.name} failed`);
        },
      );
    }
    session.subscription.done.then(
      () => this.endSession('the subscription ended'),
      (error: unknown) => {
        this.options.logger.error({ err: error }, 'the log refused the reader of the projections');
        this.endSession('the subscription was refused');
      },
    );
  }

  private endSession(reason: string): void {
    if (this.session === undefined || this.session.reason !== undefined) return;
    this.session.reason = reason;
    this.pause.wake();
  }

  private async closeSession(): Promise<void> {
    const { session } = this;
    if (session === undefined) return;
    for (const worker of session.workers) worker.stop();
    await session.subscription.stop().catch(() => undefined);
    await Promise.all(session.workers.map((worker) => worker.ended));
    await session.idleMoves.close();
    this.session = undefined;
  }

  /** Once a second: how far it has been read, what an operator asked for, whether the log still speaks. */
  private async look(client: Client, session: Session): Promise<void> {
    await this.askHead(session);
    const status = this.status();
    for (const worker of status.workers) {
      const labels = { projection: worker.projection, version: String(worker.version) };
      this.metrics.lagEvents.set(labels, Number(worker.lagEvents));
      this.metrics.lagSeconds.set(labels, worker.lagSeconds);
      this.metrics.parkedKeys.set(labels, worker.parkedKeys);
    }
    await noteRead(client, status.workers);
    await this.countDeadLetters(client);
    const answered = await answeredHalts(client);
    const halted = status.workers.filter((worker) => worker.state === 'halted');
    if (halted.some((worker) => answered.has(`${worker.projection}:${worker.version}`))) {
      this.endSession('a halted projection is tried again');
    }
    const live = (await readVersions(client)).filter((row) => row.state === 'live');
    if (versionsText(live.filter((row) => this.knows(row.projection))) !== session.versions) {
      this.endSession('the versions of the projections changed');
    }
  }

  private knows(name: string): boolean {
    return this.options.projections.some((projection) => projection.name === name);
  }

  private async countDeadLetters(client: Client): Promise<void> {
    const { rows } = await client.query<{ projection: string; version: number; letters: string }>(
      'select projection, version, count(*) as letters from projection_dead_letter group by 1, 2',
    );
    this.metrics.deadLetters.reset();
    for (const { projection, version, letters } of rows) {
      this.metrics.deadLetters.set({ projection, version: String(version) }, Number(letters));
    }
  }

  /** A reader that hears nothing while the head of the store lies ahead of it is replaced. */
  private async askHead(session: Session): Promise<void> {
    const now = performance.now();
    if (now - this.headAskedAt < HEAD_EVERY_MS) return;
    this.headAskedAt = now;
    try {
      const recent = await this.options.store.recentPositions({ max: RECENT });
      if (recent.length > 0) this.head = recent.reduce(laterOf);
    } catch (error) {
      this.options.logger.debug({ err: error }, 'the store did not tell its head');
      return;
    }
    const silentMs = now - session.subscription.lastSignAt;
    const { head } = this;
    const isBehind = session.workers.some(
      (worker) => head !== undefined && isAfter(head, worker.status().read.position) && worker.isHungry(),
    );
    if (isBehind && silentMs > (this.options.stalledAfterMs ?? 30_000)) this.endSession('the log has fallen silent');
  }
}

async function openAll(workers: readonly ProjectionWorker[]): Promise<readonly Checkpoint[]> {
  try {
    return await Promise.all(workers.map((worker) => worker.open()));
  } catch (error) {
    for (const worker of workers) worker.stop();
    // A stopped worker only closes its connection.
    await Promise.all(workers.map((worker) => worker.run()));
    throw error;
  }
}

function versionsText(rows: readonly { readonly projection: string; readonly version: number }[]): string {
  return rows.map((row) => `${row.projection}:${row.version}`).join(' ');
}

/** For the lag that other processes show: how far the reader is, beside how far is folded. */
async function noteRead(client: Client, workers: readonly WorkerStatus[]): Promise<void> {
  await client.query({
    name: 'projection_note_read',
    text: `
      insert into projection_read as r (projection, version, commit_position, prepare_position, ordinal)
      select * from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
      on conflict (projection, version) do update
         set commit_position = excluded.commit_position, prepare_position = excluded.prepare_position,
             ordinal = excluded.ordinal
       where r.ordinal <> excluded.ordinal or r.commit_position <> excluded.commit_position`,
    values: [
      workers.map((worker) => worker.projection),
      workers.map((worker) => worker.version),
      workers.map((worker) => String(worker.read.position.commit)),
      workers.map((worker) => String(worker.read.position.prepare)),
      workers.map((worker) => worker.read.ordinal),
    ],
  });
}
