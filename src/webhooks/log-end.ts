import type { EventStore } from '../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, type Position } from '../platform/event-store/position.js';

/** The store's own events that may stand at the end of the log; mostly there is none. */
const FEW = 8;

/** Position of the last event of ours; `BEFORE_EVERYTHING` while there is none. Errors: those of a read. */
export async function logEnd(store: EventStore): Promise<Position> {
  const [recent] = await store.recentPositions({ max: FEW });
  if (recent !== undefined) return recent;
  for await (const { position } of store.readAllBackwards({ before: 'end' })) return position;
  return BEFORE_EVERYTHING;
}
