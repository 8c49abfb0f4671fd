import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type DispatchRig, startDispatchRig } from '../../../test/support/dispatch-rig.js';
import { eventually } from '../../../test/support/eventually.js';
import { type ReceiverAnswer, startReceiver, type WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { Clock } from '../../platform/clock/clock.js';
import type { DeliveryAttempted } from '../deliveries.events.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

class MovedClock extends Clock {
  private at = Date.parse('2026-01-01T00:00:00.000Z');

  now(): Date {
    return new Date(this.at);
  }

  move(ms: number): void {
    this.at += ms;
  }
}

describe('the schedule of webhooks, with a moved clock', () => {
  let clock: MovedClock;
  let rig: DispatchRig;
  let receiver: WebhookReceiver;
  let answer: ReceiverAnswer;

  beforeEach(async () => {
    clock = new MovedClock();
    rig = await startDispatchRig(clock);
    receiver = await startReceiver();
    answer = { status: 500 };
    receiver.answer = () => answer;
    rig.start();
  });
  afterEach(async () => {
    await receiver.close();
    await rig.close();
  });

  const calls = (count: number) =>
    eventually(`${count} calls`, () => Promise.resolve(receiver.received.length >= count), 30_000);
  const written = (count: number, ...types: string[]) =>
    eventually(
      `${count} ${types.join(' or ')}`,
      async () => {
        const found = await rig.events(...types);
        return found.length >= count && found;
      },
      30_000,
    );
  const lastWait = async (count: number): Promise<number> => {
    const attempted = await written(count, 'DeliveryAttempted');
    const data = attempted[count - 1]?.data as DeliveryAttempted['data'] | undefined;
    return Date.parse(data?.nextAttemptAt ?? '') - clock.now().getTime();
  };

  it('[OUT-4] tries ten times, each wait within a fifth of what is published, and then it is dead', async () => {
    await rig.register(receiver.url);
    await rig.facts(1, 1);
    const waits = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (const [index, seconds] of waits.entries()) {
      const wait = await lastWait(index + 1);
      expect(wait).toBeGreaterThanOrEqual(0.8 * seconds * SECOND);
      expect(wait).toBeLessThanOrEqual(1.2 * seconds * SECOND);
      expect(receiver.received).toHaveLength(index + 1);
      clock.move(wait);
      await calls(index + 2);
    }
    const [died] = await written(1, 'DeliveryDied');
    expect(died?.data).toMatchObject({ reason: 'exhausted', attempt: 10, status: 500 });
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body.toString('hex'))).size).toBe(1);
    // 75 hours are no five days: the endpoint is told that it fails, and goes on.
    expect(await rig.events('WebhookFailing', 'WebhookDisabled')).toMatchObject([{ type: 'WebhookFailing' }]);
    answer = { status: 200 };
    await rig.facts(2, 1);
    await written(1, 'DeliverySucceeded');
    await written(1, 'WebhookRecovered');
  }, 60_000);

  it.each<[string, ReceiverAnswer, number, number]>([
    ['a Retry-After that is later wins', { status: 503, headers: { 'retry-after': '900' } }, 900, 900],
    ['a Retry-After that is earlier does not', { status: 503, headers: { 'retry-after': '1' } }, 4, 6],
    [
      'a Retry-After is followed for a day at most',
      { status: 503, headers: { 'retry-after': '999999' } },
      86_400,
      86_400,
    ],
    [
      'a Retry-After may be a date',
      { status: 503, headers: { 'retry-after': 'Thu, 01 Jan 2026 00:10:00 GMT' } },
      600,
      600,
    ],
    ['a throttled receiver is left alone for a minute', { status: 429 }, 60, 60],
    ['so is one behind a bad gateway', { status: 502 }, 60, 60],
    ['a redirect is a failure as any other', { status: 307, headers: { location: 'http://127.0.0.1/' } }, 4, 6],
  ])('[OUT-4] %s', async (_, given, least, most) => {
    answer = given;
    await rig.register(receiver.url);
    await rig.facts(1, 1);
    const seconds = (await lastWait(1)) / SECOND;
    expect(seconds).toBeGreaterThanOrEqual(least);
    expect(seconds).toBeLessThanOrEqual(most);
    expect(receiver.received).toHaveLength(1);
  });

  it('[OUT-5] disables after five days of nothing but failures, and is armed again by who enables', async () => {
    const webhookId = await rig.register(receiver.url);
    let agent = 0;
    const failOnce = async () => {
      const before = receiver.received.length;
      await rig.facts((agent += 1), 1);
      await calls(before + 1);
      await written(before + 1, 'DeliveryAttempted', 'DeliveryDied', 'DeliverySucceeded');
    };
    await failOnce();
    for (let day = 1; day <= 4; day += 1) {
      const before = receiver.received.length;
      clock.move(DAY);
      // What waited is due.
      await calls(before + 1);
      await written(before + 1, 'DeliveryAttempted', 'DeliveryDied', 'DeliverySucceeded');
    }
    expect(await rig.events('WebhookDisabled')).toEqual([]);
    clock.move(DAY);
    const [disabled] = await written(1, 'WebhookDisabled');
    expect(disabled?.data).toMatchObject({ webhookId, reason: 'failing' });
    const quiet = receiver.received.length;
    await rig.facts((agent += 1), 1);
    clock.move(DAY);
    answer = { status: 200 };
    await rig.execute({ type: 'Update', webhookId, changes: {}, set: 'resume' });
    await written(agent, 'DeliverySucceeded');
    expect(receiver.received.slice(quiet).every(({ status }) => status === 200)).toBe(true);
    answer = { status: 500 };
    await failOnce();
    clock.move(2 * DAY);
    await failOnce();
    expect(await rig.events('WebhookDisabled')).toHaveLength(1);
  }, 60_000);

  it('[OUT-5] counts the five days anew after one success', async () => {
    await rig.register(receiver.url);
    await rig.facts(1, 1);
    await written(1, 'DeliveryAttempted');
    clock.move(4 * DAY);
    answer = { status: 204 };
    await written(1, 'DeliverySucceeded');
    answer = { status: 500 };
    clock.move(2 * DAY);
    await rig.facts(2, 1);
    await written(2, 'DeliveryAttempted');
    clock.move(4 * DAY);
    await written(3, 'DeliveryAttempted');
    expect(await rig.events('WebhookDisabled')).toEqual([]);
    clock.move(2 * DAY);
    await written(1, 'WebhookDisabled');
  }, 60_000);

  it('[OUT-5] is ended by a 410 at once', async () => {
    answer = { status: 410 };
    await rig.register(receiver.url);
    await rig.facts(1, 1);
    expect((await written(1, 'DeliveryDied'))[0]?.data).toMatchObject({ reason: 'gone', attempt: 1 });
    expect((await written(1, 'WebhookDisabled'))[0]?.data).toMatchObject({ reason: 'gone' });
    await rig.facts(2, 1);
    clock.move(DAY);
    expect(receiver.received).toHaveLength(1);
  });

  it('[OUT-8] gives a receiver that drips its answer fifteen seconds, and nobody else waits for it', async () => {
    const sockets = new Set<Socket>();
    const dripping = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
      const drip = setInterval(() => socket.write('.'), 500);
      socket.on('close', () => clearInterval(drip));
    });
    await new Promise<void>((resolve) => dripping.listen(0, '127.0.0.1', resolve));
    const slow = await rig.register(`http://127.0.0.1:${(dripping.address() as AddressInfo).port}/`);
    answer = { status: 200 };
    const fast = await rig.register(receiver.url);
    await rig.facts(1, 50);
    const succeeded = await written(50, 'DeliverySucceeded');
    expect(succeeded.every(({ data }) => (data as { webhookId: number }).webhookId === fast)).toBe(true);
    const [attempted] = await written(1, 'DeliveryAttempted');
    expect(attempted?.data).toMatchObject({ webhookId: slow, status: null, error: 'timeout' });
    expect(await lastWait(1)).toBeGreaterThanOrEqual(MINUTE);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => dripping.close(resolve));
  }, 60_000);
});
