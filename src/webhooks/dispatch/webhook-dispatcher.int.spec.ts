import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { logEnd } from '../../platform/event-store/log-end.js';
import { type DispatchRig, startDispatchRig } from '../../../test/support/dispatch-rig.js';
import { eventually } from '../../../test/support/eventually.js';
import { startReceiver, type WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { SystemClock } from '../../platform/clock/clock.js';
import { placeOf } from '../log-place.js';

const FACTS = 300;
const KILLS = 6;
const WINDOW = 32;

describe('webhook dispatchers that are killed', () => {
  let rig: DispatchRig;
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    rig = await startDispatchRig(new SystemClock(), { factor: 0.000_1 });
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await receiver.close();
    await rig.close();
  });

  const agentOf = (body: Buffer): number => JSON.parse(body.toString('utf8')).data.id;
  const taken = () => receiver.received.filter(({ status }) => status === 200);
  /** An outcome that was on its way when its writer was killed may be written, and then again for the repeat. */
  const delivered = async () =>
    new Set((await rig.events('DeliverySucceeded')).map(({ data }) => 'deliveryId' in data && data.deliveryId)).size;
  const someOf = (count: number) => eventually('some of them', () => Promise.resolve(taken().length >= count), 30_000);

  it.each(['none', 'key', 'strict'] as const)(
    'miss nothing in order %s, with receivers that fail a third of the time',
    async (order) => {
      let calls = 0;
      receiver.answer = () => ({ status: (calls += 1) % 10 < 3 ? 500 : 200 });
      await rig.register(receiver.url, { order });
      let running = rig.start();
      for (let round = 0; round < KILLS; round += 1) {
        await rig.facts(1 + (round * FACTS) / KILLS, FACTS / KILLS);
        await someOf(((round + 0.5) * FACTS) / KILLS);
        await running.kill();
        running = rig.start();
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

  it('tell the first endpoint of everything after its registration, however close it comes', async () => {
    const running = rig.start();
    await rig.facts(1, 20);
    await rig.register(receiver.url);
    await rig.facts(21, FACTS);
    await eventually('all are written down', async () => (await delivered()) === FACTS, 60_000);
    const told = taken().map(({ body }) => agentOf(body));
    expect(told.toSorted((a, b) => a - b)).toEqual(Array.from({ length: FACTS }, (_, index) => index + 21));
    await running.kill();
  }, 120_000);

  it('go on with a replay where it was, and end it once', async () => {
    await rig.facts(1, FACTS);
    const webhookId = await rig.register(receiver.url);
    const head = await logEnd(rig.store);
    let running = rig.start();
    await rig.execute({
      type: 'RequestReplay',
      webhookId,
      replayId: randomUUID(),
      after: null,
      until: placeOf(head),
      since: null,
      before: null,
      types: null,
      onlyDead: false,
    });
    for (let round = 1; round <= 3; round += 1) {
      await someOf((round * FACTS) / 5);
      await running.kill();
      running = rig.start();
    }
    await eventually('its end', async () => (await rig.events('WebhookReplayFinished')).length === 1, 60_000);
    expect(new Set(taken().map(({ body }) => agentOf(body))).size).toBe(FACTS);
    expect(taken().every(({ headers }) => headers['webhook-replay'] === 'true')).toBe(true);
    expect(taken().length - FACTS).toBeLessThanOrEqual(3 * WINDOW);
    expect(await delivered()).toBe(FACTS);
  }, 120_000);
});
