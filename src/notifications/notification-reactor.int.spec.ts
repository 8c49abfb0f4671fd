import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import {
  newDataDirectory,
  removeDirectory,
  startEventStoreNode,
  type InProcessNode,
} from '../../test/support/event-store-node.js';
import { startNode } from '../../embedded/event-store/index.js';
import { eventually } from '../../test/support/eventually.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { sampleMetadata } from '../../test/support/sample-events.js';
import { allEventContracts } from '../all.events.js';
import { SystemClock } from '../platform/clock/clock.js';
import { EventRegistry } from '../platform/event-store/event-registry.js';
import { EventStoreGateway } from '../platform/event-store/event-store.gateway.js';
import { isReadable, type EventStore } from '../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING } from '../platform/event-store/position.js';
import type { ProposedEvent } from '../platform/event-store/stored-event.js';
import { RandomIds } from '../platform/ids/ids.js';
import { Numbers } from '../platform/numbers/numbers.js';
import type { Recipient, TaskBroadcast } from '../tasks/tasks.events.js';
import { NotificationReactor, type ReactorPoint } from './notification-reactor.js';
import type { NotificationRaised } from './notifications.events.js';

const clock = new SystemClock();
const ids = new RandomIds();
const strict = new EventRegistry(allEventContracts);
/** What an older or a broken program may have left in the log. */
const lenient = new EventRegistry(allEventContracts.map((contract) => ({ ...contract, schema: { type: 'object' } })));

interface Running {
  readonly reactor: NotificationReactor;
  readonly registry: Registry;
  readonly store: EventStore;
}

