import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { testKeys } from '../support/http-app.js';

let application: Application;
const POSITION = /^1-[0-9a-f]{32}-[0-9a-f]{8}$/;

beforeAll(async () => {
  application = await startApplication({ replicas: 2 });
});

afterAll(async () => {
  await application.close();
});

type Options = Parameters<Application['call']>[2];
type Section = { readonly type: string; readonly count: number; readonly items: readonly Record<string, unknown>[] };

const call = (method: string, path: string, body?: unknown, options: Options = {}) =>
  application.call(method, path, { ...(body === undefined ? {} : { body }), ...options });
const createAgent = async (name: string): Promise<number> =>
  (await call('POST', '/api/agents', { name, role: 'coder' })).body.agent.id;
const createTask = async (fields: object) => {
  const answer = await call('POST', '/api/tasks', { title: 'Fix it', ...fields });
  expect(answer.status).toBe(201);
  return answer.body.task as { readonly id: number; readonly ticket_ref: string };
};
const beat = (name: string, body: object = {}, options: Options = {}) =>
  call('POST', `/api/agents/${name}/heartbeat`, body, options);
const look = (name: string, options: Options = {}) => call('GET', `/api/agents/${name}/heartbeat`, undefined, options);
const section = ({ body }: Answer, type: string): Section =>
  ((body.work_items ?? []) as readonly Section[]).find((one) => one.type === type) ?? { type, count: 0, items: [] };
const idsOf = (answer: Answer, type: string) => section(answer, type).items.map(({ id }) => id as number);
/** The feed comes a moment later than the tasks and notifications that a command's answer waits for. */
const beatUntilUrgent = (name: string) =>
  eventually('the feed has the assignment', async () => {
    const answer = await beat(name);
    return section(answer, 'urgent_activities').count > 0 ? answer : undefined;
  });

