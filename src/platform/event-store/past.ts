import { type EventStore, isReadable, type LogEntry } from './event-store.js';
import { firstRevision } from './first-revision.js';
import type { StoredEvent } from './stored-event.js';

/** Which events were there at some moment of the past. */
export type Moment = (event: StoredEvent) => boolean;

/**
 * The events of a stream that were there at some moment, newest first, in pages. Finds the moment by halving, so that
 * what came later need not be read.
 */
export async function* streamAsOf(
  store: EventStore,
  stream: string,
  wasThere: Moment,
  max: number,
): AsyncGenerator<readonly LogEntry[], void, void> {
  const end = await firstRevision(store, stream, (entry) => isReadable(entry) && !wasThere(entry));
  if (end === 'none') return;
  let revision = end === 'beyond' ? undefined : end;
  while (revision !== 0n) {
    const from = revision === undefined ? {} : { from: revision - 1n };
    const page = (await store.readStreamBackwards(stream, { max, ...from })) ?? [];
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    revision = last.revision;
  }
}
