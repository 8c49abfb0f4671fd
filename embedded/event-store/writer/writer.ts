import { CommitFailed, type EventStorage } from '../storage/event-storage.js';
import type { EncodedGroup } from '../storage/group-writer.js';
import type { WriteCommand, WriteOutcome } from './commands.js';
import { Group } from './group.js';
import type { Head } from './head.js';
import type { Heads } from './heads.js';
import type { RecentIds } from './recent-ids.js';

/** At most so many writes and bytes become one commit. */
const GROUP_WRITES = 4096;
const GROUP_BYTES = 8 * 1024 * 1024;

/** More than this waiting, and new writes are refused or no longer read from their connection. */
const QUEUE_WRITES = 50_000;
const QUEUE_BYTES = 128 * 1024 * 1024;

/** How often waiting writes are checked against their deadlines. */
const SWEEP_MS = 100;

export interface PendingWrite {
  readonly command: WriteCommand;
  /** Approximate size in memory. */
  readonly bytes: number;
  /** Milliseconds since 1970; Infinity for none. */
  readonly deadlineMs: number;
  /** Whether nobody waits any more; such a write is skipped unless it was already taken. */
  readonly isAbandoned: () => boolean;
  /** Called exactly once, unless the write was abandoned before it was taken. */
  readonly answer: (outcome: WriteOutcome) => void;
}

interface QueuedWrite extends PendingWrite {
  isAnswered: boolean;
}

interface DecidedGroup {
  readonly group: Group;
  readonly outcomes: ReadonlyMap<QueuedWrite, WriteOutcome>;
}

export interface WriterEvents {
  /** A group is durable, and not yet acknowledged. */
  readonly durable: (group: EncodedGroup) => void;
  /** A group is acknowledged: readers may look. */
  readonly committed: (heads: ReadonlyMap<string, Head>) => void;
  /** A group could not be written. The log is as it was before. */
  readonly commitFailed: (error: CommitFailed) => void;
  /** Deciding a write failed; it was answered, the others go on. */
  readonly undecidable: (error: unknown) => void;
}

/**
 * The one writer of the log. It takes all waiting writes, decides them, makes them durable in one commit, answers them, and
 * only then tells the readers. While one group is on its way to the disk, the next one gathers.
 */
export class Writer {
  private queue: QueuedWrite[] = [];
  private inFlight: readonly QueuedWrite[] = [];
  private queuedBytes = 0;
  private running: Promise<void> | undefined;
  private closedReason: string | undefined;
  private sweeper: NodeJS.Timeout | undefined;
  private waitingForRoom: (() => void)[] = [];

  constructor(
    private readonly storage: EventStorage,
    private readonly heads: Heads,
    private readonly ids: RecentIds,
    private readonly events: WriterEvents,
  ) {}

  /** Whether a group is on its way to the disk. */
  get isWriting(): boolean {
    return this.inFlight.length > 0;
  }

  get isFull(): boolean {
    return this.queue.length >= QUEUE_WRITES || this.queuedBytes >= QUEUE_BYTES;
  }

  /** Calls back once there is room for new writes. */
  whenRoom(callback: () => void): void {
    this.waitingForRoom.push(callback);
  }

  submit(write: PendingWrite): void {
    if (this.closedReason !== undefined) {
      write.answer({ kind: 'failed', reason: this.closedReason });
      return;
    }
    this.queue.push({ ...write, isAnswered: false });
    this.queuedBytes += write.bytes;
    this.sweeper ??= setInterval(() => this.answerLate(), SWEEP_MS).unref();
    this.running ??= this.run();
  }

  /** Takes no more writes, answers what waits with `reason`, and resolves when the group in flight is through. */
  async close(reason: string): Promise<void> {
    this.closedReason = reason;
    const waiting = this.queue;
    this.queue = [];
    this.queuedBytes = 0;
    for (const write of waiting) answer(write, { kind: 'failed', reason });
    await this.running;
    clearInterval(this.sweeper);
  }

  private async run(): Promise<void> {
    // One turn of the event loop: what arrived together is decided together.
    await new Promise(setImmediate);
    while (this.queue.length > 0) {
      const writes = this.take();
      await this.writeGroup(writes);
      this.wakeWaitingForRoom();
    }
    this.running = undefined;
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }

  private take(): QueuedWrite[] {
    let bytes = 0;
    let count = 0;
    while (count < this.queue.length && count < GROUP_WRITES && (count === 0 || bytes < GROUP_BYTES)) {
      bytes += this.queue[count]?.bytes ?? 0;
      count += 1;
    }
    this.queuedBytes -= bytes;
    return this.queue.splice(0, count);
  }

  private async writeGroup(writes: readonly QueuedWrite[]): Promise<void> {
    try {
      const { group, outcomes } = this.decide(writes, Date.now());
      if (!group.isEmpty) {
        const encoded = group.encode();
        this.inFlight = [...outcomes.keys()];
        await this.storage.commit(encoded);
        this.events.durable(encoded);
        this.ids.commit();
        this.heads.replace(group.changedHeads.values());
        this.answerAll(outcomes);
        this.events.committed(group.changedHeads);
      } else {
        this.answerAll(outcomes);
      }
    } catch (error) {
      this.ids.rollback();
      const failure = error instanceof CommitFailed ? error : new CommitFailed(error);
      for (const write of writes) answer(write, { kind: 'failed', reason: failure.message });
      this.events.commitFailed(failure);
    } finally {
      this.inFlight = [];
    }
  }

  /** A write that cannot be decided (damaged log) fails alone: the group is decided again without it. */
  private decide(writes: readonly QueuedWrite[], nowMs: number): DecidedGroup {
    const group = new Group(this.storage, this.heads, this.ids, nowMs);
    const outcomes = new Map<QueuedWrite, WriteOutcome>();
    for (const write of writes) {
      if (write.isAnswered || write.isAbandoned()) continue;
      try {
        outcomes.set(write, write.deadlineMs <= nowMs ? { kind: 'timed-out' } : group.decide(write.command));
      } catch (error) {
        this.ids.rollback();
        this.events.undecidable(error);
        answer(write, { kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
        return this.decide(writes, nowMs);
      }
    }
    return { group, outcomes };
  }

  private answerAll(outcomes: ReadonlyMap<QueuedWrite, WriteOutcome>): void {
    for (const [write, outcome] of outcomes) answer(write, outcome);
  }

  private answerLate(): void {
    const now = Date.now();
    for (const write of [...this.inFlight, ...this.queue]) {
      if (write.deadlineMs <= now) answer(write, { kind: 'timed-out' });
    }
  }

  private wakeWaitingForRoom(): void {
    if (this.isFull || this.waitingForRoom.length === 0) return;
    const waiting = this.waitingForRoom;
    this.waitingForRoom = [];
    for (const wake of waiting) wake();
  }
}

const answer = (write: QueuedWrite, outcome: WriteOutcome): void => {
  if (write.isAnswered) return;
  write.isAnswered = true;
  write.answer(outcome);
};
