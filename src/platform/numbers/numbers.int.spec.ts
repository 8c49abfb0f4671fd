import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEventStoreNode, type InProcessNode } from '../../../test/support/event-store-node.js';
import { allEventContracts } from '../../all.events.js';
import { SystemClock } from '../clock/clock.js';
import { EventRegistry } from '../event-store/event-registry.js';
import { EventStoreGateway } from '../event-store/event-store.gateway.js';
import { RandomIds } from '../ids/ids.js';
import { Numbers } from './numbers.js';

const registry = new EventRegistry(allEventContracts);

describe('numbers', () => {
  let node: InProcessNode;
  const stores: EventStoreGateway[] = [];

  beforeAll(async () => {
    node = await startEventStoreNode();
  });

  afterAll(async () => {
    for (const store of stores) await store.close();
    await node.close();
  });

  /** As another process would have it: nothing in memory, a client of its own. */
  function newProcess(): Numbers {
    const store = new EventStoreGateway({ url: node.url, registry });
    stores.push(store);
    return new Numbers({ store, clock: new SystemClock(), ids: new RandomIds() });
  }

  it('begin at one and grow by one within a process', async () => {
    const numbers = newProcess();
    const taken: number[] = [];

    for (let i = 0; i < 45; i++) taken.push(await numbers.next('task'));

    expect(taken).toEqual(Array.from({ length: 45 }, (_, i) => i + 1));
  });

  it('are never given twice, by however many processes and callers at once', async () => {
    const processes = Array.from({ length: 4 }, newProcess);

    const taken = await Promise.all(
      processes.flatMap((numbers) => Array.from({ length: 60 }, () => numbers.next('agent'))),
    );

    expect(new Set(taken).size).toBe(240);
    expect(Math.min(...taken)).toBe(1);
  });

  it('come in blocks that grow while many are asked for', async () => {
    const numbers = newProcess();
    for (let i = 0; i < 2_000; i++) await numbers.next('ticket_1');

    const blocks = (await stores.at(-1)?.readStream('sequence-ticket_1')) ?? [];
    expect(blocks.length).toBeLessThan(20);
  });

  it('go on after a restart, above all that were given before', async () => {
    const before = await newProcess().next('comment');

    expect(await newProcess().next('comment')).toBeGreaterThan(before);
  });

  it('of one sequence do not disturb those of another', async () => {
    const numbers = newProcess();

    expect([await numbers.next('webhook'), await numbers.next('notification')]).toEqual([1, 1]);
  });
});
