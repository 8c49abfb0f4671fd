import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { type TestDatabase, testDatabase } from '../../../test/support/postgres.js';
import { keyHeader, startHttpApp, testKeys } from '../../../test/support/http-app.js';
import { stubController } from '../../../test/support/stub-controller.js';
import { rulesOf } from '../auth/access-table.js';
import { BucketLedger } from './bucket-ledger.js';
import type { SqlExecutor } from '../read-models/operational-table.js';
import { PostgresBucketLedger } from './postgres-bucket-ledger.js';

describe('rate limits over PostgreSQL', () => {
  let database: TestDatabase;
  const pools: Pool[] = [];
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await database.drop();
  });

  function ledger(): PostgresBucketLedger {
    const pool = new Pool({ connectionString: database.url, max: 4 });
    // The drop of the database may overtake the goodbye of a connection.
    pool.on('error', () => undefined);
    pools.push(pool);
    const sql: SqlExecutor = {
      query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
        (await pool.query<Row>(text, [...values])).rows,
    };
    return new PostgresBucketLedger(sql);
  }

  const draw = (bucket: string, wanted: number) => ({ bucket, capacity: 30, perSecond: 0.001, wanted });

  it('grant what a bucket holds and then nothing, in the order asked', async () => {
    const shared = ledger();
    const grants = await shared.draw([draw('b', 20), draw('a', 5)]);
    expect(grants.map(({ granted }) => granted)).toEqual([20, 5]);
    expect((await shared.draw([draw('b', 20)])).map(({ granted }) => granted)).toEqual([10]);
    expect((await shared.draw([draw('b', 20)])).map(({ granted }) => granted)).toEqual([0]);
  });

  it('refill with time and never beyond the capacity', async () => {
    const shared = ledger();
    const fast = { bucket: 'fast', capacity: 5, perSecond: 1_000_000, wanted: 5 };
    await shared.draw([fast]);
    expect(await shared.draw([{ ...fast, wanted: 2 }])).toEqual([{ granted: 2, left: 3 }]);
  });

  it('grant no token twice to processes that ask at once', async () => {
    const ledgers = [ledger(), ledger(), ledger()];
    const asked = Array.from({ length: 60 }, async (_, i) => {
      const draws = i % 2 === 0 ? [draw('x', 1), draw('y', 1)] : [draw('y', 1), draw('x', 1)];
      const grants = await ledgers[i % 3]?.draw(draws);
      return grants?.[i % 2]?.granted;
    });
    const granted = await Promise.all(asked);
    expect(granted.filter((count) => count === 1)).toHaveLength(30);
  });

  it('hold for an agent over two processes together, and say so in headers', async () => {
    const rules = [
      ...rulesOf('/api/agents/{id}/heartbeat', { POST: { role: 'operator', limit: 'heartbeat' } }),
      ...rulesOf('/metrics', { GET: { role: 'viewer' } }),
    ];
    const start = () =>
      startHttpApp({
        controllers: [stubController(rules.slice(0, 1))],
        rules,
        config: { rateLimit: true },
        providers: [{ provide: BucketLedger, useValue: ledger() }],
      });
    const apps = [await start(), await start()];
    const beat = async (i: number, agent: string) =>
      apps[i % 2]?.inject({
        method: 'POST',
        url: `/api/agents/${agent}/heartbeat`,
        headers: keyHeader(testKeys.operator),
      });
    const answers = [];
    for (let i = 0; i < 70; i += 1) answers.push(await beat(i, '42'));
    const refused = answers.filter((answer) => answer?.statusCode === 429);
    // One more token comes back every two seconds.
    expect(refused.length).toBeGreaterThanOrEqual(35);
    expect(refused.length).toBeLessThanOrEqual(40);
    expect(answers[0]?.headers).toMatchObject({ 'ratelimit-limit': '30' });
    expect(refused[0]?.json()).toEqual({ error: 'Agent heartbeat rate limit exceeded.' });
    expect(refused[0]?.headers).toMatchObject({
      'retry-after': expect.stringMatching(/^[12]$/),
      'x-ratelimit-limit': '30',
      'x-ratelimit-remaining': '0',
    });
    expect((await beat(0, '43'))?.statusCode).toBe(200);
    await Promise.all(apps.map((app) => app.close()));
  });

  it('count polls of the queue by the agent that query, header or body names, under a cap per key', async () => {
    const queue = { role: 'operator', limit: 'queue' } as const;
    const rules = [
      ...rulesOf('/api/tasks/queue', { GET: queue, POST: queue }),
      ...rulesOf('/metrics', { GET: { role: 'viewer' } }),
    ];
    const app = await startHttpApp({
      controllers: [stubController(rules.slice(0, 2))],
      rules,
      config: { rateLimit: true },
      providers: [{ provide: BucketLedger, useValue: ledger() }],
    });
    const url = '/api/tasks/queue';
    const headers = keyHeader(testKeys.operator);
    const named = { ...headers, 'x-agent-name': 'a' };
    const polls = [
      { method: 'GET', url: `${url}?agent=a`, headers },
      { method: 'GET', url, headers: named },
      { method: 'POST', url: `${url}?agent=a`, headers, payload: { agent: 'b' } },
      { method: 'POST', url, headers, payload: { agent: ' a' } },
      { method: 'POST', url, headers: named, payload: {} },
    ] as const;
    for (let i = 0; i < 20; i += 1) {
      const poll = polls[i % polls.length];
      expect((poll && (await app.inject(poll)))?.statusCode).toBe(200);
    }
    for (const poll of polls) {
      const answer = await app.inject(poll);
      expect(answer.json()).toEqual({ error: 'Agent task polling rate limit exceeded.' });
      expect(answer.statusCode).toBe(429);
      expect(answer.headers).toMatchObject({ 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '0' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    const other = await app.inject({ method: 'POST', url, headers, payload: { agent: 'b' } });
    expect([other.statusCode, other.headers['ratelimit-limit']]).toEqual([200, '20']);
    await app.close();
  });

  it('count what one action asks for apart from the other actions of its route', async () => {
    const rules = [
      ...rulesOf('/api/tokens', { GET: { role: 'viewer', limitByAction: { export: 'search' } } }),
      ...rulesOf('/metrics', { GET: { role: 'viewer' } }),
    ];
    const app = await startHttpApp({
      controllers: [stubController(rules.slice(0, 1))],
      rules,
      config: { rateLimit: true },
      providers: [{ provide: BucketLedger, useValue: ledger() }],
    });
    const get = (url: string) => app.inject({ method: 'GET', url, headers: keyHeader(testKeys.operator) });
    const answers = [];
    for (let i = 0; i < 11; i += 1) answers.push(await get('/api/tokens?action=export'));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([...Array<number>(10).fill(200), 429]);
    expect(answers[0]?.headers).toMatchObject({ 'ratelimit-limit': '10', 'ratelimit-remaining': '9' });
    expect(answers[10]?.json()).toEqual({ error: 'Too many requests for this resource. Please try again later.' });
    expect(Number(answers[10]?.headers['retry-after'])).toBeGreaterThan(0);
    for (const action of ['list', 'toString']) {
      const answer = await get(`/api/tokens?action=${action}`);
      expect([answer.statusCode, answer.headers['ratelimit-limit']]).toEqual([200, '6000']);
    }
    await app.close();
  });
});
