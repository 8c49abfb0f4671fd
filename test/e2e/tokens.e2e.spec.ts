import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;
const POSITION = /^1-[0-9a-f]{32}-[0-9a-f]{8}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

const usage = (more: object = {}) => ({ model: 'm', sessionId: 'bot:cli', inputTokens: 1, outputTokens: 2, ...more });
const report = (body: unknown, headers: Record<string, string> = {}, query = '') =>
  application.call('POST', `/api/tokens${query}`, { body, headers });
const lines = (records: readonly unknown[], query = '', headers = {}) =>
  report(
    records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))).join('\n'),
    {
      'content-type': 'application/x-ndjson',
      ...headers,
    },
    query,
  );
const reports = async () => (await application.log()).filter(({ type }) => type === 'TokenUsageReported').length;

describe('one report', () => {
  it('is answered with the record, every field of it, and shown by the list', async () => {
    const given = {
      eventId: 'complete',
      model: '  padded model ',
      sessionId: 'whole:a:b',
      inputTokens: 1500,
      outputTokens: 800,
      cacheReadTokens: 5,
      cacheWriteTokens: 7,
      cacheWrite1hTokens: 6,
      reasoningTokens: 100,
      timestamp: '2026-01-01T00:00:00+01:00',
      operation: 'summary',
      duration: 1234,
      provider: 'p',
      serviceClass: 'batch',
      reportedCostUsd: '0.25',
    };
    const { status, body, headers } = await report({ ...given, id: 'mine', workspaceId: 9, agentName: 'other' });
    const record = {
      ...given,
      id: expect.stringMatching(UUID),
      model: 'padded model',
      agentName: 'whole',
      timestamp: Date.parse('2025-12-31T23:00:00Z'),
      totalTokens: 2312,
      cost: 0,
      costUsd: null,
      unpriced: true,
      unpricedReason: expect.any(String),
      taskId: null,
      workspaceId: 1,
    };
    expect(status).toBe(200);
    expect(body).toEqual({ success: true, record, duplicate: false });
    expect(headers.get('x-mc-position')).toMatch(POSITION);
    const { body: listed } = await application.read(
      '/api/tokens?since=2025-12-31T00:00:00Z&until=2026-01-01T00:00:00Z',
      headers,
    );
    expect(listed).toEqual({ usage: [body.record], total: 1, timeframe: 'all' });
  });

  it('is the same by eventId and by Idempotency-Key, and its copy is answered with the first record', async () => {
    const first = await report(usage({ eventId: 'same' }));
    for (const again of [
      await report(usage({ eventId: 'same' })),
      await report(usage(), { 'idempotency-key': 'same' }),
    ]) {
      expect(again).toMatchObject({ status: 200, body: { success: true, record: first.body.record, duplicate: true } });
      expect(again.headers.get('x-mc-position')).toMatch(POSITION);
    }
    expect(await report(usage({ eventId: 'same', inputTokens: 9 }))).toMatchObject({
      status: 409,
      body: { error: 'eventId already used with different content', eventId: 'same' },
    });
    expect(await report(usage({ eventId: 'a' }), { 'idempotency-key': 'b' })).toMatchObject({ status: 400 });
  });

  it('without an id is a fact of its own, even when all values are equal', async () => {
    const before = await reports();
    await Promise.all([report(usage()), report(usage())]);
    expect(await reports()).toBe(before + 2);
  });

  it('about a task that is not there is recorded without it, and says so', async () => {
    const { body } = await report(usage({ taskId: '17' }));
    expect(body).toMatchObject({ record: { taskId: null }, warnings: [expect.stringContaining('17')] });
  });

  it('takes the largest counts, and their sum stays exact', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const one = await report(usage({ model: 'huge', sessionId: 'huge', inputTokens: most, outputTokens: 0 }));
    expect(one.body.record).toMatchObject({ totalTokens: most });
    const two = await report(usage({ model: 'huge', sessionId: 'huge', inputTokens: most, outputTokens: 0 }));
    const { body } = await application.read('/api/tokens?action=stats', two.headers);
    expect(body.models.huge.totalTokensExact).toBe((2n * BigInt(most)).toString());
    expect(body.models.huge.inputTokensExact).toBe((2n * BigInt(most)).toString());
    expect(body.models.huge).not.toHaveProperty('outputTokensExact');
  });

  it('is refused to a viewer', async () => {
    expect(await application.call('POST', '/api/tokens', { body: usage(), key: testKeys.viewer })).toMatchObject({
      status: 403,
      body: { error: 'Requires operator role or higher' },
    });
  });
});

