import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEventStoreNode, type InProcessNode } from '../../../test/support/event-store-node.js';
import { allEventContracts } from '../../all.events.js';
import { SystemClock } from '../clock/clock.js';
import type { CommandContext } from '../command/command-context.js';
import { EventRegistry } from '../event-store/event-registry.js';
import { EventStoreGateway } from '../event-store/event-store.gateway.js';
import { RandomIds } from '../ids/ids.js';
import { Numbers } from './numbers.js';
import { ReservedNumbers } from './reserved-numbers.js';

const registry = new EventRegistry(allEventContracts);

function contextOf(commandId: string, keyed: boolean): CommandContext {
  return {
    commandId,
    keyed,
    workspaceId: 1,
    correlationId: commandId,
    actor: { kind: 'key', id: 'test', name: 'test' },
    receivedAt: new Date(),
  };
}

describe('the number of what a command creates', () => {
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
  function newProcess(): ReservedNumbers {
    const store = new EventStoreGateway({ url: node.url, registry });
    stores.push(store);
    return new ReservedNumbers(store, new Numbers({ store, clock: new SystemClock(), ids: new RandomIds() }));
  }

  it('is the same for every repeat of a keyed command, in whichever process, also at once', async () => {
    const context = contextOf('7a0c3d52-9d0b-5a3e-8a7c-1f2d3c4b5a69', true);
    const first = await newProcess().numberFor(context, 'task');

    const repeats = await Promise.all(Array.from({ length: 4 }, () => newProcess().numberFor(context, 'task')));

    expect(repeats).toEqual([first, first, first, first]);
  });

  it('is another one for another command, another kind of thing, and a command without a key', async () => {
    const numbers = newProcess();
    const one = contextOf('0c7d8f6e-4b1a-5c57-9f10-2f6f9a1f3b58', true);
    const other = contextOf('f6a1b2c3-0d4e-5f60-8a91-b2c3d4e5f607', true);
    const plain = contextOf('9b2d6c1a-3e4f-5a6b-8c7d-0e1f2a3b4c5d', false);

    const taken = [
      await numbers.numberFor(one, 'task'),
      await numbers.numberFor(other, 'task'),
      await numbers.numberFor(plain, 'task'),
      await numbers.numberFor(plain, 'task'),
    ];

    expect(new Set(taken).size).toBe(4);
    expect(await numbers.numberFor(one, 'webhook')).toBe(1);
  });
});
