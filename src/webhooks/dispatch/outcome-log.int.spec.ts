import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  newDataDirectory,
  removeDirectory,
  startEventStoreNode,
  type InProcessNode,
} from '../../../test/support/event-store-node.js';
import { eventually } from '../../../test/support/eventually.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { sampleMetadata } from '../../../test/support/sample-events.js';
import { allEventContracts } from '../../all.events.js';
import { EventRegistry } from '../../platform/event-store/event-registry.js';
import { EventStoreGateway } from '../../platform/event-store/event-store.gateway.js';
import type { EventStore } from '../../platform/event-store/event-store.js';
import type { ProposedEvent } from '../../platform/event-store/stored-event.js';
import type { DeliveryEvent, DeliverySucceeded } from '../deliveries.events.js';
import { deliveriesStream, DeliveryStreams } from './delivery-stream.js';
import { OutcomeLog } from './outcome-log.js';

const registry = new EventRegistry(allEventContracts);

describe('the outcomes of an endpoint', () => {
  let dir: string;
  let node: InProcessNode;
  let store: EventStore;
  let webhookId = 0;

  beforeAll(async () => {
    dir = await newDataDirectory();
    node = await startEventStoreNode({ dir });
    store = new EventStoreGateway({ url: node.url, registry });
  });
  afterAll(async () => {
    await store.close();
    await node.close();
    await removeDirectory(dir);
  });

  function log(onForeign: (event: DeliveryEvent) => void = () => undefined): OutcomeLog {
    return new OutcomeLog(webhookId, { store, streams: new DeliveryStreams(store), logger: quietLogger }, onForeign);
  }

  function success(deliveryId: string, more: Partial<DeliverySucceeded['data']> = {}): ProposedEvent<DeliveryEvent> {
    const data: DeliverySucceeded['data'] = {
      deliveryId,
      webhookId,
      eventId: randomUUID(),
      event: 'activity.task_created',
      stream: 'task-1',
      revision: 0,
      place: { commit: '0'.repeat(16), prepare: '0'.repeat(16) },
      counts: true,
      run: 'live',
      attempt: 1,
      status: 200,
      error: null,
      durationMs: 3,
      responseBytes: 0,
      responseDigest: null,
      ...more,
    };
    return { id: randomUUID(), type: 'DeliverySucceeded', data, metadata: sampleMetadata() };
  }

  const stored = async () => (await store.readStream(deliveriesStream(webhookId))) ?? [];

  it('are written in the order in which they came, many at once', async () => {
    webhookId = 1;
    const outcomes = log();
    await outcomes.learn('end');
    const events = Array.from({ length: 600 }, () => success(randomUUID()));
    expect(new Set(await Promise.all(events.map((event) => outcomes.write(event))))).toEqual(new Set(['written']));
    expect((await stored()).map(({ id }) => id)).toEqual(events.map(({ id }) => id));
    expect(outcomes.revision).toBe(599n);
  });

  it('of two writers are all there; the one that was second learns what the first wrote', async () => {
    webhookId = 2;
    const heard: string[] = [];
    const first = log();
    const second = log(({ data }) => heard.push(data.deliveryId));
    await Promise.all([first.learn(-1n), second.learn(-1n)]);
    const shared = randomUUID();
    expect(await first.write(success(shared))).toBe('written');
    expect(await second.write(success(shared))).toBe('elsewhere');
    expect(heard).toEqual([shared]);
    expect(second.recordOf(shared, 'live')).toMatchObject({ succeeded: true, finishedInRun: true });
    expect(second.recordOf(shared, 'another')).toMatchObject({ succeeded: true, finishedInRun: false });
    const own = success(randomUUID());
    expect(await second.write(own)).toBe('written');
    expect(await stored()).toHaveLength(2);
  });

  it('that somebody else wrote are read when the log shows them', async () => {
    webhookId = 3;
    const heard: string[] = [];
    const outcomes = log(({ data }) => heard.push(data.deliveryId));
    await outcomes.learn('end');
    await outcomes.write(success(randomUUID()));
    const foreign = success(randomUUID());
    const { revision } = await store.append(deliveriesStream(webhookId), [foreign], 'any');
    outcomes.seen(0n);
    outcomes.seen(revision);
    await eventually('it is heard', () => Promise.resolve(heard.length === 1));
    expect(heard).toEqual([(foreign.data as DeliverySucceeded['data']).deliveryId]);
    expect(await outcomes.write(success(randomUUID()))).toBe('written');
  });

  it('that the store does not take harm no others of their append', async () => {
    webhookId = 4;
    const outcomes = log();
    await outcomes.learn('end');
    const [good, bad, alsoGood] = [success(randomUUID()), success('no uuid'), success(randomUUID())];
    const written = await Promise.all([good, bad, alsoGood].map((event) => outcomes.write(event)));
    expect(written).toEqual(['written', 'refused', 'written']);
    expect((await stored()).map(({ id }) => id)).toEqual([good.id, alsoGood.id]);
  });

  it('are left to the next start once it is stopped', async () => {
    webhookId = 5;
    const outcomes = log();
    await outcomes.learn('end');
    await outcomes.stop();
    expect(await outcomes.write(success(randomUUID()))).toBe('stopped');
    expect(await stored()).toEqual([]);
  });
});
