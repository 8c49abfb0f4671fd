import type { Client } from 'pg';
import { isReadable, type LogEntry } from '../../src/platform/event-store/event-store.js';
import { comparePositions, isAfter, type Position } from '../../src/platform/event-store/position.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { BatchSize } from './batch-size.js';
import { type Checkpoint, moveCheckpoint, readCheckpoint } from './checkpoint.js';
import { closeQuietly, type Connect, inTransaction, unflushed } from './database.js';
import {
  addDeadLetters,
  BEHIND_PARKED,
  discardedEvents,
  forgetPassedHalts,
  type NewDeadLetter,
  noteOf,
  parkedKeys,
} from './dead-letters.js';
import type { IdleMoves } from './idle-moves.js';
import { Inbox, type Item } from './inbox.js';
import type { EngineLogger } from './logger.js';
import type { EngineMetrics } from './metrics.js';
import type { Projection } from './projection.js';
import { isTransient, transactionOn } from './sql.js';
import { BackOff, Wakeable } from './wakeable.js';

export interface WorkerOptions {
  /** A rebuild never skips: an unknown type, an unreadable or a failing event stops it. */
  readonly mode: 'live' | 'rebuild';
  /** Fixes the size of the batches. */
  readonly batchSize?: number;
  /** How long an idle checkpoint may stay behind what was read past, ms. Default 100. */
  readonly idleMoveMs?: number;
  /** Moves idle checkpoints together with those of other workers. Default: each by itself. */
  readonly idleMoves?: Pick<IdleMoves, 'move'>;
  /** Attempts at one failing event before the policy of the projection applies. Default 3. */
  readonly attempts?: number;
  /** Called at named points of a transaction; a test may throw or wait there. */
  readonly failpoint?: (name: 'before-commit' | 'after-commit' | 'before-chunk' | 'after-chunk') => Promise<void>;
}

/** Why a worker ended: asked to; the checkpoint was moved by somebody else; an event stopped it. */
export type WorkerEnd = 'stopped' | 'fenced' | 'halted';

export interface WorkerStatus {
  readonly projection: string;
  readonly version: number;
  readonly state: 'running' | 'retrying' | WorkerEnd;
  readonly checkpoint: Checkpoint;
  readonly read: Checkpoint;
  /** When the store accepted the oldest event that is not yet folded. */
  readonly oldestPending: Date | undefined;
  /** Monotonic ms of the last commit. */
  readonly lastProgressAt: number;
  readonly parkedKeys: number;
  /** Whether work that no event carries is left, or may be. */
  readonly hasBackgroundWork: boolean;
  readonly trouble: string | undefined;
}

/** The checkpoint is not where this worker left it: somebody else folds this projection. */
class Fenced extends Error {}
class Stopped extends Error {}
class Halted extends Error {}

const RETRY_EVENT_MS = { first: 20, last: 500 };
const READ_AHEAD_BATCHES = 2;
const LEAST_READ_AHEAD = 2_000;

/**
 * Folds one version of one projection: takes what was offered, folds it, and commits rows and checkpoint in one
 * transaction, as large as what is ready and never waiting for more. Owns its connection and its failures: what stops
 * this projection stops no other.
 *
 * Exactly once in effect: the checkpoint is moved by compare-and-set as the first statement, so that of two workers on
 * one projection one rolls back. A commit whose outcome is unknown is settled by reading the checkpoint again. Commits do
 * not wait for the disk: a database that comes back without the last ones is behind by rows and checkpoint alike.
 */
