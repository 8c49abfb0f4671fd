import type { EventStore, LogEntry } from './event-store.js';

/**
 * The first revision that satisfies a condition which, once true, stays true: by halving, since positions grow with
 * revisions. `none`: no such stream. `beyond`: no event of it does.
 */
export async function firstRevision(
  store: EventStore,
  stream: string,
  holds: (entry: LogEntry) => boolean,
): Promise<bigint | 'none' | 'beyond'> {
  const [last] = (await store.readStreamBackwards(stream, { max: 1 })) ?? [];
  if (last === undefined) return 'none';
  if (!holds(last)) return 'beyond';
  let low = 0n;
  let high = last.revision;
  while (low < high) {
    const middle = (low + high) / 2n;
    const [entry] = (await store.readStream(stream, { from: middle, max: 1 })) ?? [];
    if (entry === undefined || holds(entry)) high = middle;
    else low = middle + 1n;
  }
  return low;
}
