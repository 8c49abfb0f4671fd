import type { Clock } from '../clock/clock.js';
import { backoffMs, pause } from '../event-store/backoff.js';
import { RevisionConflict, StoreUnavailable } from '../event-store/event-store.errors.js';
import { isReadable, type EventStore, type ExpectedRevision } from '../event-store/event-store.js';
import { platformEvent } from '../event-store/platform-event.js';
import type { Ids } from '../ids/ids.js';
import type { NumbersAllocated } from './numbers.events.js';

/** What the contract numbers. Names are stored as `sequence-{name}`; tickets are numbered in each project. */
export type SequenceName =
  'agent' | 'task' | 'comment' | 'review' | 'notification' | 'project' | 'key' | 'webhook' | `ticket_${number}`;

/** Small while numbers are asked for now and then, so that a process that ends wastes few. */
const LEAST_BLOCK = 20;
const LARGEST_BLOCK = 1_280;
/** A block that is used up faster than this is followed by one of twice its size. */
const FAST_MS = 1_000;
const ATTEMPTS = 10;

interface Block {
  next: number;
  readonly to: number;
  readonly size: number;
  /** Monotonic ms. */
  readonly takenAt: number;
}

export interface NumbersOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * Integers from 1 for things that the contract numbers: unique over any number of processes, growing within a process,
 * with gaps (a process that ends leaves the rest of its block unused). They are events, so a rebuild changes none.
 */
export class Numbers {
  readonly #options: NumbersOptions;
  readonly #blocks = new Map<SequenceName, Block>();
  readonly #refills = new Map<SequenceName, Promise<void>>();

  constructor(options: NumbersOptions) {
    this.#options = options;
  }

  /**
   * The next number. Asks the store only when a block is used up (20 numbers, growing to 1,280 while they are used up
   * within a second); callers who come meanwhile share that request.
   * Errors: those of the store (`OutcomeUnknown`, `StoreUnavailable`, also after ten lost races). Asking again is safe.
   */
  async next(sequence: SequenceName): Promise<number> {
    for (;;) {
      const block = this.#blocks.get(sequence);
      if (block !== undefined && block.next <= block.to) return block.next++;
      await this.#refilled(sequence);
    }
  }

  async #refilled(sequence: SequenceName): Promise<void> {
    let refill = this.#refills.get(sequence);
    if (refill === undefined) {
      refill = this.#allocate(sequence)
        .then((block) => void this.#blocks.set(sequence, block))
        .finally(() => void this.#refills.delete(sequence));
      this.#refills.set(sequence, refill);
    }
    await refill;
  }

  async #allocate(sequence: SequenceName): Promise<Block> {
    const stream = `sequence-${sequence}`;
    const size = nextSize(this.#blocks.get(sequence), performance.now());
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await pause(backoffMs(attempt, 5, 100));
      const { last, expected } = await this.#endOf(stream);
      const block = { next: last + 1, to: last + size, size, takenAt: performance.now() };
      const data = { sequence, from: block.next, to: block.to };
      const event = platformEvent<NumbersAllocated>({ type: 'NumbersAllocated', data }, this.#options);
      try {
        await this.#options.store.append(stream, [event], expected);
        return block;
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
      }
    }
    throw new StoreUnavailable(`${stream}: too many processes want numbers at once`);
  }

  async #endOf(stream: string): Promise<{ readonly last: number; readonly expected: ExpectedRevision }> {
    const [entry] = (await this.#options.store.readStreamBackwards(stream, { max: 1 })) ?? [];
    if (entry === undefined) return { last: 0, expected: 'no_stream' };
    if (!isReadable(entry)) throw new Error(`${stream} is not readable: ${entry.reason}`);
    return { last: (entry.data as NumbersAllocated['data']).to, expected: entry.revision };
  }
}

function nextSize(used: Block | undefined, nowMs: number): number {
  if (used === undefined || nowMs - used.takenAt >= FAST_MS) return LEAST_BLOCK;
  return Math.min(used.size * 2, LARGEST_BLOCK);
}
