import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { testKeys } from '../support/http-app.js';

/** `MC_REPLAY_FACTS=10000` or more for the long form. */
const FACTS = Number(process.env['MC_REPLAY_FACTS'] ?? 2_000);
const BOUND_MS = 60_000 + FACTS * 20;
const AT_ONCE = 1_000;

describe('[OUT-10] the past of many facts', () => {
  let app: Application;
  let server: Server;
  /** Path to `webhook-id` to how often it came, and whether as a replay. */
  const taken = new Map<string, Map<string, { times: number; replayed: number }>>();
  let before: number;
  let middle: string | null;

  beforeAll(async () => {
    app = await startApplication({ config: { webhookAllow: ['127.0.0.1'], webhookRate: 10_000 } });
    server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        const path = request.url ?? '';
        const own = taken.get(path) ?? new Map<string, { times: number; replayed: number }>();
        taken.set(path, own);
        const id = String(request.headers['webhook-id']);
        const known = own.get(id) ?? { times: 0, replayed: 0 };
        own.set(id, {
          times: known.times + 1,
          replayed: known.replayed + (request.headers['webhook-replay'] === 'true' ? 1 : 0),
        });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    await report('early', FACTS / 2);
    const [newest] = (await app.call('GET', '/api/audit/events?order=desc&limit=1')).body.events;
    middle = newest.position;
    before = Math.floor(Date.now() / 1_000);
    await eventually('the next second', () => Promise.resolve(Date.now() / 1_000 >= before + 1));
    await report('late', FACTS / 2);
  }, BOUND_MS);
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    await app.close();
  }, 60_000);

  async function report(name: string, count: number): Promise<void> {
    for (let from = 0; from < count; from += AT_ONCE) {
      const records = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => ({
        eventId: `${name}-${from + index}`,
        model: 'gpt-5',
        sessionId: 'past:main',
        inputTokens: 1,
        outputTokens: 1,
      }));
      const answer = await fetch(`${app.urls[0]}/api/tokens`, {
        method: 'POST',
        headers: { 'x-api-key': testKeys.admin, 'content-type': 'application/x-ndjson' },
        body: records.map((record) => JSON.stringify(record)).join('\n'),
      });
      expect(answer.ok).toBe(true);
      await answer.arrayBuffer();
    }
  }

  async function endpoint(name: string): Promise<{ id: number; path: string }> {
    const path = `/${name}`;
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const made = await app.call('POST', '/api/webhooks', { body: { name, url, events: ['token.reported'] } });
    expect(made.status).toBe(200);
    return { id: made.body.id, path };
  }

  const idsAt = (path: string) => [...(taken.get(path)?.keys() ?? [])];
  const replayed = async (path: string, count: number) => {
    await eventually(`${count} messages`, () => Promise.resolve(idsAt(path).length >= count), BOUND_MS);
    expect(idsAt(path)).toHaveLength(count);
    expect(
      [...(taken.get(path)?.values() ?? [])].every(({ times, replayed: again }) => times === 1 && again === 1),
    ).toBe(true);
  };
  const finished = (webhookId: number) =>
    eventually(
      'the end of the replay',
      async () => {
        const stored = (await app.store.readStream(`webhook-${webhookId}`)) ?? [];
        return stored.some(({ type }) => type === 'WebhookReplayFinished');
      },
      BOUND_MS,
    );

  it(
    'goes to a new endpoint from a position on',
    async () => {
      const { id, path } = await endpoint('from');
      const asked = await app.call('POST', '/api/webhooks/replay', { body: { id, from: middle } });
      expect(asked).toMatchObject({ status: 200, body: { queued: FACTS / 2 } });
      await finished(id);
      await replayed(path, FACTS / 2);
    },
    BOUND_MS,
  );

  it(
    'goes to a new endpoint from a time on, and up to one',
    async () => {
      const late = await endpoint('since');
      const early = await endpoint('until');
      const asked = await app.call('POST', '/api/webhooks/replay', { body: { id: late.id, since: before + 1 } });
      expect(asked.body.queued).toBe(FACTS / 2);
      const also = await app.call('POST', '/api/webhooks/replay', { body: { id: early.id, until: before } });
      expect(also.body.queued).toBe(FACTS / 2);
      await finished(late.id);
      await finished(early.id);
      await replayed(late.path, FACTS / 2);
      await replayed(early.path, FACTS / 2);
    },
    BOUND_MS,
  );

  it(
    'goes whole to a new endpoint, whose own balance it leaves alone; a repeat has the same ids',
    async () => {
      const { id, path } = await endpoint('whole');
      const asked = await app.call('POST', '/api/webhooks/replay', { body: { id } });
      expect(asked.body.queued).toBe(FACTS);
      await finished(id);
      await replayed(path, FACTS);
      await report('new', 3);
      await eventually('the new ones', () => Promise.resolve(idsAt(path).length === FACTS + 3), 30_000);
      const balance = await eventually(
        'a balance',
        async () => {
          const { body } = await app.call('GET', '/api/webhooks/balance');
          const own = body.balances?.find((each: { webhook_id: number }) => each.webhook_id === id);
          return own?.matching === 3 && own.waiting_behind === 0 && own;
        },
        30_000,
      );
      expect(balance).toMatchObject({ matching: 3, delivered: 3, pending: 0, dead: 0, error: 0 });
      const again = await app.call('POST', '/api/webhooks/replay', { body: { id, from: middle } });
      expect(again).toMatchObject({ status: 200, body: { queued: FACTS / 2 + 3 } });
      const twice = () => [...(taken.get(path)?.values() ?? [])].filter(({ times }) => times === 2).length;
      await eventually('the repeats', () => Promise.resolve(twice() === FACTS / 2 + 3), BOUND_MS);
      expect(idsAt(path)).toHaveLength(FACTS + 3);
    },
    BOUND_MS,
  );

  it(
    'that died is sent again when that is asked for, and nothing else',
    async () => {
      const { id, path } = await endpoint('dead');
      await report('taken', 2);
      await eventually('both', () => Promise.resolve(idsAt(path).length === 2), 30_000);
      await app.call('PUT', '/api/webhooks', { body: { id, enabled: false } });
      await report('skipped', 3);
      await app.call('PUT', '/api/webhooks', { body: { id, enabled: true, backlog: 'skip' } });
      const dead = async () => {
        const { webhooks } = (await app.call('GET', '/api/webhooks')).body;
        return webhooks.find((each: { id: number }) => each.id === id).dead_deliveries;
      };
      await eventually('three dead ones', async () => (await dead()) === 3, 30_000);
      const asked = await app.call('POST', '/api/webhooks/replay', { body: { id, from: middle, state: 'dead' } });
      expect(asked.body.queued).toBe(3);
      await finished(id);
      expect(idsAt(path)).toHaveLength(5);
      await eventually('none is dead', async () => (await dead()) === 0, 30_000);
      const again = await app.call('POST', '/api/webhooks/replay', { body: { id, state: 'dead' } });
      expect(again.body.queued).toBe(0);
    },
    BOUND_MS,
  );
});