export class ProjectionWorker {
  /** Settled when {@link run} has ended, however. */
  ended: Promise<void> = Promise.resolve();
  private client: Client | undefined;
  private checkpoint: Checkpoint = { position: { commit: -1n, prepare: -1n }, ordinal: 0 };
  private readonly inbox: Inbox;
  private inHand: readonly Item[] = [];
  private parked = new Set<string>();
  private discarded = new Set<string>();
  private state: WorkerStatus['state'] = 'running';
  private trouble: string | undefined;
  private stopping = false;
  private hasBackgroundWork: boolean;
  private lastProgressAt = performance.now();
  private readonly size: BatchSize;
  private readonly backgroundPause = new BackOff();
  private readonly work = new Wakeable();
  private readonly rest = new Wakeable();
  private readonly labels: { projection: string; version: string };
  private readonly connect: Connect;

  constructor(
    readonly projection: Projection,
    readonly version: number,
    connect: Connect,
    private readonly logger: EngineLogger,
    private readonly metrics: EngineMetrics,
    private readonly options: WorkerOptions,
  ) {
    this.connect = unflushed(connect);
    this.inbox = new Inbox(projection.handles, options.mode === 'rebuild');
    this.size = new BatchSize(options.batchSize);
    this.hasBackgroundWork = projection.background !== undefined;
    this.labels = { projection: projection.name, version: String(version) };
  }

  /** Reads where the projection stands. Rejects when the database is away or the version does not exist. */
  async open(): Promise<Checkpoint> {
    await this.reload();
    this.inbox.beginAfter(this.checkpoint);
    return this.checkpoint;
  }

  /** Takes events of the log, in order; what the checkpoint has passed is left out. */
  offer(entries: readonly LogEntry[]): void {
    if (this.hasEnded()) return;
    const { ignored, unknown } = this.inbox.offer(entries);
    if (ignored > 0) this.metrics.events.inc({ ...this.labels, result: 'ignored' }, ignored);
    if (unknown > 0) this.metrics.events.inc({ ...this.labels, result: 'unknown' }, unknown);
    this.work.wake();
  }

  /** Everything up to here has been offered. */
  passed(position: Position): void {
    this.inbox.passed(position);
    this.work.wake();
  }

  /** Resolves at once unless more is waiting than is useful to read ahead. */
  room(): Promise<void> | undefined {
    return this.hasEnded() ? undefined : this.inbox.room(this.readAhead());
  }

  /** True when it could take more: a reader that brings nothing then has nothing, or is stuck. */
  isHungry(): boolean {
    return !this.hasEnded() && this.inbox.size === 0;
  }

  /** Folds until it is stopped or cannot go on. Never rejects for a database that is away: it waits for it. */
  run(): Promise<WorkerEnd> {
    const run = this.foldOffered();
    this.ended = run.then(
      () => undefined,
      () => undefined,
    );
    return run;
  }

  private async foldOffered(): Promise<WorkerEnd> {
    try {
      while (!this.stopping) {
        await this.untilThereIsWork();
        if (!this.stopping) await this.next();
        if (this.hasBackgroundWork && !this.stopping) await this.inBackground();
      }
      return this.end('stopped');
    } catch (error) {
      if (error instanceof Stopped) return this.end('stopped');
      if (error instanceof Fenced) return this.end('fenced');
      if (error instanceof Halted) return this.end('halted');
      throw error;
    } finally {
      this.inbox.empty();
      await closeQuietly(this.client);
      this.client = undefined;
    }
  }

  /** Asks it to end after the batch in hand. */
  stop(): void {
    this.stopping = true;
    this.work.wake();
    this.rest.wake();
    this.inbox.makeRoom();
  }

  status(): WorkerStatus {
    return {
      projection: this.projection.name,
      version: this.version,
      state: this.state,
      checkpoint: this.checkpoint,
      read: this.inbox.read,
      oldestPending: (this.inHand[0] ?? this.inbox.oldest)?.entry.createdAt,
      lastProgressAt: this.lastProgressAt,
      parkedKeys: this.parked.size,
      hasBackgroundWork: this.hasBackgroundWork,
      trouble: this.trouble,
    };
  }

  private hasEnded(): boolean {
    return this.stopping || (this.state !== 'running' && this.state !== 'retrying');
  }

