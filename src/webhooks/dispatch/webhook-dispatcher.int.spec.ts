import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import {
  newDataDirectory,
  removeDirectory,
  startEventStoreNode,
  type InProcessNode,
} from '../../../test/support/event-store-node.js';
import { eventually } from '../../../test/support/eventually.js';
import { testConfig } from '../../../test/support/http-app.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { sampleMetadata } from '../../../test/support/sample-events.js';
import { startReceiver, type WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { allEventContracts } from '../../all.events.js';
import { SystemClock } from '../../platform/clock/clock.js';
import { EventRegistry } from '../../platform/event-store/event-registry.js';
import { EventStoreGateway } from '../../platform/event-store/event-store.gateway.js';
import { type EventStore, isReadable } from '../../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING } from '../../platform/event-store/position.js';
import { RandomIds } from '../../platform/ids/ids.js';
import { Numbers } from '../../platform/numbers/numbers.js';
import { WebhookSecrets } from '../webhook-secrets.js';
import { WebhookWriter } from '../webhook-writer.js';
import type { DeliveryOrder } from '../webhooks.events.js';
import { DeliveryStreams } from './delivery-stream.js';
import { DispatchMetrics } from './dispatch-metrics.js';
import { WebhookDispatcher } from './webhook-dispatcher.js';
import { WebhookSender } from './webhook-sender.js';

const FACTS = 300;
const KILLS = 6;
const WINDOW = 32;
const clock = new SystemClock();
const ids = new RandomIds();
const registry = new EventRegistry(allEventContracts);
const config = testConfig({ webhookAllow: ['127.0.0.1'] });
const secrets = new WebhookSecrets(config);

interface Running {
  readonly dispatcher: WebhookDispatcher;
  readonly store: EventStore;
}

describe('webhook dispatchers that are killed', () => {
  let dir: string;
  let node: InProcessNode;
  let store: EventStore;
  let receiver: WebhookReceiver;
  const started: Running[] = [];

  beforeEach(async () => {
    dir = await newDataDirectory();
    node = await startEventStoreNode({ dir });
    store = gateway();
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await receiver.close();
    for (const { dispatcher, store: own } of started.splice(0)) {
      await dispatcher.stop();
      await own.close();
    }
    await store.close();
    await node.close();
    await removeDirectory(dir);
  });

  const gateway = () => new EventStoreGateway({ url: node.url, registry });

  function start(): Running {
    const own = gateway();
    const dispatcher = new WebhookDispatcher({
      store: own,
      generation: { current: '00000001', isKnown: true },
      streams: new DeliveryStreams(own),
      sender: new WebhookSender(config, secrets, clock),
      writer: new WebhookWriter(own),
      excerpts: { note: () => undefined },
      clock,
      ids,
      logger: quietLogger,
      metrics: new DispatchMetrics(new Registry()),
      random: Math.random,
      perSecond: 1_000,
      factor: 0.000_1,
      saveEveryMs: 50,
    });
    const running = { dispatcher, store: own };
    started.push(running);
    dispatcher.start();
    return running;
  }

  /** As a kill: from here on nothing of it reaches the store, whatever it had in flight. */
  async function kill({ store: own }: Running): Promise<void> {
    await own.close();
  }

  async function register(order: DeliveryOrder): Promise<number> {
    const webhookId = await new Numbers({ store, clock, ids }).next('webhook');
    const context = {
      commandId: randomUUID(),
      keyed: false,
      workspaceId: 1,
      correlationId: randomUUID(),
      actor: { kind: 'system', id: 'test', name: 'test' },
      receivedAt: clock.now(),
    } as const;
    await new WebhookWriter(store).execute(context, {
      type: 'Register',
      webhookId,
      name: 'hook',
      url: receiver.url,
      events: ['agent.deleted'],
      order,
      headers: [],
      masterKeyId: 'test',
    });
    return webhookId;
  }

  async function facts(from: number, count: number): Promise<void> {
    for (let agentId = from; agentId < from + count; agentId += 1) {
      const event = { id: randomUUID(), type: 'AgentRetired', data: { agentId, name: `a${agentId}` } };
      await store.append(`agent-${agentId}`, [{ ...event, metadata: sampleMetadata() }], 'any');
    }
  }

  const agentOf = (body: Buffer): number => JSON.parse(body.toString('utf8')).data.id;
  const taken = () => receiver.received.filter(({ status }) => status === 200);

  async function delivered(): Promise<number> {
    let count = 0;
    for await (const entry of store.readAll({ after: BEFORE_EVERYTHING })) {
      if (isReadable(entry) && entry.type === 'DeliverySucceeded') count += 1;
    }
    return count;
  }

  it.each(['none', 'key', 'strict'] as const)(
    'miss nothing in order %s, with receivers that fail a third of the time',
    async (order) => {
      let calls = 0;
      receiver.answer = () => ({ status: (calls += 1) % 10 < 3 ? 500 : 200 });
      await register(order);
      let running = start();
      for (let round = 0; round < KILLS; round += 1) {
        await facts(1 + (round * FACTS) / KILLS, FACTS / KILLS);
        await eventually(
          'some of them',
          () => Promise.resolve(taken().length >= ((round + 0.5) * FACTS) / KILLS),
          30_000,
        );
        await kill(running);
        running = start();
      }
      await eventually('all are written down', async () => (await delivered()) === FACTS, 60_000);

      const byId = new Map<string, string>();
      for (const { headers, body } of receiver.received) {
        const id = String(headers['webhook-id']);
        expect(byId.get(id) ?? body.toString('hex')).toBe(body.toString('hex'));
        byId.set(id, body.toString('hex'));
      }
      expect(byId.size).toBe(FACTS);
      expect(new Set(taken().map(({ body }) => agentOf(body))).size).toBe(FACTS);
      expect(taken().length - FACTS).toBeLessThanOrEqual(KILLS * WINDOW);
      if (order !== 'strict') return;
      const firsts = [...new Set(taken().map(({ body }) => agentOf(body)))];
      expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
    },
    120_000,
  );
});
