import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { type Answer, type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication({ replicas: 2 });
});

afterAll(async () => {
  await application.close();
});

const call = (method: string, path: string, body?: unknown, replica = 0, key = testKeys.admin) =>
  application.call(method, path, { key, replica, ...(body === undefined ? {} : { body }) });
const poll = (agent: string, { capacity = 1, replica = 0, key = testKeys.admin } = {}) =>
  call('GET', `/api/tasks/queue?agent=${agent}&max_capacity=${capacity}`, undefined, replica, key);
const release = (taskId: number, body?: object, key?: string) =>
  call('POST', `/api/tasks/${taskId}/release`, body, 1, key);

/** Resolves to its id when the queue shows the task. */
async function newTask(fields: object = {}): Promise<number> {
  const { status, body, headers } = await call('POST', '/api/tasks', { title: 'A task', ...fields });
  expect(status).toBe(201);
  await application.read('/api/tasks?limit=1', headers);
  return body.task.id;
}

const newTasks = (count: number, fields: object = {}) =>
  Promise.all(Array.from({ length: count }, () => newTask(fields)));

async function eventsOf(taskId: number): Promise<readonly StoredEvent[]> {
  return (await application.log()).filter(({ stream }) => stream === `task-${taskId}`);
}

const claimsOf = async (taskIds: readonly number[]) =>
  (await application.log()).flatMap(({ type, data }) => {
    const taskId = type === 'TaskClaimed' && 'taskId' in data ? Number(data.taskId) : undefined;
    return taskId !== undefined && taskIds.includes(taskId) ? [taskId] : [];
  });

const heldIn = ({ body }: Answer) => new Set(body.held.map(({ id }: { id: number }) => id));

/** Takes everything away that is left, so that the next test begins with an empty queue. */
async function drain(agent: string): Promise<void> {
  for (;;) {
    const { body } = await poll(agent);
    if (body.task === null) return;
    await call('PUT', `/api/tasks/${body.task.id}`, { status: 'review' });
  }
}

