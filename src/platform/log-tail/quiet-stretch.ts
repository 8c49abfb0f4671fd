import type { EventStore } from '../event-store/event-store.js';
import type { Position } from '../event-store/position.js';

/** What lies right after a position, for a reader that leaves some streams out. */
export interface QuietStretch {
  /** Everything in (after, upTo] is left out by the filter. An event's position, or `after` itself. */
  readonly upTo: Position;
  /** The first event that is not left out, when one was met. */
  readonly next?: Position;
  /** True when the log ended before such an event, and before `max`. */
  readonly reachedEnd: boolean;
}

/**
 * Reads on from `after` over events of left-out streams, at most `max` of them. A filtered subscription says nothing
 * about such a stretch until its next checkpoint, which may take minutes on a quiet log; this asks the log itself.
 *
 * Errors: those of `readAll` (`StoreUnavailable`, `PositionRefused`). Repeating is safe.
 */
export async function quietStretchAfter(
  store: EventStore,
  after: Position,
  withoutStreamPrefixes: readonly string[],
  max: number,
): Promise<QuietStretch> {
  let upTo = after;
  let looked = 0;
  for await (const entry of store.readAll({ after })) {
    if (!withoutStreamPrefixes.some((prefix) => entry.stream.startsWith(prefix))) {
      return { upTo, next: entry.position, reachedEnd: false };
    }
    upTo = entry.position;
    looked += 1;
    if (looked >= max) return { upTo, reachedEnd: false };
  }
  return { upTo, reachedEnd: true };
}