  private end(end: WorkerEnd): WorkerEnd {
    this.state = end;
    return end;
  }

  private readAhead(): number {
    return Math.max(this.size.current * READ_AHEAD_BATCHES, LEAST_READ_AHEAD);
  }

  private async untilThereIsWork(): Promise<void> {
    while (!this.stopping && !this.hasBackgroundWork) {
      const rested = performance.now() - this.lastProgressAt;
      if (this.inbox.size > 0) {
        const rest = this.projection.lingerMs - rested;
        if (rest <= 0 || this.inbox.size >= this.size.current || this.options.batchSize !== undefined) return;
        await this.work.wait(rest);
      } else if (this.isIdleBehind()) {
        const rest = this.idleMoveDueAt() - performance.now();
        if (rest <= 0) return;
        await this.work.wait(rest);
      } else {
        await this.work.wait();
      }
    }
  }

  /** More was read than it has passed. */
  private isIdleBehind(): boolean {
    return isAfter(this.inbox.read.position, this.checkpoint.position);
  }

  /** On a beat that all workers of the process share, so that idle checkpoints move together. */
  private idleMoveDueAt(): number {
    const every = this.options.idleMoveMs ?? 100;
    return every === 0 ? 0 : (Math.floor(this.lastProgressAt / every) + 1) * every;
  }

  private async next(): Promise<void> {
    if (this.inbox.size === 0 && !this.isIdleBehind()) return;
    const items = this.inbox.take(this.size.current);
    const isAll = this.inbox.size === 0;
    this.inHand = items;
    if (this.inbox.size < this.readAhead()) this.inbox.makeRoom();
    const started = performance.now();
    await this.fold(items, isAll ? this.inbox.read : after(items));
    this.inHand = [];
    const ms = performance.now() - started;
    this.size.took(items.length, ms);
    if (items.length > 0) {
      this.metrics.batchSeconds.observe(this.labels, ms / 1_000);
      this.metrics.batchSize.observe(this.labels, items.length);
    }
  }

  /**
   * One chunk of the projection's own work, under the fence. Nothing of it is an event that could be set aside, so
   * whatever fails is tried again; the batches go on meanwhile.
   */
  private async inBackground(): Promise<void> {
    const { background, name } = this.projection;
    try {
      const client = await this.connected();
      const isLeft = await inTransaction(client, async () => {
        if (!(await moveCheckpoint(client, name, this.version, this.checkpoint, this.checkpoint))) throw new Fenced();
        const isMore = (await background?.(transactionOn(client), this.version)) ?? false;
        await this.options.failpoint?.('before-chunk');
        return isMore;
      });
      this.hasBackgroundWork = isLeft;
      this.backgroundPause.reset();
      this.lastProgressAt = performance.now();
      await this.options.failpoint?.('after-chunk');
    } catch (error) {
      if (isAnEnd(error)) throw error;
      this.hasBackgroundWork = true;
      if (isTransient(error)) await this.dropConnection(error);
      else {
        this.trouble = error instanceof Error ? error.message : String(error);
        this.logger.error({ ...this.labels, err: error }, 'work between two batches failed and is tried again');
      }
      await this.pause(this.backgroundPause.next());
    }
  }

  /** Commits the items; when that fails for one of them, commits what lies before it and deals with that one alone. */
  private async fold(items: readonly Item[], target: Checkpoint): Promise<void> {
    try {
      await this.commit(items, target, []);
    } catch (error) {
      if (isAnEnd(error)) throw error;
      const [only] = items;
      if (only === undefined) throw error;
      if (items.length === 1) return this.failing(only, target, error);
      const half = items.length >> 1;
      const before = items.slice(0, half);
      await this.fold(before, after(before));
      await this.fold(items.slice(half), target);
    }
  }

