import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
  for (const name of ['bob', 'eve', 'Build Bot']) {
    await application.call('POST', '/api/agents', { body: { name, role: 'dev' } });
  }
});

afterAll(async () => {
  await application.close();
});

type Options = Parameters<Application['call']>[2];
const call = (method: string, path: string, body?: unknown, options: Options = {}) =>
  application.call(method, path, { ...(body === undefined ? {} : { body }), ...options });
const create = (more: object = {}, options: Options = {}) =>
  call('POST', '/api/tasks', { title: 'Fix login', ...more }, options);
type Task = ReturnType<typeof JSON.parse>;

async function created(more: object = {}): Promise<Task> {
  const { status, body } = await create(more);
  expect([status, body.error, body.details]).toEqual([201, undefined, undefined]);
  return body.task;
}

const change = (task: Task, body: object, headers: Record<string, string> = {}) =>
  call('PUT', `/api/tasks/${task.id}`, body, { headers });

describe('the history of a task', () => {
  it('is every fact in order, page by page, for admins only', async () => {
    const task = await created();
    await change(task, { title: 'Second' });
    await change(task, { title: 'Third' });
    const path = `/api/tasks/${task.id}/history`;
    const all = (await call('GET', path)).body;
    expect(all).toMatchObject({ task_id: task.id, total: 3, next: null });
    expect(all.events.map(({ revision }: { revision: number }) => revision)).toEqual([0, 1, 2]);
    const first = (await call('GET', `${path}?limit=2`)).body;
    expect(first).toMatchObject({ total: 3, next: all.events[1].position });
    const rest = (await call('GET', `${path}?limit=2&from=${first.next}`)).body;
    expect([...first.events, ...rest.events]).toEqual(all.events);
    expect(rest.next).toBeNull();
    expect(await call('GET', path, undefined, { key: testKeys.operator })).toMatchObject({ status: 403 });
    expect(await call('GET', `${path}?from=nonsense`)).toMatchObject({ status: 400 });
  });

  it('shows the task as it was at any position, and as it is by now', async () => {
    const task = await created();
    const path = `/api/tasks/${task.id}`;
    const bodies = [task];
    for (const more of [{ title: 'Second' }, { status: 'in_progress', assigned_to: 'bob' }, { status: 'review' }]) {
      bodies.push((await change(task, more)).body.task);
    }
    const { events } = (await call('GET', `${path}/history`)).body;
    for (const [at, { position, recordedAt }] of events.entries()) {
      const then = await call('GET', `${path}?asOf=${position}`);
      expect(then.body).toEqual({ task: bodies[at], asOf: { position, recordedAt } });
    }
    const now = await call('GET', `${path}?asOf=${encodeURIComponent(new Date().toISOString())}`);
    expect(now.body.task).toEqual((await call('GET', path)).body.task);
    const deleted = await call('DELETE', path);
    expect(await call('GET', `${path}?asOf=${events[3].position}`)).toMatchObject({ status: 200 });
    expect(await call('GET', `${path}?asOf=${deleted.headers.get('x-mc-position')}`)).toMatchObject({ status: 404 });
  });

  it('is not there before the birth, nor in the future, nor for others than admins', async () => {
    const task = await created();
    const path = `/api/tasks/${task.id}`;
    const at = (asOf: string, key = testKeys.admin) =>
      call('GET', `${path}?asOf=${encodeURIComponent(asOf)}`, undefined, { key });
    expect(await at('2020-01-01T00:00:00Z')).toMatchObject({ status: 404 });
    expect(await at('1000')).toMatchObject({ status: 404 });
    for (const bad of ['2999-01-01T00:00:00Z', '4102444800', 'yesterday', '', '1-00', `1-${'f'.repeat(32)}-00000000`]) {
      expect([bad, (await at(bad)).status]).toEqual([bad, 400]);
    }
    expect(await at('1000', testKeys.operator)).toMatchObject({ status: 403 });
  });

  it('is refused, not ignored, by what answers as of now only', async () => {
    const { id } = await created();
    for (const path of [
      '/api/tasks',
      `/api/tasks/${id}/comments`,
      '/api/agents',
      '/api/agents/bob/memory',
      '/api/costs',
    ]) {
      for (const asOf of ['1000', 'yesterday', '']) {
        expect([path, await call('GET', `${path}?asOf=${asOf}`)]).toMatchObject([
          path,
          { status: 400, body: { error: 'Invalid asOf. This route answers as of now only.' } },
        ]);
      }
      const viewer = await call('GET', `${path}?asOf=1000`, undefined, { key: testKeys.viewer });
      expect([path, viewer.status]).toEqual([path, 403]);
    }
  });
});
