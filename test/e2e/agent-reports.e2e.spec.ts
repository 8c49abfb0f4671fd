import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

type Options = Parameters<Application['call']>[2];
const call = (method: string, path: string, body?: unknown, options: Options = {}) =>
  application.call(method, path, { ...(body === undefined ? {} : { body }), ...options });
const agent = async (name: string) =>
  (await call('POST', '/api/agents', { name, role: 'dev' })).body.agent.id as number;
const task = async (more: object) =>
  (await call('POST', '/api/tasks', { title: 'Work', ...more })).body.task.id as number;
const as = (name: string): Options => ({ headers: { 'x-agent-name': name } });
const keyOf = async (agentId: number, scopes: readonly string[]) =>
  (await call('POST', `/api/agents/${agentId}/keys`, { name: 'k', scopes })).body.api_key as string;

describe('the tasks of an agent', () => {
  it('are counted wherever the agent is shown, also those that wait for its name', async () => {
    await task({ assigned_to: 'counted' });
    const id = await agent('counted');
    await task({ assigned_to: 'counted' });
    await task({ assigned_to: 'counted', status: 'done' });
    await task({ assigned_to: 'counted', status: 'in_progress' });
    await task({ assigned_to: 'somebody else' });
    const taskStats = { total: 4, assigned: 2, in_progress: 1, quality_review: 0, done: 1, completed: 1 };
    expect((await call('GET', `/api/agents/${id}`)).body.agent.taskStats).toEqual(taskStats);
    expect((await call('GET', '/api/agents?limit=1')).body.agents[0].taskStats).toEqual(taskStats);
    expect((await call('PUT', `/api/agents/${id}`, { role: 'new' })).body.agent.taskStats).toEqual(taskStats);
  });
});

describe('the diagnostics of an agent', () => {
  it('tell its tasks, failures, activities, trends and tokens', async () => {
    const id = await agent('diagnosed');
    await task({ assigned_to: 'diagnosed', status: 'done', priority: 'high' });
    const failing = await task({ assigned_to: 'diagnosed' });
    await call('PUT', `/api/tasks/${failing}`, { status: 'failed', error_message: 'no disk' });
    await call('POST', '/api/tokens', { model: 'm', sessionId: 'diagnosed:cli', inputTokens: 10, outputTokens: 5 });
    const { status, body } = await call('GET', '/api/agents/diagnosed/diagnostics', undefined, as('diagnosed'));
    expect(status).toBe(200);
    expect(body.agent).toEqual({ id, name: 'diagnosed', role: 'dev', status: 'offline' });
    expect(body.timeframe.until - body.timeframe.since).toBe(24 * 3_600);
    expect(body.summary).toMatchObject({
      tasks_total: 2,
      tasks_completed: 1,
      error_count: 1,
      error_rate_percent: 50,
      throughput_per_day: 1,
    });
    expect(body.tasks).toEqual({
      total: 2,
      completed_in_timeframe: 1,
      failed_in_timeframe: 1,
      by_status: { done: 1, failed: 1 },
      by_priority: { high: 1, medium: 1 },
    });
    expect(body.errors).toMatchObject({
      total: 1,
      by_message: [{ error_message: 'no disk', count: 1 }],
      recent: [{ task_id: failing, status: 'failed', error_message: 'no disk' }],
    });
    expect(body.activity.by_type).toMatchObject({ agent_created: 1, task_created: 2 });
    expect(body.activity.total).toBe(body.summary.activity_count);
    expect(body.trends).toMatchObject({
      current: { tasks_completed: 1, errors: 1 },
      previous: { tasks_completed: 0, errors: 0, activities: 0 },
      change_percent: { tasks_completed: null, activities: null },
    });
    expect(body.tokens).toMatchObject({
      total: { totalTokens: 15, requestCount: 1 },
      models: { m: { inputTokens: 10 } },
    });
  });

  it('hold the asked sections only, of the asked hours', async () => {
    await agent('asked');
    const path = '/api/agents/asked/diagnostics';
    const { body } = await call('GET', `${path}?section=tokens,tasks&hours=2`, undefined, as('asked'));
    expect(Object.keys(body)).toEqual(['agent', 'timeframe', 'tasks', 'tokens']);
    expect(body.timeframe.hours).toBe(2);
    for (const bad of ['hours=0', 'hours=721', 'hours=x', 'section=mood', 'section=', 'privileged=maybe']) {
      expect([bad, (await call('GET', `${path}?${bad}`, undefined, as('asked'))).status]).toEqual([bad, 400]);
    }
  });
});

