import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEventStoreNode, type InProcessNode } from '../../test/support/event-store-node.js';
import { allEventContracts } from '../all.events.js';
import { SystemClock } from '../platform/clock/clock.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { EventRegistry } from '../platform/event-store/event-registry.js';
import { EventStoreGateway } from '../platform/event-store/event-store.gateway.js';
import { RandomIds } from '../platform/ids/ids.js';
import { Numbers } from '../platform/numbers/numbers.js';
import { AgentDirectory } from './agent-directory.js';

/** The steps of renames and connects, put into every order that two processes can bring them into. */
describe('a name', () => {
  let node: InProcessNode;
  let store: EventStoreGateway;
  let directory: AgentDirectory;

  beforeAll(async () => {
    node = await startEventStoreNode();
    store = new EventStoreGateway({ url: node.url, registry: new EventRegistry(allEventContracts) });
    directory = new AgentDirectory(store, new Numbers({ store, clock: new SystemClock(), ids: new RandomIds() }));
  });

  afterAll(async () => {
    await store.close();
    await node.close();
  });

  const aCommand = (): CommandContext => ({
    commandId: randomUUID(),
    keyed: false,
    workspaceId: 1,
    correlationId: randomUUID(),
    actor: { kind: 'key', id: 'test', name: 'test' },
    receivedAt: new Date(),
  });
  const registered = async (name: string) => {
    const { agentId } = await directory.reserve(aCommand(), name);
    const profile = { role: 'r', sessionKey: null, soulContent: null, config: {}, runtimeType: null };
    const registration = { agentId, name, status: 'idle', source: 'api', profile } as const;
    await directory.execute(aCommand(), agentId, { type: 'RegisterAgent', registration });
    return agentId;
  };
  const take = (agentId: number, name: string) => directory.reserveFor(aCommand(), agentId, name);
  const rename = (agentId: number, from: string, name: string) =>
    directory.execute(aCommand(), agentId, { type: 'RenameAgent', from, name });

  it('that an agent left and is just taking again is not given to somebody else', async () => {
    const agentId = await registered('to-and-fro');
    const held = await directory.nameRevision(1, 'to-and-fro');
    await take(agentId, 'away');
    await rename(agentId, 'to-and-fro', 'away');
    await directory.release(aCommand(), { agentId, name: 'to-and-fro' }, held);

    await take(agentId, 'to-and-fro');
    await expect(directory.reserve(aCommand(), 'to-and-fro')).rejects.toMatchObject({ status: 409 });
    await rename(agentId, 'away', 'to-and-fro');

    expect(await directory.reserve(aCommand(), 'to-and-fro')).toMatchObject({ agentId, fresh: false });
  });

  it('that an agent took again is not freed by the end of its earlier rename', async () => {
    const agentId = await registered('quick');
    const held = await directory.nameRevision(1, 'quick');
    await take(agentId, 'slow');
    await rename(agentId, 'quick', 'slow');
    await take(agentId, 'quick');
    await rename(agentId, 'slow', 'quick');

    await directory.release(aCommand(), { agentId, name: 'quick' }, held);

    expect(await directory.ownerOf(1, 'quick')).toBe(agentId);
  });

  it('whose release was lost in a crash is free for the next agent, by connect and by rename', async () => {
    for (const next of ['connect', 'rename']) {
      const agentId = await registered(`crashed-${next}`);
      await take(agentId, `moved-${next}`);
      await rename(agentId, `crashed-${next}`, `moved-${next}`);

      if (next === 'connect') {
        expect(await directory.reserve(aCommand(), 'crashed-connect')).toMatchObject({ fresh: true });
      } else {
        const other = await registered('other');
        expect(await take(other, 'crashed-rename')).toBe(true);
        expect(await directory.ownerOf(1, 'crashed-rename')).toBe(other);
      }
    }
  });

  it('that changed in between refuses a rename that was decided before', async () => {
    const agentId = await registered('first');
    await rename(agentId, 'first', 'second');
    expect(await rename(agentId, 'first', 'third')).toMatchObject({ kind: 'refused', refusal: 'NameChanged' });
  });
});