describe('the queue', () => {
  it('gives the most urgent task with a lease, goes on with it, and says when there is none or no room', async () => {
    expect(await poll('ann')).toMatchObject({
      status: 200,
      body: {
        task: null,
        reason: 'no_tasks_available',
        agent: 'ann',
        lease_id: null,
        lease_expires_at: null,
        held: [],
      },
    });
    const low = await newTask({ priority: 'low' });
    const urgent = await newTask({ priority: 'critical', title: 'now' });

    const first = await poll('ann', { replica: 1 });
    expect(first).toMatchObject({
      status: 200,
      body: {
        reason: 'assigned',
        task: { id: urgent, title: 'now', status: 'in_progress', assigned_to: 'ann', revision: 1 },
      },
    });
    const { lease_id: leaseId, lease_expires_at: expiry, asOfPosition, timestamp } = first.body;
    expect(first.body.held).toEqual([{ id: urgent, lease_id: leaseId, lease_expires_at: expiry }]);
    expect(expiry - timestamp).toBeGreaterThan(890);
    expect(first.headers.get('x-mc-position')).toBe(asOfPosition);
    const shown = await application.read(`/api/tasks/${urgent}`, first.headers);
    expect(shown.body.task).toEqual(first.body.task);

    expect((await poll('ann')).body).toMatchObject({
      reason: 'continue_current',
      task: { id: urgent },
      lease_id: leaseId,
    });
    const second = await call('POST', '/api/tasks/queue', { agent: 'ann', max_capacity: 2 });
    expect(second).toMatchObject({ status: 200, body: { reason: 'assigned', task: { id: low } } });
    expect(heldIn(second)).toEqual(new Set([low, urgent]));
    expect((await poll('ann', { capacity: 2 })).body).toMatchObject({
      reason: 'at_capacity',
      task: null,
      lease_id: null,
    });
    expect((await poll('ann', { capacity: 3 })).body).toMatchObject({ reason: 'continue_current', task: { id: low } });
    expect((await eventsOf(urgent)).map(({ type }) => type)).toEqual(['TaskCreated', 'TaskClaimed']);
    await drain('ann');
  });

  it('gives a lease on what was put in progress by hand, and never a task of somebody else', async () => {
    const own = await newTask({ assigned_to: 'bea' });
    await newTask({ assigned_to: 'somebody else', priority: 'critical' });
    await call('PUT', `/api/tasks/${own}`, { status: 'in_progress' });
    const polled = await poll('bea');
    expect(polled.body).toMatchObject({ reason: 'continue_current', task: { id: own } });
    expect(polled.body.lease_id).toEqual(expect.any(String));
    const released = await release(own, { lease_id: polled.body.lease_id });
    expect(released.body.task).toMatchObject({ status: 'assigned', assigned_to: 'bea', lease_expires_at: null });
    await drain('bea');
    await drain('somebody%20else');
  });

  it('tells an agent with hundreds of tasks in progress to go on, or that it has no room', async () => {
    const ids = await newTasks(201, { assigned_to: 'swamped', status: 'in_progress' });
    const current = await poll('swamped');
    expect(current).toMatchObject({ status: 200, body: { reason: 'continue_current' } });
    expect(ids).toContain(current.body.task.id);
    expect(await poll('swamped', { capacity: 20 })).toMatchObject({
      status: 200,
      body: { reason: 'at_capacity', task: null },
    });
    for (const from of [0, 100, 200]) {
      const tasks = ids.slice(from, from + 100).map((id) => ({ id, status: 'review' }));
      expect((await call('PUT', '/api/tasks', { tasks })).status).toBe(200);
    }
    expect((await poll('swamped', { capacity: 20 })).body.reason).toBe('no_tasks_available');
  });

  it('answers the same to a repeat with the same key, and takes nothing twice', async () => {
    await newTasks(2);
    const keyed = () =>
      application.call('GET', '/api/tasks/queue?agent=kay&max_capacity=5', {
        headers: { 'idempotency-key': 'poll-1' },
      });
    const first = await keyed();
    expect(first.body.reason).toBe('assigned');
    const again = await keyed();
    expect([again.body, again.headers.get('idempotent-replayed')]).toEqual([first.body, 'true']);
    expect((await poll('kay')).body.held).toHaveLength(1);
    await drain('kay');
  });

  it('refuses what it cannot serve, and is no HEAD', async () => {
    const path = '/api/tasks/queue';
    const head = await call('HEAD', `${path}?agent=ann`);
    expect([head.status, head.headers.get('allow')]).toEqual([405, 'GET, POST']);
    expect(await call('GET', path)).toMatchObject({
      status: 400,
      body: { error: 'Missing agent. Provide ?agent=... or x-agent-name header.' },
    });
    expect(await call('GET', `${path}?agent=ann&max_capacity=0`)).toMatchObject({
      status: 400,
      body: { error: 'Invalid max_capacity. Expected integer 1..20.' },
    });
    expect((await poll('ann', { key: testKeys.viewer })).status).toBe(403);
    const named = await application.call('GET', path, { headers: { 'x-agent-name': 'header-bot' } });
    expect(named.body).toMatchObject({ agent: 'header-bot', reason: 'no_tasks_available' });
    expect(await release(999_999)).toMatchObject({ status: 404, body: { error: 'Task not found' } });
    expect(await call('POST', '/api/tasks/x/release')).toMatchObject({ status: 400 });
    expect(await release(await newTask(), {})).toMatchObject({ status: 409, body: { error: 'Task is not claimed' } });
    await drain('ann');
  });

  it('lets a key of an agent queue for its own agent only', async () => {
    await call('POST', '/api/agents', { name: 'keyed', role: 'r' });
    const { body } = await call('POST', '/api/agents/keyed/keys', { scopes: ['agent:tasks'] });
    const key: string = body.api_key;
    const taskId = await newTask();
    expect(await poll('ann', { key })).toMatchObject({
      status: 403,
      body: { error: 'Access denied: agent key may only queue tasks for itself.' },
    });
    expect((await poll('nobody-knows', { key })).status).toBe(403);
    const { body: claimed } = await poll('keyed', { key });
    expect(claimed).toMatchObject({ reason: 'assigned', task: { id: taskId } });
    const given = { lease_id: claimed.lease_id, reason: 'not mine' };
    expect(await release(taskId, given, key)).toMatchObject({ status: 200, body: { success: true } });
    expect(await release(taskId, given, key)).toMatchObject({ status: 200, body: { success: true, unchanged: true } });
    const { body: other } = await poll('ann');
    expect(other.task.id).toBe(taskId);
    expect(await release(taskId, { lease_id: other.lease_id }, key)).toMatchObject({
      status: 403,
      body: { error: 'Access denied: agent key may only access its own tasks.' },
    });
    await drain('ann');
  });
});

