import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { RefusedAccessJournal } from '../../src/security/refused-access.journal.js';
import { type Answer, type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { testKeys } from '../support/http-app.js';
import { type Received, startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

/** 5 s become 50 ms. */
const PERMILLE = 10;

describe('webhooks out', () => {
  let app: Application;
  let receivers: WebhookReceiver[] = [];
  const made: number[] = [];
  let serial = 0;

  beforeAll(async () => {
    app = await startApplication({
      config: { webhookAllow: ['127.0.0.1'], webhookRetryPermille: PERMILLE, webhookRate: 1_000 },
    });
  }, 120_000);
  afterEach(async () => {
    for (const id of made.splice(0)) await app.call('DELETE', '/api/webhooks', { body: { id } });
    await Promise.all(receivers.map((receiver) => receiver.close()));
    receivers = [];
  }, 30_000);
  afterAll(() => app.close(), 60_000);

  async function receiver(): Promise<WebhookReceiver> {
    const started = await startReceiver();
    receivers.push(started);
    return started;
  }

  async function endpoint(url: string, more: object = {}): Promise<{ id: number; secret: string }> {
    const name = `hook-${(serial += 1)}`;
    const answer = await app.call('POST', '/api/webhooks', { body: { name, url, events: ['task'], ...more } });
    expect(answer).toMatchObject({ status: 200 });
    made.push(answer.body.id);
    return answer.body;
  }

  async function task(title = 'Tell it'): Promise<number> {
    const answer = await app.call('POST', '/api/tasks', { body: { title } });
    expect(answer.status).toBe(201);
    return answer.body.task.id;
  }

  const bodyOf = ({ body }: Received) => JSON.parse(body.toString('utf8'));
  const until = (what: string, condition: () => unknown) =>
    eventually(what, () => Promise.resolve(condition()), 30_000);
  const idOf = ({ headers }: Received) => String(headers['webhook-id']);
  const listed = async (id: number) =>
    (await app.call('GET', '/api/webhooks')).body.webhooks.find((each: { id: number }) => each.id === id);
  const balanced = (id: number, matching: number) =>
    eventually(
      `a balance over ${matching} facts`,
      async () => {
        const { body } = await app.call('GET', '/api/webhooks/balance');
        const own = body.balances?.find((each: { webhook_id: number }) => each.webhook_id === id);
        expect(own?.error ?? 0).toBe(0);
        return own?.matching === matching && own.waiting_behind === 0 ? own : undefined;
      },
      30_000,
    );

  it('tell a fact once, signed so that the reference library and old receivers verify it', async () => {
    const hook = await receiver();
    const { id, secret } = await endpoint(hook.url, { events: ['*'], headers: { Authorization: 'Bearer for-them' } });
    const taskId = await task('Zoë 🚀');
    const told = () => hook.received.find((each) => bodyOf(each).type === 'task.created');
    await until('the message', told);
    const message = told();
    if (message === undefined) throw new Error('no message');
    expect(bodyOf(message)).toMatchObject({
      event: 'activity.task_created',
      type: 'task.created',
      workspace_id: 1,
      data: { id: taskId, title: 'Zoë 🚀', workspace_id: 1 },
    });
    expect(Object.keys(bodyOf(message))).toEqual([
      'event',
      'timestamp',
      'data',
      'id',
      'type',
      'position',
      'workspace_id',
    ]);
    expect(message.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'MissionControl-Webhook/1.0',
      'x-mc-event': 'activity.task_created',
      'webhook-attempt': '1',
      authorization: 'Bearer for-them',
      'x-mc-signature': `sha256=${createHmac('sha256', secret).update(message.body).digest('hex')}`,
    });
    expect(idOf(message)).toMatch(/^msg_[0-9a-f]{32}$/);
    expect(() => new Webhook(secret).verify(message.body, message.headers as Record<string, string>)).not.toThrow();
    const shown = await listed(id);
    expect(shown).toMatchObject({ secret: `••••••${secret.slice(-4)}`, headers: { authorization: '••••••' } });
    const log = JSON.stringify(await app.log(), (_, value: unknown) => (typeof value === 'bigint' ? '' : value));
    expect(log).not.toContain(secret.slice(6));
    expect(log).not.toContain('for-them');
    expect(await balanced(id, hook.received.length)).toMatchObject({ pending: 0, dead: 0 });
  }, 60_000);

  it('repeat what failed with the same id and the same bytes, and then no more', async () => {
    const hook = await receiver();
    let calls = 0;
    hook.answer = () => ({ status: (calls += 1) < 3 ? 500 : 204, body: calls < 3 ? 'no <b>luck</b>' : '' });
    const { id } = await endpoint(hook.url, { events: ['task.created'] });
    await task();
    await until('the third attempt', () => hook.received.length === 3);
    expect(new Set(hook.received.map(idOf)).size).toBe(1);
    expect(new Set(hook.received.map(({ body }) => body.toString('hex'))).size).toBe(1);
    expect(hook.received.map(({ headers }) => headers['webhook-attempt'])).toEqual(['1', '2', '3']);
    await balanced(id, 1);
    const { body } = await app.call('GET', `/api/webhooks/deliveries?webhook_id=${id}`);
    expect(body).toMatchObject({
      total: 3,
      deliveries: [
        { state: 'delivered', attempt: 3, is_retry: true, status_code: 204 },
        { state: 'failed', attempt: 2, error: 'status 500' },
        { state: 'failed', attempt: 1, is_retry: false, parent_delivery_id: null },
      ],
    });
    expect(body.deliveries[0].payload).toBe(hook.received[0]?.body.toString('utf8'));
    await until('the excerpt', async () => {
      const again = await app.call('GET', `/api/webhooks/deliveries?webhook_id=${id}&state=failed`);
      return again.body.deliveries[0].response_body === 'no <b>luck</b>';
    });
    expect(await listed(id)).toMatchObject({
      total_deliveries: 3,
      successful_deliveries: 1,
      failed_deliveries: 2,
      consecutive_failures: 0,
      last_status: 204,
    });
  }, 60_000);

  it('die of a 410, which disables and is told to others by name, and come back by hand', async () => {
    const dead = await receiver();
    const watcher = await receiver();
    const gone = await endpoint(dead.url, { events: ['task.created'] });
    const other = await endpoint(watcher.url, { events: ['webhook.disabled', 'webhook.exhausted'] });
    dead.answer = () => ({ status: 410 });
    await task();
    await until('both facts', () => watcher.received.length === 2);
    expect(new Set(watcher.received.map((each) => bodyOf(each).event))).toEqual(
      new Set(['webhook.disabled', 'webhook.exhausted']),
    );
    await until('the read model', async () => (await listed(gone.id)).circuit_open);
    expect(await listed(gone.id)).toMatchObject({ enabled: false, circuit_open: true, dead_deliveries: 1 });
    await task();
    dead.answer = () => ({ status: 200 });
    expect(dead.received).toHaveLength(1);
    const [first] = (await app.call('GET', `/api/webhooks/deliveries?webhook_id=${gone.id}&state=dead`)).body
      .deliveries;
    const retried = await app.call('POST', '/api/webhooks/retry', { body: { delivery_id: first.id } });
    expect(retried).toMatchObject({ status: 200, body: { success: true, status_code: 200 } });
    expect(dead.received.map(idOf)[1]).toBe(dead.received.map(idOf)[0]);
    await app.call('PUT', '/api/webhooks', { body: { id: gone.id, reset_circuit: true } });
    await until('what was pending', () => dead.received.length === 3);
    await balanced(gone.id, 2);
    expect(await listed(gone.id)).toMatchObject({ enabled: true, circuit_open: false, dead_deliveries: 0 });
    await balanced(other.id, 2);
  }, 60_000);

  it('keep what matches while paused; it is delivered or skipped, as the one who enables says', async () => {
    const hook = await receiver();
    const { id } = await endpoint(hook.url, { events: ['task.created'] });
    await app.call('PUT', '/api/webhooks', { body: { id, enabled: false } });
    await task('kept');
    await app.call('PUT', '/api/webhooks', { body: { id, enabled: true } });
    await until('the kept one', () => hook.received.length === 1);
    await app.call('PUT', '/api/webhooks', { body: { id, enabled: false } });
    await task('skipped');
    await app.call('PUT', '/api/webhooks', { body: { id, enabled: true, backlog: 'skip' } });
    await task('new');
    await until('the new one', () => hook.received.length === 2);
    expect(hook.received.map((each) => bodyOf(each).data.title)).toEqual(['kept', 'new']);
    expect(await balanced(id, 3)).toMatchObject({ delivered: 2, dead: 1, pending: 0 });
  }, 60_000);

  it('sign with both secrets during the grace of a rotation', async () => {
    const hook = await receiver();
    const { id, secret } = await endpoint(hook.url, { events: ['task.created'] });
    const rotated = await app.call('PUT', '/api/webhooks', { body: { id, regenerate_secret: true } });
    expect(rotated.body).toMatchObject({ success: true, secret: expect.stringMatching(/^whsec_/) });
    await task();
    await until('a message', () => hook.received.length === 1);
    const [message] = hook.received;
    const headers = message?.headers as Record<string, string>;
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const each of [secret, rotated.body.secret]) {
      expect(() => new Webhook(each).verify(message?.body ?? '', headers)).not.toThrow();
    }
    const cut = await app.call('PUT', '/api/webhooks', { body: { id, regenerate_secret: true, grace_seconds: 0 } });
    await task();
    await until('another', () => hook.received.length === 2);
    const later = hook.received[1]?.headers as Record<string, string>;
    expect(() => new Webhook(cut.body.secret).verify(hook.received[1]?.body ?? '', later)).not.toThrow();
    expect(() => new Webhook(rotated.body.secret).verify(hook.received[1]?.body ?? '', later)).toThrow();
  }, 60_000);

  it('replay the past into a new endpoint, under ids that stay the same', async () => {
    for (const title of ['one', 'two', 'three']) await task(`replayed ${title}`);
    const hook = await receiver();
    const { id } = await endpoint(hook.url, { events: ['task.created'] });
    const replay = await app.call('POST', '/api/webhooks/replay', { body: { id, types: ['task.created'] } });
    expect(replay.status).toBe(200);
    await until('all of them', () => hook.received.length === replay.body.queued);
    const titles = hook.received.map((each) => bodyOf(each).data.title);
    for (const title of ['one', 'two', 'three']) expect(titles).toContain(`replayed ${title}`);
    expect(hook.received.every(({ headers }) => headers['webhook-replay'] === 'true')).toBe(true);
    const again = await app.call('POST', '/api/webhooks/replay', { body: { id, types: ['task.created'] } });
    await until('all of them again', () => hook.received.length === 2 * again.body.queued);
    expect(new Set(hook.received.map(idOf)).size).toBe(again.body.queued);
    expect(await balanced(id, 0)).toMatchObject({ delivered: 0 });
    await until('the end of both', async () => {
      const log = await app.log();
      return (
        log.filter(({ type, stream }) => type === 'WebhookReplayFinished' && stream === `webhook-${id}`).length === 2
      );
    });
  }, 60_000);

  it('keep strict order behind a failing message', async () => {
    const hook = await receiver();
    let failures = 0;
    hook.answer = ({ body }) => {
      const { title } = JSON.parse(body.toString('utf8')).data;
      return { status: title === 'ordered 2' && (failures += 1) <= 2 ? 503 : 200 };
    };
    const { id } = await endpoint(hook.url, { events: ['task.created'], order: 'strict' });
    for (let index = 1; index <= 6; index += 1) await task(`ordered ${index}`);
    await until('all six', () => hook.received.filter(({ status }) => status === 200).length === 6);
    const firsts = hook.received.map((each) => bodyOf(each).data.title as string);
    expect([...new Set(firsts)]).toEqual(Array.from({ length: 6 }, (_, index) => `ordered ${index + 1}`));
    expect(await balanced(id, 6)).toMatchObject({ delivered: 6 });
  }, 60_000);

  it('are refused inside, are tested by hand, and are for admins', async () => {
    for (const url of ['http://127.0.0.2/', 'http://[::1]:8080/', 'http://169.254.169.254/', 'http://10.0.0.1/']) {
      const answer = await app.call('POST', '/api/webhooks', { body: { name: 'x', url } });
      expect(answer).toMatchObject({
        status: 400,
        body: { error: 'Webhook URL cannot point to internal or private services' },
      });
    }
    const bad = async (body: unknown, method = 'POST'): Promise<Answer> => app.call(method, '/api/webhooks', { body });
    expect((await bad({ name: 'x', url: 'ftp://x.test/' })).status).toBe(400);
    expect((await bad({ name: 'x', url: 'https://x.test/', headers: { Host: 'y' } })).status).toBe(400);
    expect(await bad({ name: 'y' }, 'PUT')).toMatchObject({ status: 400, body: { error: 'Webhook ID is required' } });
    expect(await bad(undefined, 'DELETE')).toMatchObject({ status: 400, body: { error: 'Request body required' } });
    expect((await bad({ id: 999_999 }, 'DELETE')).status).toBe(404);
    const hook = await receiver();
    const { id } = await endpoint(hook.url);
    const tested = await app.call('POST', '/api/webhooks/test', { body: { id } });
    expect(tested.body).toMatchObject({ success: true, status_code: 200 });
    expect(hook.received.map((each) => bodyOf(each).event)).toEqual(['test.ping']);
    for (const path of ['', '/deliveries', '/balance']) {
      expect((await app.call('GET', `/api/webhooks${path}`, { key: testKeys.operator })).status).toBe(403);
    }
    expect((await app.call('GET', '/api/webhooks/verify-docs', { key: testKeys.viewer })).status).toBe(200);
  }, 60_000);

  it('tell of refused access only those that name it', async () => {
    const watcher = await receiver();
    const everything = await receiver();
    const { id } = await endpoint(watcher.url, { events: ['security.unknown_key', 'security.webhook_target_refused'] });
    await endpoint(everything.url, { events: ['*', 'security', 'security.*'] });
    const key = `mck_${'0'.repeat(36)}`;
    expect((await app.call('GET', '/api/tasks', { key: 'no-key-that-anybody-knows-0123' })).status).toBe(401);
    expect((await app.call('GET', '/api/tasks', { key })).status).toBe(401);
    await app.call('POST', '/api/webhooks', { body: { name: 'x', url: 'http://169.254.169.254/latest' } });
    // Not after a minute, as it is by itself.
    await app.replicas[0]?.get(RefusedAccessJournal, { strict: false }).flush(true);
    const told = (event: string) => watcher.received.find((each) => bodyOf(each).event === event);
    await until('both facts', () => told('security.unknown_key') && told('security.webhook_target_refused'));
    const [first, target] = [told('security.unknown_key'), told('security.webhook_target_refused')];
    if (first === undefined || target === undefined) throw new Error('nothing came');
    expect(bodyOf(target).data).toMatchObject({ kind: 'webhook_target_refused', reason: 'not_public' });
    expect(target.body.toString('utf8')).not.toContain('169.254');
    expect(bodyOf(first)).toMatchObject({
      event: 'security.unknown_key',
      type: 'security.unknown_key',
      data: { kind: 'unknown_key', count: expect.any(Number), workspace_id: 1 },
    });
    expect(first.body.toString('utf8')).not.toContain('no-key-that');
    await task();
    await until('a task', () => everything.received.some((each) => bodyOf(each).type === 'task.created'));
    expect(everything.received.filter((each) => bodyOf(each).event.startsWith('security'))).toEqual([]);
    await balanced(id, watcher.received.length);
  }, 60_000);

  it('are a hundred at most', async () => {
    const { webhooks } = (await app.call('GET', '/api/webhooks')).body;
    for (let count = webhooks.length; count < 100; count += 1) await endpoint('https://hook.example/');
    const answer = await app.call('POST', '/api/webhooks', { body: { name: 'x', url: 'https://hook.example/' } });
    expect(answer).toMatchObject({ status: 422, body: { error: 'A workspace has at most 100 webhooks' } });
  }, 60_000);
});
