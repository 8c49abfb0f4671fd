import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;
const now = () => Math.floor(Date.now() / 1_000);

type Options = Parameters<Application['call']>[2];
const call = (method: string, path: string, body?: unknown, options: Options = {}) =>
  application.call(method, path, { ...(body === undefined ? {} : { body }), ...options });
const get = (path: string, key = testKeys.viewer) => call('GET', path, undefined, { key });

async function done(fields: object): Promise<number> {
  const { status, body } = await call('POST', '/api/tasks', { title: 'A task', status: 'done', ...fields });
  expect(status).toBe(201);
  return body.task.id as number;
}

beforeAll(async () => {
  application = await startApplication();
  await call('POST', '/api/agents', { name: 'ann', role: 'coder' });
  await call('POST', '/api/agents', { name: 'bob', role: 'coder' });
  await done({ assigned_to: 'ann', outcome: 'success', priority: 'high', retry_count: 3 });
  const rejected = await done({ assigned_to: 'ann', outcome: 'failed', error_message: 'timeout' });
  await call('POST', '/api/quality-review', { taskId: rejected, reviewer: 'bob', status: 'rejected', notes: 'no' });
  await call('POST', '/api/quality-review', { taskId: rejected, status: 'approved', notes: 'well, yes' });
  const handed = await done({ assigned_to: 'ann', outcome: 'success' });
  await call('PUT', `/api/tasks/${handed}`, { assigned_to: 'bob' });
  await done({});
  await done({ outcome: 'success', completed_at: now() - 40 * 86_400 });
  await call('POST', '/api/tasks', { title: 'Not done', outcome: 'success' });
});

afterAll(async () => {
  await application.close();
});

describe('how tasks came out', () => {
  it('is counted in all, by agent and by priority, with the most frequent errors', async () => {
    const { status, body, headers } = await get('/api/tasks/outcomes');
    expect(status).toBe(200);
    expect(headers.get('x-mc-position')).toMatch(/^1-/);
    expect(body).toMatchObject({
      timeframe: 'all',
      record_count: 5,
      summary: {
        total_done: 5,
        with_outcome: 4,
        by_outcome: { success: 3, failed: 1, partial: 0, abandoned: 0, unknown: 1 },
        avg_retry_count: 0.6,
        avg_time_to_resolution_seconds: expect.any(Number),
        success_rate: 0.75,
      },
      by_agent: {
        ann: { total: 2, success: 1, failed: 1, success_rate: 0.5 },
        bob: { total: 1, success: 1 },
        unassigned: { total: 2, unknown: 1, success_rate: 1 },
      },
      by_priority: { high: { total: 1 }, medium: { total: 4 } },
    });
    expect(body.common_errors).toEqual([{ error_message: expect.stringContaining('rejected by bob: no'), count: 1 }]);
  });

  it('is counted over a window', async () => {
    expect((await get('/api/tasks/outcomes?timeframe=month')).body).toMatchObject({
      timeframe: 'month',
      record_count: 4,
    });
    expect(await get('/api/tasks/outcomes?timeframe=year')).toMatchObject({
      status: 400,
      body: { error: 'Invalid timeframe. Expected one of day, week, month, all.' },
    });
  });

  it('is shown to an agent’s key of its own agent', async () => {
    const { body } = await call('POST', '/api/agents/bob/keys', { scopes: ['viewer', 'agent:self'] });
    const own = await get('/api/tasks/outcomes', body.api_key as string);
    expect(own.body).toMatchObject({ record_count: 1, by_agent: { bob: { total: 1 } } });
  });
});

describe('the comparison around a change', () => {
  it('compares what was completed since with what was completed before', async () => {
    const betaStart = now() - 3_600;
    const { status, body } = await get(`/api/tasks/regression?beta_start=${betaStart}&lookback_seconds=600`);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['metric_definitions', 'params', 'windows', 'deltas']);
    expect(body.params).toEqual({ beta_start: betaStart, lookback_seconds: 600 });
    expect(body.windows.baseline).toEqual({
      label: 'baseline',
      start: betaStart - 600,
      end: betaStart,
      sample_size: 0,
      latency_seconds: { p50: null, p95: null, avg: null },
      interventions: { count: 0, rate: 0 },
    });
    expect(body.windows.post).toMatchObject({
      label: 'post',
      start: betaStart,
      sample_size: 4,
      latency_seconds: { p50: expect.any(Number), p95: expect.any(Number), avg: expect.any(Number) },
      interventions: { count: 2, rate: 0.5 },
    });
    expect(body.deltas).toEqual({ p95_latency_seconds: null, intervention_rate: 0.5 });
  });

  it.each([
    ['', 'beta_start query parameter is required (unix seconds or ISO timestamp)'],
    ['?beta_start=soon', 'Invalid beta_start. Expected unix seconds or an ISO timestamp with a zone.'],
    ['?beta_start=2999-01-01T00:00:00Z', 'beta_start must not be in the future'],
    ['?beta_start=1&lookback_seconds=-1', 'Invalid lookback_seconds. Expected an integer of 0 or more.'],
  ])('refuses %j', async (query, error) => {
    expect(await get(`/api/tasks/regression${query}`)).toMatchObject({ status: 400, body: { error } });
  });
});
