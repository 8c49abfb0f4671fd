import type { Position } from '../platform/event-store/position.js';
import type { FrameRing } from './frame-ring.js';
import type { StreamFilter } from './stream-filter.js';

/** At most this much is written to one listener at once; a chunk ends at a block's end. */
export const CHUNK_BYTES = 64 * 1024;
/** Facts looked at for one chunk at most: a filter that shows nothing must not hold the event loop. */
const LOOK_AT = 2_000;

/** What the ring has for everybody with the same filter at the same place. */
export interface RingServing {
  /** Undefined: nothing of what was considered is shown. */
  readonly chunk: Buffer | undefined;
  readonly frames: number;
  /** Position of the last frame in the chunk. */
  readonly lastShown: Position | undefined;
  /** When the first frame in the chunk was recorded, ms. */
  readonly recordedAtMs: number | undefined;
  /** How many facts were looked at, and how many of them come after the last one shown. */
  readonly looked: number;
  readonly hiddenAfter: number;
  /** The sequence number to go on with. */
  readonly next: number;
  /** Everything up to here has been considered. */
  readonly considered: Position;
  /** True when the end of the ring was reached. */
  readonly complete: boolean;
}

/** The next chunk from `from`, a sequence number that the ring still holds or its end. Pure over the ring's content. */
export function serveFromRing(ring: FrameRing, filter: StreamFilter, from: number): RingServing {
  const blocks: Buffer[] = [];
  let bytes = 0;
  let hiddenAfter = 0;
  let lastShown: Position | undefined;
  let recordedAtMs: number | undefined;
  let sequence = from;
  let lastLookedAt: Position | undefined;
  while (sequence < ring.next && sequence - from < LOOK_AT) {
    const entry = ring.at(sequence);
    if (filter.shows(entry.frame)) {
      const block = entry.block(filter.named);
      if (bytes > 0 && bytes + block.length > CHUNK_BYTES) break;
      blocks.push(block);
      bytes += block.length;
      hiddenAfter = 0;
      lastShown = entry.frame.position;
      recordedAtMs ??= entry.frame.recordedAtMs;
    } else {
      hiddenAfter += 1;
    }
    lastLookedAt = entry.frame.position;
    sequence += 1;
  }
  const complete = sequence >= ring.next;
  const [only] = blocks;
  return {
    chunk: blocks.length === 1 ? only : blocks.length === 0 ? undefined : Buffer.concat(blocks, bytes),
    frames: blocks.length,
    lastShown,
    recordedAtMs,
    looked: sequence - from,
    hiddenAfter,
    next: sequence,
    considered: complete || lastLookedAt === undefined ? ring.considered : lastLookedAt,
    complete,
  };
}
