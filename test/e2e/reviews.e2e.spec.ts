import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
  for (const name of ['bob', 'aegis']) await application.call('POST', '/api/agents', { body: { name, role: 'dev' } });
});

afterAll(async () => {
  await application.close();
});

type Task = ReturnType<typeof JSON.parse>;
const call = (method: string, path: string, body?: unknown, key: string = testKeys.admin) =>
  application.call(method, path, { key, ...(body === undefined ? {} : { body }) });
const created = async (more: object = {}): Promise<Task> =>
  (await call('POST', '/api/tasks', { title: 'Fix login', ...more })).body.task;
const review = (task: Task, status: string, more: object = {}) =>
  call('POST', '/api/quality-review', { taskId: task.id, status, notes: 'because', ...more });
const factsOf = async (task: Task) => (await application.log()).filter(({ stream }) => stream === `task-${task.id}`);

describe('a review', () => {
  it('by aegis opens the gate and completes the task', async () => {
    const task = await created({ status: 'quality_review', assigned_to: 'bob' });
    const { status, body, headers } = await review(task, 'approved');
    expect([status, body]).toEqual([200, { success: true, id: expect.any(Number), task_status: 'done', gate: 'open' }]);
    const now = await application.read(`/api/tasks/${task.id}`, headers);
    expect(now.body.task).toMatchObject({ status: 'done', gate: 'open', completed_at: expect.any(Number) });
    const reopened = await call('PUT', `/api/tasks/${task.id}`, { status: 'inbox' });
    expect(reopened.body.task).toMatchObject({ status: 'inbox', gate: 'open' });
    const done = await call('PUT', `/api/tasks/${task.id}`, { status: 'done' });
    expect(done.body.task).toMatchObject({ status: 'done', completed_at: now.body.task.completed_at });
  });

  it('by anybody else is on record, and moves neither gate nor task', async () => {
    const task = await created({ status: 'review' });
    for (const reviewer of ['carol', 'Aegis', 'aegis ']) {
      const { body } = await review(task, 'approved', { reviewer });
      expect(body).toMatchObject({ task_status: 'review', gate: 'closed' });
    }
    expect(await call('PUT', `/api/tasks/${task.id}`, { status: 'done' })).toMatchObject({ status: 403 });
    expect((await factsOf(task)).map(({ type }) => type)).toEqual(['TaskCreated', ...Array(3).fill('TaskReviewed')]);
  });

  it('that rejects sends the task back to its assignee, and closes the gate when it is aegis', async () => {
    const task = await created({ status: 'review', assigned_to: 'bob' });
    await review(task, 'approved');
    const carol = await review(task, 'rejected', { reviewer: 'carol', notes: 'no tests' });
    expect(carol.body).toMatchObject({ task_status: 'in_progress', gate: 'open' });
    const { body } = await application.read(`/api/tasks/${task.id}`, carol.headers);
    expect(body.task).toMatchObject({
      status: 'in_progress',
      error_message: 'Quality review rejected by carol: no tests',
    });
    expect((await factsOf(task)).at(-1)?.data).toMatchObject({ previousStatus: 'done', status: 'in_progress' });
    expect((await review(task, 'rejected')).body).toMatchObject({ task_status: 'in_progress', gate: 'closed' });
    const unassigned = await created({ status: 'review' });
    expect((await review(unassigned, 'rejected')).body).toMatchObject({ task_status: 'review', gate: 'closed' });
  });

  it('is refused when malformed, or of a task that there is not', async () => {
    const task = await created();
    for (const wrong of [
      { status: 'maybe' },
      { notes: '' },
      { notes: undefined },
      { notes: 'x'.repeat(50_001) },
      { taskId: '7' },
      { taskId: 1.5 },
      { taskId: 0 },
      { reviewer: '' },
    ]) {
      const answer = await review(task, 'approved', wrong);
      expect([wrong, answer.status, answer.body.error]).toEqual([wrong, 400, 'Validation failed']);
    }
    expect(await review({ id: 999_999 }, 'approved')).toMatchObject({ status: 404, body: { error: 'Task not found' } });
    expect(await factsOf(task)).toHaveLength(1);
  });

  it('of an agent’s key is by its own agent, of its own tasks', async () => {
    const issued = await call('POST', '/api/agents/bob/keys', { scopes: ['operator'] });
    const key = issued.body.api_key as string;
    const [own, other] = [await created({ assigned_to: 'bob' }), await created()];
    const by = (task: Task, more: object = {}) =>
      call('POST', '/api/quality-review', { taskId: task.id, status: 'approved', notes: 'n', ...more }, key);
    expect(await by(own, { reviewer: 'aegis' })).toMatchObject({ status: 403 });
    expect(await by(other)).toMatchObject({ status: 403 });
    expect(await by(own)).toMatchObject({ status: 200, body: { gate: 'closed' } });
    expect((await factsOf(own)).at(-1)).toMatchObject({ data: { reviewer: 'bob' } });
    const read = (id: number) => call('GET', `/api/quality-review?taskId=${id}`, undefined, key);
    expect((await read(own.id)).body.reviews).toMatchObject([{ reviewer: 'bob', status: 'approved' }]);
    expect(await read(other.id)).toMatchObject({ status: 403 });
  });
});

describe('the reviews of a task', () => {
  it('are the last ten, newest first, or the latest of each of several', async () => {
    const [task, never] = [await created(), await created()];
    let last = await review(task, 'approved', { reviewer: 'r0', notes: '0' });
    for (let n = 1; n < 12; n += 1) last = await review(task, 'approved', { reviewer: `r${n}`, notes: `${n}` });
    const { body } = await application.read(`/api/quality-review?taskId=${task.id}`, last.headers);
    expect(body.reviews.map(({ notes }: { notes: string }) => notes)).toEqual(
      Array.from({ length: 10 }, (_, n) => `${11 - n}`),
    );
    expect(body.reviews[0]).toEqual({
      id: last.body.id,
      task_id: task.id,
      reviewer: 'r11',
      status: 'approved',
      notes: '11',
      actor: 'admin of the test',
      created_at: expect.any(Number),
    });
    const latest = await application.read(`/api/quality-review?taskIds=${task.id},${never.id}`, last.headers);
    expect(latest.body).toEqual({
      latest: {
        [task.id]: { status: 'approved', reviewer: 'r11', created_at: expect.any(Number) },
        [never.id]: null,
      },
    });
  });

  it('need a task', async () => {
    expect(await call('GET', '/api/quality-review')).toMatchObject({
      status: 400,
      body: { error: 'taskId is required' },
    });
    for (const query of ['taskId=a', 'taskId=1,2', 'taskIds=', 'taskIds=1,', 'taskIds=0']) {
      expect([query, (await call('GET', `/api/quality-review?${query}`)).status]).toEqual([query, 400]);
    }
  });
});
