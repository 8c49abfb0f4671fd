import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';

let application: Application;
let position: Headers;
let taskId: number;
let records: Record<string, { id: string; costUsd: string | null }>;

const prices = (version: string, input: string) => ({
  version,
  source: 'a test',
  recordedAt: '2026-01-01T00:00:00.000Z',
  models: [
    {
      provider: 'acme',
      model: 'one',
      aliases: ['one-latest'],
      rates: [
        {
          effectiveFrom: '2026-01-01T00:00:00.000Z',
          inputPerMTok: input,
          outputPerMTok: '15',
          cacheReadPerMTok: '0.3',
        },
        {
          effectiveFrom: '2026-01-01T00:00:00.000Z',
          promptThreshold: 200_000,
          inputPerMTok: '6',
          outputPerMTok: '22.5',
        },
      ],
    },
  ],
});

const usage = (eventId: string, more: object = {}) => ({
  eventId,
  model: 'one',
  sessionId: 'ann:a',
  inputTokens: 1_000,
  outputTokens: 100,
  ...more,
});

beforeAll(async () => {
  application = await startApplication();
  await application.call('PUT', '/api/prices', { body: prices('v1', '3') });
  const task = await application.call('POST', '/api/tasks', { body: { title: 'Count' } });
  taskId = task.body.task.id;
  const body = [
    usage('plain', { timestamp: '2026-03-28T20:00:00Z', reportedCostUsd: '0.005' }),
    usage('alias', {
      model: 'one-latest',
      sessionId: 'ann:b',
      timestamp: '2026-03-29T00:59:59.999Z',
      taskId,
    }),
    usage('long', { inputTokens: 200_001, outputTokens: 0, timestamp: '2026-03-29T01:00:00Z' }),
    usage('edge', { inputTokens: 200_000, outputTokens: 0, timestamp: '2026-03-29T22:30:00Z' }),
    usage('unknown', { model: '=cmd()', sessionId: 'bob:x', timestamp: '2026-03-29T12:00:00Z' }),
    usage('early', { timestamp: '2025-12-31T23:59:59.999Z' }),
    usage('class', { serviceClass: 'batch', timestamp: '2026-03-29T12:30:00Z' }),
  ];
  const reported = await application.call('POST', '/api/tokens', { body });
  expect(reported).toMatchObject({ status: 200 });
  position = reported.headers;
  const { body: listed } = await application.read('/api/tokens?limit=500', position);
  records = Object.fromEntries(listed.usage.map((record: { eventId: string }) => [record.eventId, record]));
}, 60_000);

afterAll(async () => {
  await application.close();
});

const get = async (path: string) => (await application.read(path, position)).body;

