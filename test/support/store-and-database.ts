import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNode } from '../../embedded/event-store/index.js';
import { resetProjections } from '../../projections/engine/testing/reset.js';
import { allEventContracts } from '../../src/all.events.js';
import { EventRegistry } from '../../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../../src/platform/event-store/event-store.gateway.js';
import type { EventStore } from '../../src/platform/event-store/event-store.js';
import type { ProposedEvent } from '../../src/platform/event-store/stored-event.js';
import { testDatabase } from './postgres.js';

/** A log and a migrated database of a test's own, both real. */
export interface StoreAndDatabase {
  readonly store: EventStore;
  readonly databaseUrl: string;
  /** Appends in the order given, neighbours of one stream together. */
  write(events: readonly { readonly stream: string; readonly event: ProposedEvent }[]): Promise<void>;
  close(): Promise<void>;
}

export async function storeAndDatabase(): Promise<StoreAndDatabase> {
  const dir = await mkdtemp(join(tmpdir(), 'mc-log-'));
  const node = await startNode({ dir });
  const database = await testDatabase();
  await resetProjections(database.url);
  const store = new EventStoreGateway({ url: node.url, registry: new EventRegistry(allEventContracts) });
  return {
    store,
    databaseUrl: database.url,
    write: async (events) => {
      for (let from = 0; from < events.length;) {
        const stream = events[from]?.stream ?? '';
        let to = from + 1;
        while (to < events.length && events[to]?.stream === stream && to - from < 500) to += 1;
        await store.append(
          stream,
          events.slice(from, to).map(({ event }) => event),
          'any',
        );
        from = to;
      }
    },
    close: async () => {
      await store.close();
      await node.close();
      await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
