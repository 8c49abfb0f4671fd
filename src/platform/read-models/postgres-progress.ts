import type { Client } from 'pg';
import {
  type Checkpoint,
  closeQuietly,
  type Connect,
  lagEvents,
  parseProgress,
  PROGRESS_CHANNEL,
} from '../../../projections/engine/index.js';
import type { EventStore } from '../event-store/event-store.js';
import { isAfter, laterOf, type Position } from '../event-store/position.js';
import { unavailable } from '../http/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { type Consistency, type ProjectionName, ReadModelProgress } from './consistency.js';

interface Known {
  readonly version: number;
  readonly checkpoint: Checkpoint;
  /** How far the projector has read for it. */
  readonly read: Checkpoint | undefined;
}

interface Waiter {
  readonly projections: readonly ProjectionName[];
  readonly position: Position;
  readonly settle: (reached: boolean) => void;
}

/** A place that the head of the store was seen at, and when (monotonic ms). */
interface HeadSeen {
  readonly position: Position;
  readonly at: number;
}

const POLL_WHILE_WAITING_MS = 100;
const POLL_IDLE_MS = 1_000;
const HINTED_HEAD_EVERY_MS = 100;
const RECENT = 32;
const HEADS_KEPT = 600;
const DEFAULT_WAIT_MS = 2_000;

/**
 * Read-your-writes from the projector's NOTIFY: one listening connection a process, a list of waiters, and a look at
 * the table once a second, or every 100 ms while anybody waits, because a notification can be lost. The lag is measured
 * against the store's own head as this process sees it, so that a dead projector cannot look caught up.
 */