describe('a cost', () => {
  it('is that of the rate in force, of the whole request beyond a threshold, and of nobody’s guess', () => {
    const costs = Object.fromEntries(Object.entries(records).map(([name, { costUsd }]) => [name, costUsd]));
    expect(costs).toEqual({
      plain: '0.004500000000',
      alias: '0.004500000000',
      long: '1.200006000000',
      edge: '0.600000000000',
      unknown: null,
      early: null,
      class: null,
    });
    expect(records['early']).toMatchObject({ cost: 0, unpriced: true, unpricedReason: 'before_first_rate' });
    expect(records['class']).toMatchObject({ unpricedReason: 'no_rate_for_class' });
    expect(records['unknown']).toMatchObject({ unpricedReason: 'unknown_model' });
  });

  it('explains itself', async () => {
    expect(await get(`/api/tokens/${records['plain']?.id}/cost`)).toMatchObject({
      costUsd: '0.004500000000',
      matchKind: 'exact',
      canonicalProvider: 'acme',
      canonicalModel: 'one',
      bookVersion: expect.any(Number),
      rate: { inputPerMTok: '3', outputPerMTok: '15', cacheReadPerMTok: '0.3', layer: 'book', source: 'a test' },
      formula: '(1000 × 3 + 100 × 15) × 0.000001 = 0.004500000000',
      reportedCostUsd: '0.005',
      reportedDifferenceUsd: '0.000500000000',
    });
    expect(await get(`/api/tokens/${records['alias']?.id}/cost`)).toMatchObject({ matchKind: 'alias' });
    expect(await get(`/api/tokens/${records['long']?.id}/cost`)).toMatchObject({ rate: { promptThreshold: 200_000 } });
    expect(await get(`/api/tokens/${records['unknown']?.id}/cost`)).toMatchObject({
      costUsd: null,
      unpricedReason: 'unknown_model',
      rate: null,
      namesTried: ['=cmd()'],
    });
    for (const id of ['7', '00000000-0000-5000-8000-000000000000']) {
      expect(await application.call('GET', `/api/tokens/${id}/cost`)).toMatchObject({ status: 404 });
    }
  });

  it('is the same in every report', async () => {
    const { summary } = await get('/api/tokens?action=stats');
    expect(summary).toMatchObject({ requestCount: 7, unpricedRequests: 3, totalCostUsd: '1.809006000000' });
    const { agents } = await get('/api/tokens?action=agent-costs&tz=Europe/Berlin');
    expect(agents.ann.timeline.map(({ date, costUsd }: Record<string, string>) => [date, costUsd])).toEqual([
      ['2026-01-01', '0.000000000000'],
      ['2026-03-28', '0.004500000000'],
      ['2026-03-29', '1.204506000000'],
      ['2026-03-30', '0.600000000000'],
    ]);
    expect(agents.bob.stats).toMatchObject({ unpricedRequests: 1, totalCostUsd: '0.000000000000' });
    const byDay = await get('/api/costs?groupBy=day,model&zone=Asia/Kolkata&model=one&from=2026-03-28T00:00:00Z');
    expect(byDay.rows.map(({ day, totalCostUsd }: Record<string, string>) => [day, totalCostUsd])).toEqual([
      ['2026-03-29', '1.204506000000'],
      ['2026-03-30', '0.600000000000'],
    ]);
    expect(byDay.summary.totalCostUsd).toBe('1.804506000000');
    const slices = [
      '',
      'agent',
      'model',
      'session',
      'hour',
      'day',
      'week',
      'month',
      'serviceClass',
      'provider',
      'agent,model,day',
    ];
    for (const groupBy of slices) {
      const answer = await get(`/api/costs?groupBy=${groupBy}&zone=America/New_York`.replace('groupBy=&', ''));
      expect([groupBy, answer.summary.totalCostUsd, answer.summary.requestCount]).toEqual([
        groupBy,
        '1.809006000000',
        7,
      ]);
    }
    expect(await get('/api/tokens/invariants')).toMatchObject({ holds: true });
  });

  it.each([
    'groupBy=nothing',
    'groupBy=day,hour',
    'groupBy=agent,agent',
    'zone=Nowhere/Else',
    'from=yesterday',
    'from=5&to=4',
    'task=x',
    'agent=',
    'orderBy=luck',
    'limit=0',
  ])('is not sliced by %s', async (query) => {
    expect(await application.call('GET', `/api/costs?${query}`)).toMatchObject({ status: 400 });
  });

  it('is that of its task and project, and what belongs to none is told apart', async () => {
    const report = await get('/api/tokens?action=task-costs&tz=Europe/Berlin');
    expect(report).toMatchObject({
      summary: { requestCount: 1, totalCostUsd: '0.004500000000' },
      unattributed: { requestCount: 6, unpricedRequests: 3, totalCostUsd: '1.804506000000' },
      tasks: [
        {
          taskId,
          title: 'Count',
          project: { id: expect.any(Number), slug: 'general', ticketRef: expect.stringMatching(/-001$/) },
          models: { 'one-latest': { totalCostUsd: '0.004500000000' } },
          timeline: [{ date: '2026-03-29', cost: 0.0045, tokens: 1_100 }],
        },
      ],
      agents: { ann: { taskCount: 1, taskIds: [taskId] } },
      recordCount: 7,
      attributedRecordCount: 1,
    });
    const project = report.tasks[0].project.id;
    expect(report.projects).toMatchObject({ [project]: { taskIds: [taskId], stats: { requestCount: 1 } } });
    for (const query of [`groupBy=task`, `groupBy=project`, `task=${taskId}`, `project=${project}&groupBy=agent`]) {
      const answer = await get(`/api/costs?${query}`);
      expect([query, answer.summary.totalCostUsd]).toEqual([query, '0.004500000000']);
    }
  });

  it('of sessions and tasks together is answered for a month', async () => {
    expect(await application.call('GET', '/api/costs?groupBy=session,task')).toMatchObject({ status: 422 });
    const answer = await get('/api/costs?groupBy=session,task&from=2026-03-01T00:00:00Z&to=2026-03-31T00:00:00Z');
    expect(answer).toMatchObject({ total: expect.any(Number) });
  });

  it('is exported as it is, with formulas made harmless', async () => {
    const csv = await application.call('GET', '/api/tokens?action=export&format=csv');
    expect(csv.headers.get('content-disposition')).toMatch(
      /^attachment; filename=token-usage-all-\d{4}-\d\d-\d\d\.csv$/,
    );
    const [head, first, ...rest] = csv.body.trimEnd().split('\r\n');
    expect(head).toBe(
      'timestamp,agentName,model,sessionId,operation,inputTokens,outputTokens,totalTokens,cost,duration,' +
        'cacheReadTokens,cacheWriteTokens,reasoningTokens,taskId,eventId,costUsd',
    );
    expect(first).toBe('2025-12-31T23:59:59.999Z,ann,one,ann:a,chat_completion,1000,100,1100,,,0,0,,,early,');
    expect(rest).toHaveLength(6);
    expect(csv.body).toContain(",bob,'=cmd(),bob:x,");
    const raw = await application.call('GET', '/api/tokens?action=export&format=csv&raw=1');
    expect(raw.body).toContain(',bob,=cmd(),bob:x,');
    const json = await application.call('GET', '/api/tokens?action=export');
    expect(json.body.usage).toHaveLength(7);
    expect(json.body.summary.totalCostUsd).toBe('1.809006000000');
    const lines = (await application.call('GET', '/api/tokens?action=export&format=ndjson')).body.trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ end: true, count: 7 });
  });

  it('follows a revision of the prices, old usage included', async () => {
    const revised = await application.call('PUT', '/api/prices', { body: prices('v2', '1') });
    expect(revised).toMatchObject({ status: 200 });
    const { headers } = await application.call('POST', '/api/tokens', { body: usage('after', { sessionId: 'cy:1' }) });
    await eventually('old usage to be priced anew', async () => {
      const { body } = await application.read('/api/tokens?action=stats', headers);
      return body.repricing === undefined;
    });
    const stats = (await application.read('/api/tokens?action=stats', headers)).body;
    // 3 x (1000 x 1 + 100 x 15), the long one as before, and the edge at 1.
    expect(stats.summary.totalCostUsd).toBe('1.407506000000');
    expect(await get('/api/tokens/invariants')).toMatchObject({ holds: true });
  });
});
