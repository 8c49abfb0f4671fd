import { BEFORE_EVERYTHING, isAfter, type Position } from '../platform/event-store/position.js';
import type { Frame } from './frames/frame.js';
import { eventBlock, namedEventBlock } from './sse-blocks.js';

/** A frame as the ring keeps it: the blocks are made once and shared by all listeners. */
export interface RingEntry {
  readonly frame: Frame;
  block(named: boolean): Buffer;
}

export interface RingSize {
  readonly entries: number;
  readonly bytes: number;
}

export const DEFAULT_RING_SIZE: RingSize = { entries: 8_192, bytes: 32 * 1024 * 1024 };

/** What an entry costs beside its JSON text and its block: the frame's fields, the slots. */
const OVERHEAD_BYTES = 400;

/**
 * The last frames of the log. Entries have sequence numbers that only this process knows; a listener holds the number
 * of the next entry it has not considered, and a position, which is what it resumes with.
 *
 * Guarantee: every frame in ({@link floor}, {@link considered}] is in the ring.
 */
export class FrameRing {
  readonly #slots: (RingEntry | undefined)[] = [];
  #first = 0;
  #next = 0;
  #bytes = 0;
  #floor: Position = BEFORE_EVERYTHING;
  #considered: Position = BEFORE_EVERYTHING;

  constructor(private readonly size: RingSize = DEFAULT_RING_SIZE) {
    if (size.entries < 1) throw new Error('a ring holds at least one entry');
  }

  /** Position of the newest frame thrown out, or where the tail began. */
  get floor(): Position {
    return this.#floor;
  }

  /** Everything of the log up to here is in the ring, was in it, or gives no frame. */
  get considered(): Position {
    return this.#considered;
  }

  /** Sequence number of the oldest entry. */
  get first(): number {
    return this.#first;
  }

  /** Sequence number that the next entry will get. */
  get next(): number {
    return this.#next;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the oldest entry was recorded, ms; undefined when the ring is empty. */
  get oldestRecordedAtMs(): number | undefined {
    return this.#first === this.#next ? undefined : this.at(this.#first).frame.recordedAtMs;
  }

  /** Says where the tail begins. Once, before anything is added. */
  begin(floor: Position): void {
    this.#floor = floor;
    this.#considered = floor;
  }

  /** Adds frames in log order; `considered` is at or after the last of them. */
  add(entries: readonly RingEntry[], considered: Position): void {
    for (const entry of entries) {
      if (this.#next - this.#first === this.size.entries) this.#evict();
      this.#slots[this.#next % this.size.entries] = entry;
      this.#next += 1;
      this.#bytes += costOf(entry);
      while (this.#bytes > this.size.bytes && this.#next - this.#first > 1) this.#evict();
    }
    this.#considered = considered;
  }

  /** The entry with a sequence number in [first, next). */
  at(sequence: number): RingEntry {
    const entry = this.#slots[sequence % this.size.entries];
    if (entry === undefined || sequence < this.#first || sequence >= this.#next) {
      throw new RangeError(`the ring holds [${this.#first}, ${this.#next}), not ${sequence}`);
    }
    return entry;
  }

  /** Sequence number of the first entry strictly after a position at or above {@link floor}. */
  sequenceAfter(position: Position): number {
    let low = this.#first;
    let high = this.#next;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAfter(this.at(middle).frame.position, position)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #evict(): void {
    const oldest = this.at(this.#first);
    this.#floor = oldest.frame.position;
    this.#bytes -= costOf(oldest);
    this.#slots[this.#first % this.size.entries] = undefined;
    this.#first += 1;
  }
}

/**
 * Makes ring entries. A block is made when the first listener wants it: with nobody listening an event costs its frame,
 * and the id is asked for only when the log's generation is surely known.
 */
export function ringEntry(frame: Frame, idOf: (position: Position) => string): RingEntry {
  let plain: Buffer | undefined;
  let named: Buffer | undefined;
  return {
    frame,
    block(wantsNamed) {
      if (wantsNamed) return (named ??= Buffer.from(namedEventBlock(idOf(frame.position), frame.type, frame.json)));
      return (plain ??= Buffer.from(eventBlock(idOf(frame.position), frame.json)));
    },
  };
}

function costOf({ frame }: RingEntry): number {
  return frame.json.length * 2 + OVERHEAD_BYTES;
}