export class PostgresReadModelProgress extends ReadModelProgress {
  private client: Client | undefined;
  private readonly known = new Map<string, Known>();
  private readonly waiters = new Set<Waiter>();
  private heads: HeadSeen[] = [];
  private isStopping = false;
  private running: Promise<void> | undefined;
  private wake: (() => void) | undefined;
  private askedHeadAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly connect: Connect,
    private readonly store: Pick<EventStore, 'recentPositions'>,
    private readonly logger: Pick<Logger, 'warn'>,
  ) {
    super();
  }

  /** Returns at once; database and store may be away. */
  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.wake?.();
    await this.running;
    for (const waiter of this.waiters) waiter.settle(false);
  }

  override waitFor(
    projections: readonly ProjectionName[],
    position: Position,
    timeoutMs = DEFAULT_WAIT_MS,
  ): Promise<boolean> {
    if (this.haveAllPassed(projections, position)) return Promise.resolve(true);
    if (this.isStopping || timeoutMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiter.settle(false), timeoutMs);
      const waiter: Waiter = {
        projections,
        position,
        settle: (reached) => {
          clearTimeout(timer);
          this.waiters.delete(waiter);
          resolve(reached);
        },
      };
      this.waiters.add(waiter);
      if (this.waiters.size === 1) this.wake?.();
    });
  }

  override async consistencyOf(projections: readonly ProjectionName[]): Promise<Consistency> {
    const [first, ...others] = projections.map((name) => this.lagOf(name));
    if (first === undefined) throw new Error('consistencyOf needs a projection');
    return others.reduce<Consistency>(
      (worst, lag) => ({
        position: isAfter(worst.position, lag.position) ? lag.position : worst.position,
        lagEvents: lag.lagEvents > worst.lagEvents ? lag.lagEvents : worst.lagEvents,
        lagSeconds: Math.max(worst.lagSeconds, lag.lagSeconds),
      }),
      first,
    );
  }

  /** The head of the store as last seen by this process. */
  get head(): Position | undefined {
    return this.heads.at(-1)?.position;
  }

  /** A hint that the log reaches at least to here: the lag is known before the store is asked again. May be left out. */
  noteHead(position: Position): void {
    const now = performance.now();
    const last = this.heads.at(-1);
    if (last === undefined || now - last.at >= HINTED_HEAD_EVERY_MS) this.addHead(position, now);
  }

  private lagOf(name: ProjectionName): Consistency {
    const known = this.known.get(name);
    if (known === undefined) throw unavailable('The read model is not available yet');
    return this.measure(known);
  }

  private measure({ checkpoint, read }: Known): Consistency {
    const head = this.heads.at(-1)?.position;
    const oldestPending = this.heads.find((seen) => isAfter(seen.position, checkpoint.position));
    return {
      position: checkpoint.position,
      lagEvents: lagEvents(checkpoint, read, head),
      lagSeconds: oldestPending === undefined ? 0 : (performance.now() - oldestPending.at) / 1_000,
    };
  }

  private haveAllPassed(projections: readonly ProjectionName[], position: Position): boolean {
    return projections.every((name) => {
      const known = this.known.get(name);
      return known !== undefined && !isAfter(position, known.checkpoint.position);
    });
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      try {
        const isAnew = this.client === undefined;
        this.client ??= await this.listen();
        await this.look(this.client, isAnew);
      } catch (error) {
        if (this.client !== undefined) this.logger.warn({ err: error }, 'lost touch with the read models');
        await closeQuietly(this.client);
        this.client = undefined;
      }
      await this.askHead();
      await this.rest(this.waiters.size > 0 ? POLL_WHILE_WAITING_MS : POLL_IDLE_MS);
    }
    await closeQuietly(this.client);
  }

  private async rest(ms: number): Promise<void> {
    if (this.isStopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = undefined;
  }

  private async listen(): Promise<Client> {
    const client = await this.connect();
    client.on('notification', ({ payload }) => {
      const progress = parseProgress(payload ?? '');
      if (progress !== undefined) this.note(progress.projection, progress.version, progress.checkpoint);
    });
    await client.query(`listen ${PROGRESS_CHANNEL}`);
    return client;
  }

  /** A notification of another than the active version (a rebuild) says nothing to a waiter. */
  private note(name: string, version: number, checkpoint: Checkpoint): void {
    const known = this.known.get(name);
    if (known === undefined || known.version !== version) return;
    if (!isAfter(checkpoint.position, known.checkpoint.position)) return;
    this.known.set(name, { ...known, checkpoint });
    this.settleReached();
  }

  /** Whom it speaks to anew may have come back without its last commits: what was known of it is forgotten. */
  private async look(client: Client, isAnew: boolean): Promise<void> {
    const { rows } = await client.query<ProgressRecord>('select * from projection_progress');
    for (const row of rows) {
      const known = this.known.get(row.projection);
      const checkpoint = {
        position: positionOf(row.commit_position, row.prepare_position),
        ordinal: Number(row.ordinal),
      };
      const isOlder =
        !isAnew && known?.version === row.version && isAfter(known.checkpoint.position, checkpoint.position);
      this.known.set(row.projection, {
        version: row.version,
        // A notification may have overtaken this look.
        checkpoint: isOlder ? known.checkpoint : checkpoint,
        read: readOf(row),
      });
    }
    this.settleReached();
  }

  private settleReached(): void {
    for (const waiter of this.waiters) {
      if (this.haveAllPassed(waiter.projections, waiter.position)) waiter.settle(true);
    }
  }

  private async askHead(): Promise<void> {
    const now = performance.now();
    if (now - this.askedHeadAt < POLL_IDLE_MS) return;
    this.askedHeadAt = now;
    try {
      const recent = await this.store.recentPositions({ max: RECENT });
      if (recent.length === 0) return;
      this.addHead(recent.reduce(laterOf), now);
    } catch {
      // The store is away: its last known head stands, and the lag goes on growing against it.
    }
  }

  private addHead(position: Position, at: number): void {
    const last = this.heads.at(-1);
    if (last === undefined || isAfter(position, last.position)) this.heads.push({ position, at });
    this.forgetHeads();
  }

  /** Keeps the newest, and what some projection has not passed; a long outage keeps the oldest one of all. */
  private forgetHeads(): void {
    const passed = this.heads.findIndex((seen) =>
      [...this.known.values()].some(({ checkpoint }) => isAfter(seen.position, checkpoint.position)),
    );
    this.heads = this.heads.slice(passed === -1 ? -1 : passed);
    if (this.heads.length > HEADS_KEPT) this.heads = [...this.heads.slice(0, 1), ...this.heads.slice(1 - HEADS_KEPT)];
  }
}

interface ProgressRecord {
  readonly projection: string;
  readonly version: number;
  readonly commit_position: string;
  readonly prepare_position: string;
  readonly ordinal: string;
  readonly read_commit: string | null;
  readonly read_prepare: string | null;
  readonly read_ordinal: string | null;
}

function positionOf(commit: string, prepare: string): Position {
  return { commit: BigInt(commit), prepare: BigInt(prepare) };
}

function readOf(row: ProgressRecord): Checkpoint | undefined {
  if (row.read_commit === null || row.read_prepare === null || row.read_ordinal === null) return undefined;
  return { position: positionOf(row.read_commit, row.read_prepare), ordinal: Number(row.read_ordinal) };
}
