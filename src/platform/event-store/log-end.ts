import type { EventStore } from './event-store.js';
import { BEFORE_EVERYTHING, type Position } from './position.js';

/** The store's own events that may stand at the end of the log; mostly there is none. */
const FEW = 8;

/**
 * Position of the last event of ours, however many of the store's own come after it; `BEFORE_EVERYTHING` while there is
 * none. Errors: those of a read.
 */
export async function logEnd(store: Pick<EventStore, 'recentPositions' | 'readAllBackwards'>): Promise<Position> {
  const [recent] = await store.recentPositions({ max: FEW });
  if (recent !== undefined) return recent;
  for await (const { position } of store.readAllBackwards({ before: 'end' })) return position;
  return BEFORE_EVERYTHING;
}