describe('a batch', () => {
  it('counts each of its records once, by its own id or by the key and the place', async () => {
    const records = [usage({ eventId: 'own' }), usage(), usage({ eventId: 'own' })];
    const first = await report(records, { 'idempotency-key': 'batch' });
    expect(first).toMatchObject({
      status: 200,
      body: {
        success: true,
        recorded: 2,
        duplicates: 1,
        conflicts: 0,
        results: [
          { index: 0, id: expect.stringMatching(UUID), eventId: 'own', status: 200, duplicate: false },
          { index: 1, eventId: 'batch#1', status: 200, duplicate: false },
          { index: 2, eventId: 'own', status: 200, duplicate: true },
        ],
      },
    });
    const again = await lines(records, '', { 'idempotency-key': 'batch' });
    expect(again).toMatchObject({ status: 200, body: { recorded: 0, duplicates: 3, conflicts: 0 } });
    expect(again.headers.get('x-mc-position')).toMatch(POSITION);
  });

  it('with a bad record records nothing, and names every fault', async () => {
    const before = await reports();
    const bad = [usage({ eventId: 'ok' }), usage({ eventId: 'bad', inputTokens: '1', outputTokens: -1 }), usage()];
    expect(await report(bad)).toMatchObject({
      status: 400,
      body: {
        error: 'Invalid token usage record',
        details: [
          expect.stringContaining('[1].inputTokens:'),
          expect.stringContaining('[1].outputTokens:'),
          expect.stringContaining('[2].eventId:'),
        ],
        errors: [{ index: 1, eventId: 'bad', errors: [expect.any(String), expect.any(String)] }, { index: 2 }],
        errorCount: 2,
      },
    });
    expect(await report([usage({ eventId: 'two' }), usage({ eventId: 'two', inputTokens: 9 })])).toMatchObject({
      status: 400,
    });
    expect(await reports()).toBe(before);
  });

  it('that skips bad records records the others, a line that is not JSON included', async () => {
    const answer = await lines(
      [usage({ eventId: 's1' }), '{broken', '', usage({ eventId: 's2', model: ' ' }), usage({ eventId: 's3' })],
      '?onError=skip',
    );
    expect(answer).toMatchObject({
      status: 200,
      body: { success: true, recorded: 2, errors: [{ index: 1 }, { index: 2, eventId: 's2' }], errorCount: 2 },
    });
    expect(answer.body.results.map(({ index }: { index: number }) => index)).toEqual([0, 3]);
    expect(await lines([usage({ eventId: 's4' }), '{broken'])).toMatchObject({ status: 400 });
    expect(await lines([usage({ eventId: 's4' })], '?onError=ignore')).toMatchObject({ status: 400 });
  });

  it('that contradicts an earlier call answers 409 for that record and records the others', async () => {
    await report(usage({ eventId: 'earlier' }));
    expect(await report([usage({ eventId: 'earlier', inputTokens: 5 }), usage({ eventId: 'later' })])).toMatchObject({
      status: 409,
      body: {
        success: false,
        error: expect.any(String),
        recorded: 1,
        conflicts: 1,
        results: [{ status: 409 }, { status: 200 }],
      },
    });
  });

  it('holds at most 10,000 records and 8 MiB', async () => {
    const before = await reports();
    const many = Array.from({ length: 10_001 }, (_, index) => usage({ eventId: `many-${index}` }));
    expect(await report(many)).toMatchObject({ status: 413, body: { error: expect.any(String) } });
    expect(await report('x'.repeat(8 * 1024 * 1024 + 1))).toMatchObject({ status: 413 });
    expect(await report([])).toMatchObject({ status: 400 });
    expect(await lines(['', '  '])).toMatchObject({ status: 400 });
    expect(await reports()).toBe(before);
    const full = await lines(many.slice(1), '', { prefer: 'respond-async' });
    expect(full).toMatchObject({ status: 200, body: { recorded: 10_000 } });
  });
});