describe('a task that is given back', () => {
  it('is what it was before, once, whoever asks again', async () => {
    const taskId = await newTask({ assigned_to: 'ned' });
    const { body: claimed } = await poll('ned');
    expect(
      await call('POST', `/api/tasks/${taskId}/release`, { lease_id: '3f0c6a4e-52a1-5c0e-9a44-6d1f0c9e7b21' }),
    ).toMatchObject({
      status: 409,
      body: { error: 'Lease is no longer held', lease_status: 'superseded' },
    });
    const given = { lease_id: claimed.lease_id, reason: 'needs a decision' };
    const first = await release(taskId, given);
    expect(first).toMatchObject({
      status: 200,
      body: { success: true, task: { id: taskId, status: 'assigned', assigned_to: 'ned', revision: 2 } },
    });
    expect(first.headers.get('etag')).toBe('"2"');
    expect(first.body.unchanged).toBeUndefined();
    expect(await release(taskId, given)).toMatchObject({ status: 200, body: { success: true, unchanged: true } });
    expect((await eventsOf(taskId)).at(-1)).toMatchObject({ type: 'TaskReleased', data: { reason: given.reason } });
    expect(await eventsOf(taskId)).toHaveLength(3);

    const { body: again } = await poll('ned');
    expect(again.lease_id).not.toBe(claimed.lease_id);
    const late = { status: 'review', lease_id: claimed.lease_id };
    expect(await call('PUT', `/api/tasks/${taskId}`, late)).toMatchObject({
      status: 409,
      body: { error: 'Lease is no longer held', lease_status: 'released' },
    });
    const stale = { method: 'POST', path: `/api/tasks/${taskId}/release` };
    const refused = await application.call(stale.method, stale.path, { headers: { 'if-match': '"1"' }, body: {} });
    expect(refused).toMatchObject({ status: 412, body: { error: 'Task was changed', current_revision: 3 } });
    expect((await release(taskId)).status).toBe(200);
    await drain('ned');
  });
});

describe('at the same moment', () => {
  it('24 agents at two processes take 120 tasks, each once, the urgent ones before the others, without a 5xx', async () => {
    const urgent = await newTasks(60, { priority: 'high' });
    const others = await newTasks(60, { priority: 'low' });
    const order: number[] = [];
    const answers: Answer[] = [];
    await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        for (;;) {
          const answer = await poll(`racer-${index}`, { capacity: 20, replica: index % 2 });
          answers.push(answer);
          if (answer.body.reason !== 'assigned') return;
          order.push(answer.body.task.id);
        }
      }),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const all = [...urgent, ...others];
    expect(order.toSorted((a, b) => a - b)).toEqual(all.toSorted((a, b) => a - b));
    const claims = await claimsOf(all);
    expect(claims).toHaveLength(all.length);
    // 24 polls are on their way at once: so many may overtake each other.
    expect(claims.slice(0, 60 - 24).filter((taskId) => others.includes(taskId))).toEqual([]);
  });

  it.each([1, 2, 3])('polls of one agent never take more than its capacity of %i', async (capacity) => {
    await newTasks(10);
    for (let round = 0; round < 3; round += 1) {
      const agent = `busy-${capacity}-${round}`;
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) => poll(agent, { capacity, replica: index % 2 })),
      );
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      const assigned = answers.filter(({ body }) => body.reason === 'assigned').map(({ body }) => body.task.id);
      expect([agent, new Set(assigned).size]).toEqual([agent, capacity]);
      expect(assigned).toHaveLength(capacity);
      expect(heldIn(await poll(agent, { capacity }))).toEqual(new Set(assigned));
      for (const id of assigned) await call('PUT', `/api/tasks/${id}`, { status: 'review' });
    }
    await drain('ann');
  });
});
