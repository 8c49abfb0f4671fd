import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startNode } from '../../../embedded/event-store/index.js';
import { newDataDirectory, removeDirectory } from '../../../test/support/event-store-node.js';
import { eventually } from '../../../test/support/eventually.js';
import { allEventContracts } from '../../all.events.js';
import { SystemClock } from '../clock/clock.js';
import { RandomIds } from '../ids/ids.js';
import { EventRegistry } from './event-registry.js';
import { EventStoreGateway } from './event-store.gateway.js';
import { StoreUnavailable } from './event-store.errors.js';
import { silentLogger } from './store-logger.js';
import { LOG_GENERATION_STREAM, StoredLogGeneration } from './stored-log-generation.js';

const registry = new EventRegistry(allEventContracts);

describe('the generation of the log', () => {
  let dir: string;
  let node: Awaited<ReturnType<typeof startNode>>;
  const stores: EventStoreGateway[] = [];

  beforeAll(async () => {
    dir = await newDataDirectory();
    node = await startNode({ dir });
  });

  afterAll(async () => {
    for (const store of stores) await store.close();
    await node.close();
    await removeDirectory(dir);
  });

  function newProcess() {
    const store = new EventStoreGateway({ url: node.url, registry });
    stores.push(store);
    const generation = new StoredLogGeneration({
      store,
      clock: new SystemClock(),
      ids: new RandomIds(),
      log: silentLogger,
    });
    return { store, generation };
  }

  it('is the same for all processes that start at once on a new log', async () => {
    const processes = Array.from({ length: 5 }, newProcess);

    await Promise.all(processes.map(({ generation }) => generation.start()));

    const found = new Set(processes.map(({ generation }) => generation.current));
    expect(found.size).toBe(1);
    expect([...found][0]).toMatch(/^[0-9a-f]{8}$/);
    expect(await processes[0]?.store.readStream(LOG_GENERATION_STREAM)).toHaveLength(1);
  });

  it('is not known before it was read, and found as soon as the store is there', async () => {
    await node.close();
    const { generation } = newProcess();
    const started = generation.start();
    expect(() => generation.current).toThrow(StoreUnavailable);
    expect(generation.isKnown).toBe(false);

    node = await startNode({ dir, port: node.port });

    await started;
    await eventually('the generation', () => generation.isKnown);
  });

  it('is another one for whoever starts after a restore', async () => {
    const before = newProcess();
    await before.generation.start();

    await newProcess().generation.startNew();

    const after = newProcess();
    await after.generation.start();
    expect(after.generation.current).not.toBe(before.generation.current);
  });

  it('is no longer looked for once stopped', async () => {
    await node.close();
    const { generation } = newProcess();
    const started = generation.start();

    await generation.stop();

    await expect(started).resolves.toBeUndefined();
    node = await startNode({ dir, port: node.port });
  });
});