describe('reading usage', () => {
  const S = {
    totalTokens: 30,
    totalCost: 0,
    totalCostUsd: '0.000000000000',
    requestCount: 2,
    avgTokensPerRequest: 15,
    avgCostPerRequest: 0,
    inputTokens: 20,
    outputTokens: 10,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    unpricedRequests: 2,
  };
  const day = 'since=2026-02-01T00:00:00Z&until=2026-02-02T00:00:00Z';

  it('gives one figure everywhere: stats, agent-costs by day of a zone, and by agent', async () => {
    const at = (timestamp: string, sessionId: string) =>
      usage({ timestamp, sessionId, model: 'r', inputTokens: 10, outputTokens: 5 });
    await report(at('2026-02-01T04:00:00Z', 'reader:a'));
    const { headers } = await report(at('2026-02-01T06:00:00Z', '__proto__'));
    const stats = await application.read(`/api/tokens?action=stats&${day}`, headers);
    expect(stats.body).toMatchObject({ summary: S, models: { r: S }, timeframe: 'all', recordCount: 2 });
    expect(Object.keys(stats.body.agents).toSorted()).toEqual(['__proto__', 'reader']);
    expect(stats.headers.get('x-mc-lag-events')).toMatch(/^\d+$/);
    const costs = await application.read(`/api/tokens?action=agent-costs&${day}&tz=America/New_York`, headers);
    expect(costs.body.agents.reader).toMatchObject({
      stats: { requestCount: 1, totalTokens: 15 },
      models: { r: { requestCount: 1 } },
      sessions: ['reader:a'],
      timeline: [{ date: '2026-01-31', cost: 0, costUsd: '0.000000000000', tokens: 15 }],
    });
    const byAgent = await application.read('/api/tokens/by-agent?days=365', headers);
    const sum = byAgent.body.agents.reduce(
      (total: number, each: { request_count: number }) => total + each.request_count,
      0,
    );
    const all = await application.read('/api/tokens?action=stats&timeframe=all', headers);
    expect(byAgent.body.summary.agent_count).toBe(byAgent.body.agents.length);
    expect(sum).toBe(all.body.recordCount);
  });

  it('knows every zone that the runtime knows', async () => {
    const zones = [...Intl.supportedValuesOf('timeZone'), 'UTC', 'utc', 'Etc/GMT+12', 'EST5EDT', 'GMT', 'Zulu'];
    const refused = await Promise.all(
      zones.map(async (zone) => {
        const query = `action=agent-costs&${day}&tz=${encodeURIComponent(zone)}`;
        const { status, body } = await application.call('GET', `/api/tokens?${query}`);
        return status === 200 ? undefined : [zone, status, body];
      }),
    );
    expect(refused.filter((each) => each !== undefined)).toEqual([]);
  });

  it.each([
    ['action=nope', 'Invalid action'],
    ['action=', 'Invalid action'],
    ['timeframe=year', 'timeframe'],
    ['since=yesterday', 'since'],
    ['until=2026-02-30T00:00:00Z', 'until'],
    ['since=5&until=4', 'since'],
    ['tz=Nowhere/Else', 'tz'],
    ['tz=%2B05:30', 'tz'],
    ['format=xml', 'format'],
    ['limit=0', 'limit'],
    ['offset=x', 'offset'],
  ])('refuses %s', async (query, word) => {
    const answer = await application.call('GET', `/api/tokens?${query}`);
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.body.error).toContain(word);
  });

  it.each(['0', '366', '1.5', ''])('refuses %j days', async (days) => {
    expect(await application.call('GET', `/api/tokens/by-agent?days=${days}`)).toMatchObject({ status: 400 });
  });

  it('lists 100 by default and 500 at most', async () => {
    const lengthOf = async (query: string) => (await application.call('GET', `/api/tokens${query}`)).body.usage.length;
    expect([await lengthOf(''), await lengthOf('?limit=100000')]).toEqual([100, 500]);
  });
});
