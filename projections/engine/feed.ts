import type { EventStore, Subscription } from '../../src/platform/event-store/event-store.js';
import { isAfter, type Position } from '../../src/platform/event-store/position.js';
import type { ProjectionWorker } from './worker.js';

const MAX_BATCH = 1_000;

/**
 * One reader of the whole log for several workers: each takes what its own checkpoint has not passed. The slowest one
 * holds the reader back; a halted one does not. Starts strictly after the earliest checkpoint among `starts`.
 */
export function feed(
  store: EventStore,
  workers: readonly ProjectionWorker[],
  starts: readonly Position[],
  name: string,
): Subscription {
  const earliest = starts.reduce((a, b) => (isAfter(a, b) ? b : a));
  return store.subscribeAll(
    { after: earliest, name, maxBatch: MAX_BATCH },
    {
      events: async (entries) => {
        for (const worker of workers) worker.offer(entries);
        for (const worker of workers) await worker.room();
      },
      checkpoint: (position) => {
        for (const worker of workers) worker.passed(position);
        return Promise.resolve();
      },
    },
  );
}