describe('the attribution of an agent', () => {
  it('tells who it is, what it did, what was done to it, and what that used', async () => {
    const id = await agent('attributed');
    const key = await keyOf(id, ['agent:attribution', 'operator']);
    await call('PUT', '/api/agents/attributed/memory', { working_memory: 'x' }, { key });
    await call('PUT', '/api/agents/attributed', { role: 'lead' });
    const { status, body } = await call('GET', `/api/agents/${id}/attribution`, undefined, { key });
    expect(status).toBe(200);
    expect(body).toMatchObject({ agent_name: 'attributed', access_scope: 'self', timeframe: { hours: 24 } });
    expect(body.identity).toMatchObject({ agent_id: id, name: 'attributed', role: 'lead', connection_id: null });
    expect(body.audit.by_type).toMatchObject({ agent_created: 1, agent_memory_updated: 1, agent_updated: 1 });
    expect(body.mutations).toMatchObject({
      total: 1,
      by_type: { agent_memory_updated: 1 },
      recent: [{ type: 'agent_memory_updated', actor: 'attributed' }],
    });
    expect(body.cost).toMatchObject({ total: { totalTokens: 0 }, models: {}, sessions: {} });
    const { body: one } = await call('GET', `/api/agents/${id}/attribution?section=cost`, undefined, { key });
    expect(Object.keys(one)).toEqual(['agent_name', 'timeframe', 'access_scope', 'cost']);
  });
});

describe.each(['diagnostics', 'attribution'])('who may read the %s of an agent', (report) => {
  const name = `self-${report}`;
  const path = `/api/agents/${name}/${report}`;

  it('is the agent by its key, with the scope', async () => {
    const id = await agent(name);
    const other = await agent(`other-${report}`);
    const own = await keyOf(id, [`agent:${report}`]);
    expect((await call('GET', path, undefined, { key: own })).status).toBe(200);
    expect((await call('GET', path, undefined, { key: await keyOf(other, [`agent:${report}`]) })).status).toBe(403);
    expect((await call('GET', path, undefined, { key: await keyOf(id, ['agent:tokens']) })).status).toBe(403);
    expect((await call('GET', `/api/agents/nobody/${report}`, undefined, { key: own })).status).toBe(403);
  });

  it('is whoever acts as the agent', async () => {
    expect((await call('GET', path, undefined, { key: testKeys.viewer, ...as(name) })).status).toBe(200);
    expect((await call('GET', path, undefined, as(`other-${report}`))).status).toBe(403);
  });

  it('is an admin who says so, and nobody else', async () => {
    const error = 'Access denied: only the agent itself, or an admin with privileged=1.';
    expect(await call('GET', path)).toMatchObject({ status: 403, body: { error } });
    expect(await call('GET', `/api/agents/nobody/${report}`)).toMatchObject({ status: 403, body: { error } });
    expect((await call('GET', `${path}?privileged=1`)).status).toBe(200);
    expect((await call('GET', `/api/agents/nobody/${report}?privileged=1`)).status).toBe(404);
    expect((await call('GET', `${path}?privileged=1`, undefined, { key: testKeys.operator })).status).toBe(403);
  });

  it('is said in the answer', async () => {
    const { body } = await call('GET', `/api/agents/${name}/attribution?privileged=1`);
    expect(body.access_scope).toBe('privileged');
  });
});