describe('a beat', () => {
  it('right after a command answers with its effect, in the order of the contract', async () => {
    await createAgent('worker');
    expect((await beat('worker')).body).toMatchObject({ status: 'HEARTBEAT_OK', message: 'No work items found' });

    const task = await createTask({
      assigned_to: 'worker',
      priority: 'high',
      due_date: 4_000_000_000,
      metadata: { github_repo: 'acme/app', code_location: 'src/login.ts' },
    });
    const assigned = await beat('worker');
    expect(section(assigned, 'assigned_tasks')).toEqual({
      type: 'assigned_tasks',
      count: 1,
      items: [
        {
          id: task.id,
          title: 'Fix it',
          status: 'assigned',
          priority: 'high',
          due_date: 4_000_000_000,
          implementation_repo: 'acme/app',
          code_location: 'src/login.ts',
          ticket_ref: task.ticket_ref,
        },
      ],
    });
    expect(section(assigned, 'notifications').items).toEqual([
      expect.objectContaining({ type: 'assignment', created_at: expect.any(Number) }),
    ]);

    const comment = await call('POST', `/api/tasks/${task.id}/comments`, { content: `@worker ${'long '.repeat(40)}` });
    const mentioned = await beat('worker');
    expect(section(mentioned, 'mentions').items).toEqual([
      {
        id: expect.any(Number),
        comment_id: comment.body.comment.id,
        task_id: task.id,
        task_title: 'Fix it',
        author: 'admin of the test',
        content: `@worker ${'long '.repeat(40)}`.slice(0, 100),
        created_at: expect.any(Number),
      },
    ]);

    const all = await beatUntilUrgent('worker');
    expect((all.body.work_items as readonly Section[]).map(({ type, count }) => [type, count])).toEqual([
      ['mentions', 1],
      ['assigned_tasks', 1],
      ['notifications', 1],
      ['urgent_activities', 1],
    ]);
    expect(all.body).toMatchObject({
      status: 'WORK_ITEMS_FOUND',
      agent: 'worker',
      total_items: 4,
      acknowledged: 0,
      connection_status: 'none',
      asOfPosition: expect.stringMatching(POSITION),
    });
    expect(section(all, 'urgent_activities').items[0]).toMatchObject({ type: 'task_created' });
  });

  it('tells nobody of work that was deleted', async () => {
    await createAgent('relieved');
    const task = await createTask({ assigned_to: 'relieved', priority: 'high' });
    await beatUntilUrgent('relieved');
    expect((await call('DELETE', `/api/tasks/${task.id}`)).status).toBe(200);
    const left = await eventually('the feed has the deletion', async () => {
      const answer = await beat('relieved');
      return section(answer, 'urgent_activities').count === 0 ? answer : undefined;
    });
    expect(section(left, 'assigned_tasks').count).toBe(0);
    expect(section(await look('relieved'), 'urgent_activities').count).toBe(0);
  });

  it('lists the most urgent tasks first, then by due date with none last, then the oldest', async () => {
    await createAgent('planner');
    const wanted = [
      { priority: 'low' },
      { priority: 'critical' },
      { priority: 'medium' },
      { priority: 'medium', due_date: 2_000_000_000 },
      { priority: 'medium' },
      { priority: 'high' },
      { priority: 'medium', due_date: 1_900_000_000 },
    ];
    const ids: number[] = [];
    for (const fields of wanted) ids.push((await createTask({ ...fields, assigned_to: 'planner' })).id);
    expect(idsOf(await beat('planner'), 'assigned_tasks')).toEqual([1, 5, 6, 3, 2, 4, 0].map((index) => ids[index]));
    for (let more = 0; more < 5; more++) await createTask({ assigned_to: 'planner', priority: 'low' });
    const { count, items } = section(await beat('planner'), 'assigned_tasks');
    expect([count, items.length]).toEqual([12, 10]);
  });

  it('never repeats what was acknowledged, and counts only what it newly acknowledged', async () => {
    await createAgent('listener');
    await createAgent('bystander');
    const { id } = await createTask({ assigned_to: 'listener' });
    await call('POST', `/api/tasks/${id}/comments`, { content: 'hello @listener' });
    await call('POST', `/api/tasks/${id}/comments`, { content: 'hello @bystander' });
    const before = await beat('listener');
    const [mention] = idsOf(before, 'mentions');
    const notifications = idsOf(before, 'notifications');
    expect(notifications.length).toBeGreaterThan(0);
    const [foreign] = idsOf(await beat('bystander'), 'mentions');

    const acked = await beat('listener', { ack: [mention, foreign, 999_999] });
    expect(acked.body.acknowledged).toBe(1);
    expect(idsOf(acked, 'mentions')).toEqual([]);
    expect(idsOf(acked, 'notifications')).toEqual(notifications);
    const again = await beat('listener', { ack: [mention, ...notifications] });
    expect(again.body.acknowledged).toBe(notifications.length);
    expect(idsOf(again, 'notifications')).toEqual([]);
    for (const replica of [0, 1]) {
      const later = await eventually('this process has followed', async () => {
        const answer = await beat('listener', {}, { replica });
        return idsOf(answer, 'mentions').length + idsOf(answer, 'notifications').length === 0 ? answer : undefined;
      });
      expect(section(later, 'assigned_tasks').count).toBe(1);
    }
    expect(idsOf(await beat('bystander'), 'mentions')).toEqual([foreign]);

    const inbox = await application.read('/api/notifications?recipient=listener', again.headers);
    expect(inbox.body.unreadCount).toBe(0);
    expect(inbox.body.notifications).toEqual(
      inbox.body.notifications.map(() =>
        expect.objectContaining({ read_at: expect.any(Number), delivered_at: expect.any(Number) }),
      ),
    );
  });

  it('is answered alike by every process, and true up to a position that grows', async () => {
    await createAgent('roamer');
    const { id } = await createTask({ assigned_to: 'roamer' });
    const positions: string[] = [];
    for (let round = 0; round < 4; round++) {
      const answer = await eventually('the process knows the task', async () => {
        const one = await beat('roamer', {}, { replica: round % 2 });
        return idsOf(one, 'assigned_tasks')[0] === id ? one : undefined;
      });
      if (round % 2 === 0) positions.push(answer.body.asOfPosition as string);
    }
    expect(positions).toEqual(positions.toSorted());
  });

  it('shows a task no more when it is somebody else’s, done, or gone', async () => {
    await createAgent('giver');
    const ids: number[] = [];
    for (let index = 0; index < 4; index++) ids.push((await createTask({ assigned_to: 'giver' })).id);
    expect(idsOf(await beat('giver'), 'assigned_tasks')).toEqual(ids);
    await call('PUT', `/api/tasks/${ids[0]}`, { assigned_to: 'somebody' });
    await call('PUT', `/api/tasks/${ids[1]}`, { status: 'review' });
    await call('DELETE', `/api/tasks/${ids[2]}`);
    expect(idsOf(await beat('giver'), 'assigned_tasks')).toEqual([ids[3]]);
  });

  it('goes with the agent to its new name, together with what waits for that name', async () => {
    const id = await createAgent('before');
    const own = await createTask({ assigned_to: 'before' });
    const waiting = await createTask({ assigned_to: 'after' });
    expect(idsOf(await beat('before'), 'assigned_tasks')).toEqual([own.id]);
    await call('PUT', `/api/agents/${id}`, { name: 'after' });
    const renamed = await beat('after');
    expect(renamed.body.agent).toBe('after');
    expect(idsOf(renamed, 'assigned_tasks')).toEqual([own.id, waiting.id]);
    // Else it would be anybody's once its agent is gone.
    await call('PUT', `/api/tasks/${own.id}`, { status: 'review' });
    await call('DELETE', `/api/agents/${id}`);
    expect((await beat('after')).status).toBe(404);
    expect((await look('after')).status).toBe(404);
    await createAgent('after');
    expect(idsOf(await beat('after'), 'assigned_tasks')).toEqual([waiting.id]);
  });

  it('renews the leases of the agent, and says until when they last', async () => {
    await createAgent('holder');
    const { id } = await createTask({ assigned_to: 'holder' });
    const claimed = await call('GET', '/api/tasks/queue?agent=holder');
    expect(claimed.body).toMatchObject({ reason: 'assigned', task: { id } });
    const { body, ...rest } = await beat('holder');
    const [task] = section({ body, ...rest }, 'assigned_tasks').items;
    expect(task).toMatchObject({ id, status: 'in_progress', lease_expires_at: body.checked_at + 900 });
    expect(task?.['lease_expires_at']).toBeGreaterThanOrEqual(claimed.body.lease_expires_at);

    await call('PUT', `/api/tasks/${id}`, { status: 'assigned' });
    const [given] = section(await beat('holder'), 'assigned_tasks').items;
    expect(given).toMatchObject({ id, status: 'assigned' });
    expect(given).not.toHaveProperty('lease_expires_at');
  });

  it('of an agent’s own key reaches that agent only', async () => {
    const id = await createAgent('keyed');
    await createAgent('other');
    const { id: taskId } = await createTask({ assigned_to: 'keyed' });
    const issued = await call('POST', `/api/agents/${id}/keys`, { scopes: ['agent:heartbeat'] });
    const key = issued.body.api_key as string;
    expect(idsOf(await beat('keyed', {}, { key }), 'assigned_tasks')).toEqual([taskId]);
    expect(idsOf(await look('keyed', { key }), 'assigned_tasks')).toEqual([taskId]);
    for (const answer of [await beat('other', {}, { key }), await look('other', { key })]) {
      expect(answer).toMatchObject({
        status: 403,
        body: { error: 'Access denied: agent key may only access its own agent.' },
      });
    }
  });
});

describe('a look', () => {
  it('answers as a beat does and changes nothing', async () => {
    await createAgent('watched');
    const { id } = await createTask({ assigned_to: 'watched' });
    await beatUntilUrgent('watched');
    const before = (await application.log()).length;
    const seen = await look('watched', { key: testKeys.viewer });
    expect(seen).toMatchObject({ status: 200, body: { status: 'WORK_ITEMS_FOUND', total_items: 3 } });
    expect(idsOf(seen, 'assigned_tasks')).toEqual([id]);
    expect(seen.body).not.toHaveProperty('token_recorded');
    expect(seen.body.asOfPosition).toMatch(POSITION);
    expect(seen.headers.get('x-mc-position')).toMatch(POSITION);
    expect(await look('watched')).toMatchObject({ body: { work_items: seen.body.work_items } });
    expect((await application.log()).length).toBe(before);
  });
});