describe('the notification reactor over a real log', () => {
  let dir: string;
  let node: Pick<InProcessNode, 'url' | 'port' | 'close'>;
  let store: EventStore;
  let running: Running[] = [];
  let bury = () => {};

  beforeEach(async () => {
    dir = await newDataDirectory();
    node = await startEventStoreNode({ dir });
    store = gateway(strict);
  });
  afterEach(async () => {
    const stopped = running.map(({ reactor }) => reactor.stop());
    bury();
    await Promise.all(stopped);
    await Promise.all(running.map((one) => one.store.close()));
    running = [];
    await store.close();
    await node.close();
    await removeDirectory(dir);
  });

  const gateway = (registry: EventRegistry) => new EventStoreGateway({ url: node.url, registry });

  /** A reactor with a connection of its own, as in a process of its own. */
  function start(failpoint?: (point: ReactorPoint) => Promise<void>): Running {
    const own = gateway(strict);
    const registry = new Registry();
    const numbers = new Numbers({ store: own, clock, ids });
    const options = { store: own, numbers, clock, ids, logger: quietLogger, registry, saveEveryMs: 20 };
    const reactor = new NotificationReactor({ ...options, ...(failpoint === undefined ? {} : { failpoint }) });
    reactor.start();
    const one = { reactor, registry, store: own };
    running.push(one);
    return one;
  }

  /** `count` broadcasts to two recipients each: the task's number is the message. */
  async function broadcasts(from: number, count: number, recipients: readonly Recipient[] = [bob, eve]): Promise<void> {
    for (let taskId = from; taskId < from + count; taskId += 1) {
      await store.append(`task-${taskId}`, [broadcast(taskId, recipients)], 'any');
    }
  }

  async function raised(): Promise<readonly NotificationRaised['data'][]> {
    const found: NotificationRaised['data'][] = [];
    for await (const entry of store.readAll({ after: BEFORE_EVERYTHING })) {
      if (isReadable(entry) && entry.type === 'NotificationRaised')
        found.push(entry.data as NotificationRaised['data']);
    }
    return found;
  }

  const untilRaised = (count: number) =>
    eventually(`${count} notifications`, async () => (await raised()).length >= count, 20_000);

  async function expectOncePerCause(causes: number): Promise<void> {
    const all = await raised();
    const keys = all.map(({ taskId, recipient }) => `${taskId} ${recipient}`);
    expect(keys.toSorted()).toEqual(
      Array.from({ length: causes }, (_, index) => [`${index + 1} bob`, `${index + 1} eve`])
        .flat()
        .toSorted(),
    );
    expect(new Set(all.map(({ notificationId }) => notificationId)).size).toBe(all.length);
  }

  async function counted({ registry }: Running, result: string): Promise<number> {
    const metric = await registry.getSingleMetric('reactor_events_total')?.get();
    return metric?.values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
  }

  it('raises what was there before it and what comes, each recipient’s in the order of the log', async () => {
    await broadcasts(1, 20);
    start();
    await broadcasts(21, 20);
    await untilRaised(80);
    await expectOncePerCause(40);
    for (const name of ['bob', 'eve']) {
      const own = (await raised()).filter(({ recipient }) => recipient === name);
      expect(own.map(({ taskId }) => taskId)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
      const numbers = own.map(({ notificationId }) => notificationId);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  it('says why a notification was raised', async () => {
    const cause = broadcast(1, [bob]);
    await store.append('task-1', [cause], 'any');
    start();
    await untilRaised(1);
    const [notification] = await raised();
    const [entry] = (await store.readStream(`notification-${notification?.uuid ?? ''}`)) ?? [];
    if (entry === undefined || !isReadable(entry)) throw new Error('not readable');
    expect(entry.id).toBe(notification?.uuid);
    expect(entry.metadata).toMatchObject({
      causationId: cause.id,
      correlationId: cause.metadata.correlationId,
      workspaceId: 1,
      occurredAt: cause.metadata.occurredAt,
      actor: { kind: 'system', id: 'notifications' },
    });
  });

  it('goes on where it was, and raises nothing twice when its position was lost', async () => {
    await broadcasts(1, 5);
    const first = start();
    await untilRaised(10);
    await eventually('a saved position', async () => (await store.readStream('reactor-notifications')) !== undefined);
    await first.reactor.stop();

    const second = start();
    await broadcasts(6, 5);
    await untilRaised(20);
    await expectOncePerCause(10);
    expect(await counted(second, 'already')).toBe(0);
    expect(await counted(second, 'recorded')).toBe(10);
  });

  describe.each(['before-append', 'after-append', 'before-save', 'after-save'] as const)('killed %s', (point) => {
    it.each([1, 2, 7, 20])('the %dth time: a new one raises the rest, and nothing twice', async (nth) => {
      await broadcasts(1, 10);
      let passed = 0;
      let isDead = false;
      const burial = new Promise<void>((resolve) => {
        bury = resolve;
      });
      start(async (at) => {
        passed += at === point ? 1 : 0;
        // From here on this reactor writes nothing any more: a killed process does not either.
        isDead ||= at === point && passed >= Math.min(nth, point.endsWith('save') ? 1 : nth);
        if (isDead) await burial;
      });
      await eventually('the kill', () => isDead, 10_000);
      start();
      await broadcasts(11, 5);
      await untilRaised(30);
      await expectOncePerCause(15);
    });
  });

  it('may run twice at once', async () => {
    await broadcasts(1, 10);
    start();
    start();
    start();
    await broadcasts(11, 20);
    await untilRaised(60);
    await eventually(
      'all of them have looked at everything',
      async () => {
        const sums = await Promise.all(
          running.map(async (one) => (await counted(one, 'recorded')) + (await counted(one, 'already'))),
        );
        return sums.every((sum) => sum >= 60);
      },
      20_000,
    );
    await expectOncePerCause(30);
  });

  it('waits for a store that is away, and goes on', async () => {
    await broadcasts(1, 5);
    start();
    await untilRaised(10);
    const { port } = node;
    await node.close();
    node = await startNode({ dir, port });
    await eventually(
      'an append',
      () =>
        broadcasts(6, 1).then(
          () => true,
          () => false,
        ),
      20_000,
    );
    await broadcasts(7, 4);
    await untilRaised(20);
    await expectOncePerCause(10);
  });

  it('leaves out what nobody can raise, says so, and goes on with the rest', async () => {
    const writer = gateway(lenient);
    await writer.append('task-1', [broadcast(1, [{ name: '', agentId: null }, bob])], 'any');
    await writer.append('task-1', [{ ...broadcast(1, []), data: { recipients: 3 } }], 'any');
    await writer.close();
    await store.append('task-1', [broadcast(2, [bob])], 'any');
    const one = start();
    await untilRaised(2);
    expect((await raised()).map(({ taskId, recipient }) => `${taskId} ${recipient}`)).toEqual(['1 bob', '2 bob']);
    expect([await counted(one, 'skipped'), await counted(one, 'unreadable')]).toEqual([1, 1]);
  });
});

const bob: Recipient = { name: 'bob', agentId: 2 };
const eve: Recipient = { name: 'eve', agentId: null };

function broadcast(taskId: number, recipients: readonly Recipient[]): ProposedEvent<TaskBroadcast> {
  return {
    id: randomUUID(),
    type: 'TaskBroadcast',
    data: { taskId, title: `Task ${taskId}`, message: 'm', recipients, assignedTo: null, assignedAgentId: null },
    metadata: sampleMetadata(),
  };
}