  private async failing(item: Item, target: Checkpoint, first: unknown): Promise<void> {
    const bound = this.options.mode === 'rebuild' ? 1 : (this.options.attempts ?? 3);
    const pause = new BackOff(RETRY_EVENT_MS.first, RETRY_EVENT_MS.last);
    let error = first;
    for (let attempt = 1; attempt < bound; attempt++) {
      await this.pause(pause.next());
      try {
        return await this.commit([item], target, []);
      } catch (again) {
        if (isAnEnd(again)) throw again;
        error = again;
      }
    }
    await this.applyPolicy(item, target, error, bound);
  }

  private async applyPolicy(item: Item, target: Checkpoint, error: unknown, attempts: number): Promise<void> {
    const { entry } = item;
    const failure = noteOf(error, attempts);
    const key = this.projection.keyOf(entry);
    const details = {
      ...this.labels,
      stream: entry.stream,
      revision: String(entry.revision),
      type: entry.type,
      err: error,
    };
    this.trouble = `${entry.type} ${entry.stream}@${entry.revision}: ${failure.message}`;
    const letter = { entry, ordinal: item.ordinal, key, kind: 'failed', failure } as const;
    if (this.options.mode === 'rebuild') {
      this.logger.error(details, 'an event stopped the rebuild');
      throw new Halted(this.trouble);
    }
    switch (this.projection.policy) {
      case 'halt':
        this.logger.error(details, 'an event halted the projection; nothing is skipped');
        await this.untilDone(() => this.writeLetters([{ ...letter, state: 'halted' }]));
        throw new Halted(this.trouble);
      case 'park-key':
        this.logger.error(details, 'an event was set aside with its key');
        await this.commit([], target, [{ ...letter, state: 'parked' }]);
        this.parked.add(key);
        this.metrics.events.inc({ ...this.labels, result: 'parked' });
        return;
      case 'skip':
        this.logger.error(details, 'an event was set aside');
        await this.commit([], target, [{ ...letter, state: 'skipped' }]);
        this.metrics.events.inc({ ...this.labels, result: 'skipped' });
    }
  }

  private async writeLetters(letters: readonly NewDeadLetter[]): Promise<void> {
    await addDeadLetters(await this.connected(), this.projection.name, this.version, letters);
  }

  /** One transaction, repeated while the database is away. Throws `Fenced`, `Stopped`, or what the event did. */
  private async commit(items: readonly Item[], target: Checkpoint, letters: readonly NewDeadLetter[]): Promise<void> {
    const pause = new BackOff();
    for (;;) {
      try {
        if (items.length === 0 && letters.length === 0) await this.moveIdle(target);
        else await this.transact(items, target, letters);
        this.state = 'running';
        return;
      } catch (error) {
        if (isAnEnd(error) || !isTransient(error)) throw error;
        const expected = this.checkpoint;
        await this.dropConnection(error);
        await this.pause(pause.next());
        // The outcome of a commit that lost its connection is unknown: the checkpoint tells.
        await this.untilDone(() => this.reload());
        if (comparePositions(this.checkpoint.position, target.position) === 0) return;
        if (comparePositions(this.checkpoint.position, expected.position) !== 0) throw new Fenced();
      }
    }
  }

  private async transact(items: readonly Item[], target: Checkpoint, letters: readonly NewDeadLetter[]): Promise<void> {
    const client = await this.connected();
    let { events, behind } = this.sorted(items);
    let folded = this.projection.fold(events);
    await inTransaction(client, async () => {
      if (!(await moveCheckpoint(client, this.projection.name, this.version, this.checkpoint, target))) {
        throw new Fenced();
      }
      if (behind.length > 0) {
        // A key may have been replayed since: under the lock of the checkpoint the table tells for certain.
        this.parked = await parkedKeys(client, this.projection.name, this.version);
        ({ events, behind } = this.sorted(items));
        folded = this.projection.fold(events);
      }
      // Before the commit, whose outcome may stay unknown: looking in vain costs little.
      this.hasBackgroundWork ||= folded.wakesBackground;
      if (events.length > 0) await folded.write(transactionOn(client), this.version);
      if (behind.length > 0 || letters.length > 0) {
        const parked = behind.map((item) => this.behindLetter(item));
        await addDeadLetters(client, this.projection.name, this.version, [...letters, ...parked]);
      }
      await this.options.failpoint?.('before-commit');
    });
    await this.options.failpoint?.('after-commit');
    this.progressed(target);
    if (events.length > 0) this.metrics.events.inc({ ...this.labels, result: 'folded' }, events.length);
    if (behind.length > 0) this.metrics.events.inc({ ...this.labels, result: 'parked' }, behind.length);
  }

