import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TaskHistory } from '../../projections/engine/testing/task-history.js';
import type { BudgetEvent, ThresholdCrossing } from '../../src/budgets/budgets.events.js';
import { type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { testKeys } from '../support/http-app.js';
import { sampleMetadata } from '../support/sample-events.js';

let application: Application;
const admin = { key: testKeys.admin };

beforeAll(async () => {
  application = await startApplication({ replicas: 2, config: { roles: ['api', 'projector', 'reactors'] } });
  await price('1');
});

afterAll(() => application.close());

/** Dollars per million tokens of the model m. */
async function price(inputPerMTok: string) {
  const rates = [{ effectiveFrom: '1970-01-01T00:00:00.000Z', inputPerMTok, outputPerMTok: '1' }];
  const models = [{ provider: 'acme', model: 'm', aliases: [], rates }];
  const body = { version: `m at ${inputPerMTok}`, source: 'the test', recordedAt: '2026-11-21T00:00:00.000Z', models };
  const answer = await application.call('PUT', '/api/prices', { ...admin, body });
  expect(answer.status).toBe(200);
}

async function use(agent: string, inputTokens: number, more: object = {}) {
  const body = { model: 'm', sessionId: `${agent}:chat`, eventId: randomUUID(), inputTokens, outputTokens: 0, ...more };
  expect((await application.call('POST', '/api/tokens', { body })).status).toBe(200);
}

async function define(body: object) {
  const answer = await application.call('POST', '/api/budgets', { ...admin, body });
  expect(answer.status).toBe(201);
  return answer.body.budget.id as string;
}

async function standing(id: string) {
  return (await application.call('GET', `/api/budgets/${id}`)).body.budget;
}

/** What was told of a budget: `reached soft 50 #1`. */
async function told(id: string): Promise<readonly string[]> {
  const events = (await application.log()).filter(({ stream }) => stream === `budget-${id}`);
  return events.flatMap(({ type, data }) => {
    const { kind, percent, crossing } = data as ThresholdCrossing;
    if (type === 'BudgetThresholdReached') return [`reached ${kind} ${percent} #${crossing}`];
    return type === 'BudgetRecovered' ? [`recovered ${kind} ${percent} #${crossing}`] : [];
  });
}

const hasTold = (id: string, count: number) =>
  eventually(`${count} crossings are told`, async () => ((await told(id)).length >= count ? told(id) : undefined));

const rolling = { kind: 'rolling', days: 7, zone: 'Asia/Kolkata' };

describe('a budget', () => {
  it('is defined, shown, changed and deleted', async () => {
    const terms = {
      name: 'team',
      scope: { projectId: null, agent: 'nobody', taskId: null, model: null },
      period: { kind: 'month', days: null, zone: 'America/New_York' },
      limitUsd: '12.5',
      softPercents: [10, 90],
      hard: false,
    };
    const id = await define(terms);
    const shown = await standing(id);
    expect(shown).toMatchObject({ id, ...terms });
    expect(shown.status).toMatchObject({
      period: expect.stringMatching(/^month \d{4}-\d{2}-01$/),
      spentUsd: '0.000000000000',
      remainingUsd: '12.500000000000',
      percentUsed: '0.00',
      requests: 0,
      unpricedRequests: 0,
      thresholds: [],
      stopsNewWork: false,
      forecast: { method: expect.any(String), unknown: 'less than 24 hours of history' },
    });
    const changed = await application.call('PUT', `/api/budgets/${id}`, {
      ...admin,
      body: { ...terms, limitUsd: '20' },
    });
    expect(changed).toMatchObject({ status: 200, body: { budget: { id, limitUsd: '20' } } });
    const list = await application.read('/api/budgets?limit=100', changed.headers);
    expect(list.body.budgets.map((each: { id: string }) => each.id)).toContain(id);
    const deleted = await application.call('DELETE', `/api/budgets/${id}`, admin);
    expect(deleted.body).toEqual({ success: true, deleted: 'team' });
    expect((await application.read(`/api/budgets/${id}`, deleted.headers)).status).toBe(404);
    expect((await application.call('PUT', `/api/budgets/${id}`, { ...admin, body: terms })).status).toBe(404);
    expect((await application.call('DELETE', `/api/budgets/${id}`, admin)).status).toBe(200);
  });

  it('under a key is defined once', async () => {
    const options = { ...admin, headers: { 'idempotency-key': 'budget-once' } };
    const body = { name: 'once', period: rolling, limitUsd: '1' };
    const first = await application.call('POST', '/api/budgets', { ...options, body });
    const second = await application.call('POST', '/api/budgets', { ...options, body });
    expect(second.body).toEqual(first.body);
    expect(
      (await application.log()).filter(
        ({ type, data }) => type === 'BudgetDefined' && (data as { name: string }).name === 'once',
      ),
    ).toHaveLength(1);
  });

  it('with faults is refused with all of them, and so is a scope or a zone that is not there', async () => {
    const bad = await application.call('POST', '/api/budgets', { ...admin, body: { period: {}, limitUsd: 3 } });
    expect(bad).toMatchObject({ status: 400, body: { error: 'Invalid budget' } });
    expect(bad.body.details).toHaveLength(3);
    const nowhere = {
      name: 'x',
      period: { kind: 'day', zone: 'Mars/Olympus' },
      limitUsd: '1',
      scope: { projectId: 999_999, taskId: 999_999 },
    };
    expect((await application.call('POST', '/api/budgets', { ...admin, body: nowhere })).body.details).toEqual([
      'scope.projectId: there is no such project',
      'scope.taskId: there is no such task',
      'period.zone: must be an IANA time zone',
    ]);
    expect((await application.call('GET', '/api/budgets/7')).status).toBe(404);
    expect((await application.call('POST', '/api/budgets', { key: testKeys.operator, body: {} })).status).toBe(403);
  });
});

describe('a crossing', () => {
  it('is told once, however many look, and an end and a new crossing are facts of their own', async () => {
    const id = await define({
      name: 'crossing',
      scope: { agent: 'spender' },
      period: rolling,
      limitUsd: '10',
      softPercents: [50, 100],
    });
    await use('spender', 4_999_999);
    await use('spender', 3, { model: 'unknown' });
    await use('somebody', 50_000_000);
    await use('spender', 1);
    await hasTold(id, 1);
    expect((await standing(id)).status).toMatchObject({
      spentUsd: '5.000000000000',
      remainingUsd: '5.000000000000',
      percentUsed: '50.00',
      requests: 3,
      unpricedRequests: 1,
    });
    await price('0.5');
    await hasTold(id, 2);
    await price('2');
    expect(await hasTold(id, 4)).toEqual([
      'reached soft 50 #1',
      'recovered soft 50 #1',
      'reached soft 50 #2',
      'reached soft 100 #1',
    ]);
    const { status } = await standing(id);
    expect(status.thresholds).toMatchObject([
      { kind: 'soft', percent: 50, crossing: 2, reached: true },
      { kind: 'soft', percent: 100, crossing: 1, reached: true },
    ]);
    await price('1');
    await hasTold(id, 5);
    expect(await told(id)).toHaveLength(5);
  });
});

describe('a hard budget', () => {
  it('at its limit stops new work of its scope until there is room again, and leaves what is in progress', async () => {
    const { store } = application;
    for (const { stream, type, data } of new TaskHistory().create(9_001).create(9_002).written) {
      await store.append(stream, [{ id: randomUUID(), type, data, metadata: sampleMetadata() }], 'no_stream');
    }
    const poll = async (agent: string) =>
      (await application.call('GET', `/api/tasks/queue?agent=${agent}`, { key: testKeys.operator })).body;
    const held = await eventually('there is work', async () => {
      const answer = await poll('holder');
      return answer.reason === 'assigned' ? answer.task.id : undefined;
    });
    const body = { name: 'stop', scope: { agent: 'holder' }, period: rolling, limitUsd: '1', hard: true };
    const own = await define(body);
    const everybody = await define({ ...body, name: 'stop all', scope: {}, limitUsd: '1000000' });
    await use('holder', 1_000_000);
    await hasTold(own, 4);
    expect((await standing(own)).status.stopsNewWork).toBe(true);
    expect((await standing(everybody)).status.stopsNewWork).toBe(false);

    expect(await poll('holder')).toMatchObject({ reason: 'continue_current', task: { id: held } });
    const two = (
      await application.call('GET', '/api/tasks/queue?agent=holder&max_capacity=2', { key: testKeys.operator })
    ).body;
    expect(two).toMatchObject({ reason: 'continue_current' });

    const all = { ...admin, body: { ...body, name: 'stop all', scope: {}, limitUsd: '0.5' } };
    await application.call('PUT', `/api/budgets/${everybody}`, all);
    await hasTold(everybody, 4);
    const stopped = await eventually('nobody gets work', async () => {
      const answer = await poll('idler');
      if (answer.reason === 'assigned') throw new Error('work was handed out over a budget');
      return answer.stopped_by_budgets === undefined ? undefined : answer;
    });
    expect(stopped).toMatchObject({
      reason: 'no_tasks_available',
      task: null,
      stopped_by_budgets: [{ id: everybody, name: 'stop all' }],
    });

    await application.call('DELETE', `/api/budgets/${everybody}`, admin);
    await eventually('there is work again', async () => (await poll('idler')).reason === 'assigned');
  });

  it('of a project stops the work of that project alone', async () => {
    const { store } = application;
    const history = new TaskHistory().create(9_101, { projectId: 1 }).create(9_102, { projectId: 77 });
    for (const { stream, type, data } of history.written) {
      await store.append(stream, [{ id: randomUUID(), type, data, metadata: sampleMetadata() }], 'no_stream');
    }
    const defined: BudgetEvent = {
      type: 'BudgetDefined',
      data: {
        budgetId: randomUUID(),
        name: 'project 1',
        scope: { projectId: 1, agent: null, taskId: null, model: null },
        period: { kind: 'month', days: null, zone: 'UTC' },
        limitUsd: '0.000001',
        softPercents: [],
        hard: true,
      },
    };
    const { budgetId } = defined.data;
    await store.append(
      `budget-${budgetId}`,
      [{ id: randomUUID(), ...defined, metadata: sampleMetadata() }],
      'no_stream',
    );
    const usage = {
      id: randomUUID(),
      eventId: 'work on 9101',
      model: 'm',
      sessionId: 'worker:1',
      agentName: 'worker',
      agentId: null,
      operation: 'chat_completion',
      timestamp: Date.now(),
      taskId: 9_101,
      inputTokens: 1,
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      contentDigest: 'd',
    };
    await store.append(
      'usage-test',
      [{ id: randomUUID(), type: 'TokenUsageReported', data: usage, metadata: sampleMetadata() }],
      'no_stream',
    );
    await hasTold(budgetId, 1);
    const given = new Set<number>();
    const answer = await eventually('all other work is taken', async () => {
      const agent = `worker-${given.size}`;
      const { body } = await application.call('GET', `/api/tasks/queue?agent=${agent}`, { key: testKeys.operator });
      if (body.task !== null) given.add(body.task.id);
      return body.stopped_by_budgets === undefined ? undefined : body;
    });
    expect(answer.stopped_by_budgets).toEqual([{ id: budgetId, name: 'project 1' }]);
    expect([...given]).toContain(9_102);
    expect([...given]).not.toContain(9_101);
  });
});
