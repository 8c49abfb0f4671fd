import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEventStoreNode, type InProcessNode } from '../../test/support/event-store-node.js';
import { allEventContracts } from '../all.events.js';
import { Clock, SystemClock } from '../platform/clock/clock.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { EventRegistry } from '../platform/event-store/event-registry.js';
import { EventStoreGateway } from '../platform/event-store/event-store.gateway.js';
import { RandomIds } from '../platform/ids/ids.js';
import { Numbers } from '../platform/numbers/numbers.js';
import { ProjectDirectory } from './project-directory.js';

const registry = new EventRegistry(allEventContracts);

class LaterClock extends Clock {
  now(): Date {
    return new Date(Date.now() + 61_000);
  }
}

describe('the projects of a workspace', () => {
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
  function newProcess(clock: Clock = new SystemClock()): ProjectDirectory {
    const store = new EventStoreGateway({ url: node.url, registry });
    stores.push(store);
    return new ProjectDirectory(store, new Numbers({ store, clock, ids: new RandomIds() }), clock);
  }

  const aCommand = (workspaceId: number): CommandContext => ({
    commandId: randomUUID(),
    keyed: false,
    workspaceId,
    correlationId: randomUUID(),
    actor: { kind: 'key', id: 'test', name: 'test' },
    receivedAt: new Date(),
  });

  const projectOf = (projectId: number, slug: string, ticketPrefix: string) => ({
    projectId,
    slug,
    name: slug,
    ticketPrefix,
    description: null,
    githubRepo: null,
    deadline: null,
    color: null,
  });

  it('begin with general, once, whoever asks first', async () => {
    const processes = [newProcess(), newProcess(), newProcess()];

    const asked = await Promise.all(
      processes.flatMap((directory) => Array.from({ length: 5 }, () => directory.general(aCommand(1)))),
    );

    const [first] = asked;
    expect(first).toMatchObject({ kind: 'active', slug: 'general', ticketPrefix: 'TASK' });
    expect(new Set(asked.map(({ projectId }) => projectId)).size).toBe(1);
    expect(await newProcess().general(aCommand(1))).toEqual(first);
  });

  it('are not those of another workspace', async () => {
    const directory = newProcess();
    const { projectId } = await directory.general(aCommand(2));

    expect(await directory.find(1, projectId)).toBeUndefined();
    expect((await directory.general(aCommand(3))).projectId).not.toBe(projectId);
    expect(await directory.execute(aCommand(1), projectId, { type: 'ArchiveProject' })).toMatchObject({
      kind: 'refused',
      refusal: 'NotCreated',
    });
  });

  it('have a prefix that nobody else gets, not even a project that is only about to have it', async () => {
    const directory = newProcess();
    const prefix = { kind: 'prefix', handle: 'BUILD' } as const;
    const first = await directory.reserveSlug(aCommand(4), 'build');
    const second = await directory.reserveSlug(aCommand(4), 'build-2');

    expect(await directory.reserveFor(aCommand(4), first, prefix)).toBe(true);
    expect(await newProcess().reserveFor(aCommand(4), second, prefix)).toBe(false);
  });

  it('get a prefix whose owner crashed before it had it, after a while', async () => {
    const prefix = { kind: 'prefix', handle: 'CRASH' } as const;
    const directory = newProcess();
    const crashed = await directory.reserveSlug(aCommand(5), 'crashed');
    await directory.reserveFor(aCommand(5), crashed, prefix);

    const next = await directory.reserveSlug(aCommand(5), 'next');

    expect(await newProcess(new LaterClock()).reserveFor(aCommand(5), next, prefix)).toBe(true);
    expect(await directory.stillHolds(5, next, prefix)).toBe(true);
  });

  it('leave their slug to the next one when they are deleted, though a crash lost the release', async () => {
    const directory = newProcess();
    const projectId = await directory.reserveSlug(aCommand(6), 'short-lived');
    const project = projectOf(projectId, 'short-lived', 'SHORT');
    await directory.execute(aCommand(6), projectId, { type: 'CreateProject', project });
    expect(await directory.reserveSlug(aCommand(6), 'short-lived')).toBe(projectId);

    await directory.execute(aCommand(6), projectId, { type: 'DeleteProject', successorId: 1 });

    expect(await directory.reserveSlug(aCommand(6), 'short-lived')).not.toBe(projectId);
    expect(await directory.find(6, projectId)).toBeUndefined();
    expect(await directory.byId(6, projectId)).toMatchObject({ kind: 'deleted' });
  });

  it('keep a prefix that they took again, though somebody releases it who took it for left over before', async () => {
    const prefix = { kind: 'prefix', handle: 'AGAIN' } as const;
    const directory = newProcess();
    const projectId = await directory.reserveSlug(aCommand(7), 'again');
    await directory.reserveFor(aCommand(7), projectId, prefix);
    const leftOver = 0n;
    await directory.reserveFor(aCommand(7), projectId, prefix);

    await directory.release(aCommand(7), projectId, prefix, leftOver);

    expect(await directory.stillHolds(7, projectId, prefix)).toBe(true);
  });
});
