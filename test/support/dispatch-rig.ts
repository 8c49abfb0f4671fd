import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { allEventContracts } from '../../src/all.events.js';
import type { Clock } from '../../src/platform/clock/clock.js';
import { EventRegistry } from '../../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../../src/platform/event-store/event-store.gateway.js';
import { type EventStore, isReadable } from '../../src/platform/event-store/event-store.js';
import { BEFORE_EVERYTHING } from '../../src/platform/event-store/position.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { RandomIds } from '../../src/platform/ids/ids.js';
import { Numbers } from '../../src/platform/numbers/numbers.js';
import { DeliveryStreams } from '../../src/webhooks/dispatch/delivery-stream.js';
import { DispatchMetrics } from '../../src/webhooks/dispatch/dispatch-metrics.js';
import type { DispatchTools } from '../../src/webhooks/dispatch/dispatch-tools.js';
import { WebhookDispatcher } from '../../src/webhooks/dispatch/webhook-dispatcher.js';
import { WebhookSender } from '../../src/webhooks/dispatch/webhook-sender.js';
import { WebhookSecrets } from '../../src/webhooks/webhook-secrets.js';
import { WebhookWriter } from '../../src/webhooks/webhook-writer.js';
import type { WebhookCommand } from '../../src/webhooks/webhook.decider.js';
import { newDataDirectory, removeDirectory, startEventStoreNode } from './event-store-node.js';
import { testConfig } from './http-app.js';
import { quietLogger } from './quiet-logger.js';
import { sampleMetadata } from './sample-events.js';

const ids = new RandomIds();
const registry = new EventRegistry(allEventContracts);
const config = testConfig({ webhookAllow: ['127.0.0.1'] });
const secrets = new WebhookSecrets(config);

export type RigSettings = Partial<Pick<DispatchTools, 'factor' | 'perSecond' | 'saveEveryMs' | 'random'>>;

export interface RunningDispatcher {
  /** As a kill: from here on nothing of it reaches the store, whatever it had in flight. */
  kill(): Promise<void>;
}

/** Dispatchers on a real node, without the rest of the program. */
export interface DispatchRig {
  readonly store: EventStore;
  start(): RunningDispatcher;
  execute(command: WebhookCommand): Promise<void>;
  register(url: string, more?: Partial<Extract<WebhookCommand, { type: 'Register' }>>): Promise<number>;
  /** Facts `agent.deleted` of agents with these numbers. */
  facts(from: number, count: number): Promise<void>;
  /** The log's events of these types. */
  events(...types: readonly string[]): Promise<readonly StoredEvent[]>;
  close(): Promise<void>;
}

export async function startDispatchRig(clock: Clock, settings: RigSettings = {}): Promise<DispatchRig> {
  const dir = await newDataDirectory();
  const node = await startEventStoreNode({ dir });
  const gateway = () => new EventStoreGateway({ url: node.url, registry });
  const store = gateway();
  const started: { readonly dispatcher: WebhookDispatcher; readonly own: EventStore }[] = [];

  async function execute(command: WebhookCommand): Promise<void> {
    const context = {
      commandId: randomUUID(),
      keyed: false,
      workspaceId: 1,
      correlationId: randomUUID(),
      actor: { kind: 'system', id: 'test', name: 'test' },
      receivedAt: clock.now(),
    } as const;
    const outcome = await new WebhookWriter(store).execute(context, command);
    if (outcome.kind !== 'accepted') throw new Error(`${command.type} was refused`);
  }

  return {
    store,
    execute,
    start: () => {
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
        factor: 1,
        saveEveryMs: 50,
        ...settings,
      });
      started.push({ dispatcher, own });
      dispatcher.start();
      return { kill: () => own.close() };
    },
    register: async (url, more = {}) => {
      const webhookId = await new Numbers({ store, clock, ids }).next('webhook');
      await execute({
        type: 'Register',
        webhookId,
        name: 'hook',
        url,
        events: ['agent.deleted'],
        order: 'none',
        headers: [],
        masterKeyId: 'test',
        ...more,
      });
      return webhookId;
    },
    facts: async (from, count) => {
      const recordedAt = clock.now().toISOString();
      const fact = (agentId: number) => ({
        id: randomUUID(),
        type: 'AgentRetired',
        data: { agentId, name: `a${agentId}` },
        metadata: { ...sampleMetadata(), recordedAt },
      });
      for (let agentId = from; agentId < from + count; agentId += 1) {
        await store.append(`agent-${agentId}`, [fact(agentId)], 'any');
      }
    },
    events: async (...types) => {
      const found: StoredEvent[] = [];
      for await (const entry of store.readAll({ after: BEFORE_EVERYTHING })) {
        if (isReadable(entry) && types.includes(entry.type)) found.push(entry);
      }
      return found;
    },
    close: async () => {
      for (const { dispatcher, own } of started) {
        await dispatcher.stop();
        await own.close();
      }
      await store.close();
      await node.close();
      await removeDirectory(dir);
    },
  };
}