  private async moveIdle(target: Checkpoint): Promise<void> {
    const { idleMoves } = this.options;
    if (idleMoves === undefined) return this.transact([], target, []);
    const { name: projection } = this.projection;
    const { version, checkpoint: from } = this;
    if (!(await idleMoves.move({ projection, version, from, to: target }))) throw new Fenced();
    this.progressed(target);
  }

  private progressed(target: Checkpoint): void {
    this.checkpoint = target;
    this.lastProgressAt = performance.now();
    this.metrics.lastProgress.setToCurrentTime(this.labels);
    this.trouble = undefined;
  }

  private sorted(items: readonly Item[]): { events: StoredEvent[]; behind: Item[] } {
    const events: StoredEvent[] = [];
    const behind: Item[] = [];
    for (const item of items) {
      const { entry } = item;
      if (this.discarded.size > 0 && this.discarded.has(entry.id)) {
        this.metrics.events.inc({ ...this.labels, result: 'discarded' });
      } else if (this.parked.size > 0 && this.parked.has(this.projection.keyOf(entry))) behind.push(item);
      else if (isReadable(entry)) events.push(entry);
      else throw new Error(`${entry.unreadable}: ${entry.reason}`);
    }
    return { events, behind };
  }

  private behindLetter({ entry, ordinal }: Item): NewDeadLetter {
    const key = this.projection.keyOf(entry);
    return { entry, ordinal, key, kind: 'behind', state: 'parked', failure: BEHIND_PARKED };
  }

  private async reload(): Promise<void> {
    const client = await this.connected();
    const { name } = this.projection;
    const checkpoint = await readCheckpoint(client, name, this.version);
    if (checkpoint === undefined) throw new Fenced();
    this.checkpoint = checkpoint;
    this.parked = await parkedKeys(client, name, this.version);
    this.discarded = await discardedEvents(client, name, this.version);
    await forgetPassedHalts(client, name, this.version);
  }

  private async connected(): Promise<Client> {
    this.client ??= await this.connect();
    return this.client;
  }

  private async dropConnection(error: unknown): Promise<void> {
    this.state = 'retrying';
    this.trouble = error instanceof Error ? error.message : String(error);
    this.logger.warn({ ...this.labels, trouble: this.trouble }, 'the database is away; the batch will be tried again');
    const { client } = this;
    this.client = undefined;
    await closeQuietly(client);
  }

  /** Repeats `step` while the database is away. */
  private async untilDone(step: () => Promise<void>): Promise<void> {
    const pause = new BackOff();
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (isAnEnd(error) || !isTransient(error)) throw error;
        await this.dropConnection(error);
        await this.pause(pause.next());
      }
    }
  }

  private async pause(ms: number): Promise<void> {
    if (!this.stopping) await this.rest.wait(ms);
    if (this.stopping) throw new Stopped();
  }
}

function isAnEnd(error: unknown): boolean {
  return error instanceof Fenced || error instanceof Stopped || error instanceof Halted;
}

function after(items: readonly Item[]): Checkpoint {
  const last = items.at(-1);
  if (last === undefined) throw new Error('a part of a batch is empty');
  return { position: last.entry.position, ordinal: last.ordinal };
}
