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
/** Facts that commands record; reactors may still be busy with what came before. */
const recorded = async () =>
  (await application.log())
    .filter(({ stream }) => !/^(security|reactor|notification|keyuse|prices|budget)/.test(stream))
    .map(({ stream, type }) => `${stream} ${type}`);

type Task = ReturnType<typeof JSON.parse>;

async function created(more: object = {}): Promise<Task> {
  const { status, body } = await create(more);
  expect([status, body.error, body.details]).toEqual([201, undefined, undefined]);
  return body.task;
}

const change = (task: Task, body: object, headers: Record<string, string> = {}) =>
  call('PUT', `/api/tasks/${task.id}`, body, { headers });
const facts = async (task: Task) => (await application.log()).filter(({ stream }) => stream === `task-${task.id}`);
const factTypes = async (task: Task) => (await facts(task)).map(({ type }) => type);

describe('a new task', () => {
  it('has defaults, and its own page and the list show the same', async () => {
    const { status, body, headers } = await create();
    expect(status).toBe(201);
    expect(headers.get('etag')).toBe('"0"');
    expect(headers.get('x-mc-consistency')).toBeNull();
    expect(body.task).toEqual({
      id: expect.any(Number),
      title: 'Fix login',
      description: null,
      status: 'inbox',
      priority: 'medium',
      assigned_to: null,
      created_by: 'admin of the test',
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
      due_date: null,
      estimated_hours: null,
      actual_hours: null,
      tags: [],
      metadata: {},
      workspace_id: 1,
      project_id: expect.any(Number),
      project_ticket_no: expect.any(Number),
      project_name: 'General',
      project_prefix: 'TASK',
      ticket_ref: expect.stringMatching(/^TASK-\d{3,}$/),
      outcome: null,
      error_message: null,
      resolution: null,
      feedback_rating: null,
      feedback_notes: null,
      retry_count: 0,
      completed_at: null,
      dispatch_attempts: 0,
      revision: 0,
      lease_expires_at: null,
      gate: 'closed',
      gate_override: null,
      progress: null,
      last_state: null,
    });
    const one = await application.read(`/api/tasks/${body.task.id}`, headers);
    expect(one.body).toEqual(body);
    expect(one.headers.get('etag')).toBe('"0"');
    const list = await application.read('/api/tasks?limit=1', headers);
    const shown = { ...body.task, comment_count: 0 };
    expect(list.body).toEqual({ tasks: [shown], total: expect.any(Number), page: 1, limit: 1 });
  });

  it('has every field that was given, and nothing that only the server may say', async () => {
    const given = {
      title: 'All',
      description: 'For @bob, and @BUILD-BOT.',
      status: 'review',
      priority: 'critical',
      assigned_to: 'eve',
      due_date: 4_102_444_800,
      estimated_hours: 2.5,
      actual_hours: 10_000,
      tags: ['a', 'b'],
      metadata: { implementation_repo: 'acme/shop', nested: { list: [1, null] } },
      outcome: 'partial',
      error_message: 'e',
      resolution: 'r',
      feedback_rating: 5,
      feedback_notes: 'n',
      retry_count: 3,
      completed_at: 5,
    };
    const owned = { id: 999_999, created_by: 'x', workspace_id: 7, created_at: 1, revision: 9, gate: 'open', x: 1 };
    const task = await created({ ...given, ...owned });
    expect(task).toMatchObject({ ...given, created_by: 'admin of the test', workspace_id: 1, revision: 0 });
    expect(task.id).toBeLessThan(999_999);
    expect(task.gate).toBe('closed');
    const [fact] = await facts(task);
    expect(fact?.data).toMatchObject({
      task: { assignedAgentId: 2 },
      mentions: [{ name: 'bob' }, { name: 'Build Bot' }],
    });
  });

  it('with an assignee leaves the inbox, and the assignee need not exist', async () => {
    expect(await created({ assigned_to: ' bob ' })).toMatchObject({ status: 'assigned', assigned_to: 'bob' });
    expect(await created({ assigned_to: 'nobody yet' })).toMatchObject({ status: 'assigned' });
    for (const assigned_to of ['', null, '  ']) {
      expect(await created({ assigned_to })).toMatchObject({ status: 'inbox', assigned_to: null });
    }
  });

  it('created as done is an override of the gate, on record', async () => {
    const task = await created({ status: 'done' });
    expect(task).toMatchObject({
      status: 'done',
      gate: 'override',
      gate_override: { actor: 'admin of the test', at: expect.any(String) },
    });
    expect(task.completed_at).toBe(task.created_at);
  });

  it('of an unknown project is filed under general, with a warning', async () => {
    const { status, body } = await create({ project_id: 999_999 });
    expect(status).toBe(201);
    expect(body).toMatchObject({ task: { project_prefix: 'TASK' }, warnings: [expect.stringContaining('999999')] });
  });

  it('is numbered in its project', async () => {
    const project = (await call('POST', '/api/projects', { name: 'Shop', ticket_prefix: 'SHOP' })).body.project;
    const first = await created({ project_id: project.id });
    const second = await created({ project_id: project.id });
    expect([first.ticket_ref, second.ticket_ref]).toEqual(['SHOP-001', 'SHOP-002']);
    expect(first).toMatchObject({ project_name: 'Shop', project_id: project.id });
  });

  it('may not mention whom there is not', async () => {
    const before = await recorded();
    const { status, body } = await create({ description: '@bob, @nobody and @nobody. or @ghost' });
    expect(status).toBe(400);
    expect(body).toEqual({ error: 'Unknown mentions: @nobody, @ghost', missing_mentions: ['nobody', 'ghost'] });
    expect(await recorded()).toEqual(before);
  });

  it('is created once per idempotency key', async () => {
    const headers = { 'idempotency-key': 'create-once' };
    const first = await create({}, { headers });
    const again = await create({}, { headers });
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get('etag')).toBe('"0"');
    expect(await create({ title: 'other' }, { headers })).toMatchObject({ status: 409 });
  });

  it('is not for viewers', async () => {
    const before = await recorded();
    expect(await create({}, { key: testKeys.viewer })).toMatchObject({ status: 403 });
    expect(await recorded()).toEqual(before);
  });
});

describe('a task in the way of a path', () => {
  it('is 400 where the id is no positive integer, and 404 where there is none', async () => {
    for (const id of ['abc', '0', '-1', '1.5', '1e3', '9007199254740992', '99999999999999999999', '%20']) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const answer = await call(method, `/api/tasks/${id}`, method === 'PUT' ? {} : undefined);
        expect([id, answer.status, answer.body]).toEqual([id, 400, { error: 'Invalid task ID' }]);
      }
    }
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PUT', '', { title: 'x' }],
      ['DELETE', '', undefined],
      ['GET', '/comments', undefined],
      ['POST', '/comments', { content: 'x' }],
      ['POST', '/broadcast', { message: 'x' }],
      ['GET', '/history', undefined],
    ] as const) {
      const answer = await call(method, `/api/tasks/999999${path}`, body);
      expect([method, path, answer.status, answer.body]).toEqual([method, path, 404, { error: 'Task not found' }]);
    }
  });
});

describe('changing a task', () => {
  it('is one fact, says what changed and moves the revision', async () => {
    const task = await created();
    const { status, body, headers } = await change(task, { title: 'New', assigned_to: 'bob', tags: ['x'] });
    expect(status).toBe(200);
    expect(headers.get('etag')).toBe('"1"');
    expect(body.task).toMatchObject({ title: 'New', assigned_to: 'bob', status: 'assigned', revision: 1 });
    expect(body.unchanged).toBeUndefined();
    const [, fact, ...rest] = await facts(task);
    expect(rest).toEqual([]);
    expect(fact).toMatchObject({
      type: 'TaskChanged',
      data: {
        changes: ['assignedAgentId', 'assignedTo', 'status', 'tags', 'title'],
        previous: { title: 'Fix login', status: 'inbox', assignedTo: null, tags: [] },
      },
    });
  });

  it('that changes nothing is 200, unchanged and no fact', async () => {
    const task = await created({ metadata: { a: 1, b: 2 } });
    const before = await recorded();
    for (const same of [
      {},
      { title: 'Fix login' },
      { metadata: { b: 2, a: 1 } },
      { assigned_to: '' },
      { lease_id: null },
    ]) {
      const { status, body } = await change(task, same);
      expect([status, body]).toEqual([200, { task, unchanged: true }]);
    }
    expect(await recorded()).toEqual(before);
  });

  it('may move it anywhere but through the closed gate', async () => {
    const task = await created();
    const before = await factTypes(task);
    expect(await change(task, { status: 'done', title: 'New' })).toMatchObject({
      status: 403,
      body: { error: 'Aegis approval is required to move task to done.' },
    });
    expect(await factTypes(task)).toEqual(before);
    for (const status of ['failed', 'backlog', 'in_progress', 'quality_review', 'inbox']) {
      expect(await change(task, { status })).toMatchObject({ status: 200, body: { task: { status } } });
    }
  });

  it('to a project that there is not is refused', async () => {
    const task = await created();
    expect(await change(task, { project_id: 999_999 })).toMatchObject({
      status: 400,
      body: { error: 'Project not found or archived' },
    });
    const project = (await call('POST', '/api/projects', { name: 'Move', ticket_prefix: 'MOVE' })).body.project;
    const moved = await change(task, { project_id: project.id });
    expect(moved.body.task).toMatchObject({ ticket_ref: 'MOVE-001', project_name: 'Move' });
    expect((await change(task, { project_id: project.id })).body).toEqual({ task: moved.body.task, unchanged: true });
    expect((await change(task, { project_id: null })).body.task).toMatchObject({ project_prefix: 'TASK' });
  });

  it('on another revision is 412 with the task as it is, and changes nothing', async () => {
    const task = await created();
    await change(task, { title: 'Second' }, { 'if-match': '"0"' });
    const before = await recorded();
    for (const stale of ['"0"', '"7"', 'W/"1"', '"abc"', '"0", "5"']) {
      const { status, body, headers } = await change(task, { title: 'Third' }, { 'if-match': stale });
      expect([stale, status, body.error, body.current_revision]).toEqual([stale, 412, 'Task was changed', 1]);
      expect(body.task).toMatchObject({ title: 'Second', revision: 1 });
      expect(headers.get('etag')).toBe('"1"');
    }
    expect(await change(task, { title: 'Third' }, { 'if-match': 'a b' })).toMatchObject({ status: 400 });
    expect(await recorded()).toEqual(before);
    expect(await change(task, { title: 'Third' }, { 'if-match': '"1"' })).toMatchObject({ status: 200 });
    expect(await change(task, { title: 'Fourth' }, { 'if-match': '*' })).toMatchObject({ status: 200 });
    expect(await change({ id: 999_999 }, { title: 'x' }, { 'if-match': '"0"' })).toMatchObject({ status: 404 });
  });

  it('by many at once with one revision succeeds for one', async () => {
    const task = await created();
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) => change(task, { title: `by ${n}` }, { 'if-match': '"0"' })),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 15 }, () => 412)]);
  });

  it('that the caller knows already is not sent again', async () => {
    const task = await created();
    const path = `/api/tasks/${task.id}`;
    const known = await call('GET', path, undefined, { headers: { 'if-none-match': '"0"' } });
    expect([known.status, known.body, known.headers.get('etag')]).toEqual([304, '', '"0"']);
    expect(await call('GET', path, undefined, { headers: { 'if-none-match': '"1"' } })).toMatchObject({ status: 200 });
    await change(task, { title: 'New' });
    expect(await call('GET', path, undefined, { headers: { 'if-none-match': 'W/"0"' } })).toMatchObject({
      status: 200,
    });
  });
});

describe('deleting a task', () => {
  it('of another revision than the caller goes by is 412 with the task as it is, and deletes nothing', async () => {
    const task = await created();
    await change(task, { title: 'Second' });
    const path = `/api/tasks/${task.id}`;
    const stale = await call('DELETE', path, undefined, { headers: { 'if-match': '"0"' } });
    expect(stale).toMatchObject({ status: 412, body: { error: 'Task was changed', current_revision: 1 } });
    expect(await call('GET', path)).toMatchObject({ status: 200, body: { task: { title: 'Second' } } });
    const known = await call('DELETE', path, undefined, { headers: { 'if-match': '"1"' } });
    expect(known).toMatchObject({ status: 200, body: { success: true } });
  });

  it('takes it out of everything but its history', async () => {
    const task = await created({ title: 'To be deleted' });
    const path = `/api/tasks/${task.id}`;
    const deleted = await call('DELETE', path);
    expect([deleted.status, deleted.body]).toEqual([200, { success: true }]);
    for (const [method, at, body] of [
      ['GET', '', undefined],
      ['PUT', '', { title: 'x' }],
      ['DELETE', '', undefined],
      ['GET', '/comments', undefined],
      ['POST', '/comments', { content: 'x' }],
    ] as const) {
      expect(await call(method, `${path}${at}`, body)).toMatchObject({
        status: 404,
        body: { error: 'Task not found' },
      });
    }
    const { body } = await application.read('/api/tasks?limit=200', deleted.headers);
    expect(body.tasks.map(({ id }: Task) => id)).not.toContain(task.id);
    const history = await call('GET', `${path}/history`);
    expect(history.body.events.map(({ type }: { type: string }) => type)).toEqual(['TaskCreated', 'TaskDeleted']);
  });
});

describe('the list of tasks', () => {
  it('is filtered by status, priority, assignee and project, and paged', async () => {
    const project = (await call('POST', '/api/projects', { name: 'Listed', ticket_prefix: 'LIST' })).body.project;
    const more = { project_id: project.id, assigned_to: 'lister' };
    const one = await created({ ...more, priority: 'low' });
    const two = await created({ ...more, priority: 'high', status: 'review' });
    const other = await created({ project_id: project.id });
    const { headers } = await change(other, { title: 'touched' });
    const ids = async (query: string) => {
      const { status, body } = await application.read(`/api/tasks?${query}`, headers);
      expect([query, status]).toEqual([query, 200]);
      return [body.tasks.map(({ id }: Task) => id), body.total];
    };
    expect(await ids(`project_id=${project.id}`)).toEqual([[other.id, two.id, one.id], 3]);
    expect(await ids(`project_id=${project.id}&limit=1&offset=1`)).toEqual([[two.id], 3]);
    expect(await ids('assigned_to=lister')).toEqual([[two.id, one.id], 2]);
    expect(await ids(`project_id=${project.id}&priority=low`)).toEqual([[one.id], 1]);
    expect(await ids(`project_id=${project.id}&status=review&priority=high`)).toEqual([[two.id], 1]);
    expect(await ids('assigned_to=never-heard-of')).toEqual([[], 0]);
    const composed = await created({ assigned_to: ' Zoe\u0308 ' });
    for (const name of ['Zo\u00eb', 'Zoe\u0308', ' Zo\u00eb']) {
      const { body } = await application.read(`/api/tasks?assigned_to=${encodeURIComponent(name)}`);
      expect([name, body.tasks.map(({ id }: Task) => id)]).toEqual([name, [composed.id]]);
    }
  });

  it('refuses garbage', async () => {
    for (const query of ['limit=abc', 'limit=0', 'offset=-1', 'limit=', 'status=open', 'priority=x', 'project_id=a']) {
      expect([query, (await call('GET', `/api/tasks?${query}`)).status]).toEqual([query, 400]);
    }
  });
});

describe('setting the status of several tasks', () => {
  const setAll = (tasks: readonly object[]) => call('PUT', '/api/tasks', { tasks });

  it('counts those that there are, and each change is a fact', async () => {
    const [one, two] = [await created(), await created({ status: 'review' })];
    const { status, body, headers } = await setAll([
      { id: one.id, status: 'review' },
      { id: two.id, status: 'review' },
      { id: 999_999, status: 'review' },
    ]);
    expect([status, body]).toEqual([200, { success: true, updated: 2, skipped: [999_999] }]);
    expect(await factTypes(one)).toEqual(['TaskCreated', 'TaskStatusSet']);
    expect(await factTypes(two)).toEqual(['TaskCreated']);
    const list = await application.read('/api/tasks?limit=2', headers);
    expect(list.body.tasks.map((task: Task) => task.status)).toEqual(['review', 'review']);
  });

  it('changes none when the gate holds one of them back', async () => {
    const [one, two] = [await created(), await created()];
    const before = await recorded();
    const { status, body } = await setAll([
      { id: one.id, status: 'review' },
      { id: two.id, status: 'done' },
    ]);
    expect([status, body]).toEqual([403, { error: `Aegis approval required for task ${two.id}` }]);
    expect(await recorded()).toEqual(before);
  });

  it('takes 1 to 100', async () => {
    const item = { id: 1, status: 'inbox' };
    for (const tasks of [[], Array.from({ length: 101 }, () => item), [{ id: 1 }], [{ ...item, status: 'x' }], 5]) {
      expect(await call('PUT', '/api/tasks', { tasks })).toMatchObject({ status: 400 });
    }
    expect(await call('PUT', '/api/tasks', {})).toMatchObject({ status: 400 });
  });
});

describe('a usage report', () => {
  it('names a task that there is, and is warned about any other', async () => {
    const task = await created();
    const usage = { model: 'm', sessionId: 'bob:cli', inputTokens: 1, outputTokens: 1 };
    const known = await call('POST', '/api/tokens', { ...usage, taskId: task.id });
    expect(known).toMatchObject({ status: 200, body: { record: { taskId: task.id } } });
    expect(known.body.warnings).toBeUndefined();
    await call('DELETE', `/api/tasks/${task.id}`);
    const gone = await call('POST', '/api/tokens', { ...usage, taskId: String(task.id) });
    expect(gone).toMatchObject({ status: 200, body: { record: { taskId: null }, warnings: [expect.any(String)] } });
  });
});

describe('an agent’s key', () => {
  const denied = { error: 'Access denied: agent key may only access its own tasks.' };
  let key: string;

  beforeAll(async () => {
    const issued = await call('POST', '/api/agents/bob/keys', { scopes: ['agent:self', 'agent:tasks'] });
    expect(issued.status).toBe(201);
    key = issued.body.api_key;
  });

  it('reaches its own tasks only, on lists, reads and writes, and learns nothing about others', async () => {
    const own = await created({ assigned_to: 'bob' });
    const others = await created({ assigned_to: 'eve' });
    const unassigned = await created();
    const list = await call('GET', '/api/tasks?limit=200', undefined, { key });
    expect(list.status).toBe(200);
    expect(new Set(list.body.tasks.map((task: Task) => task.assigned_to))).toEqual(new Set(['bob']));
    expect(await call('GET', `/api/tasks/${own.id}`, undefined, { key })).toMatchObject({ status: 200 });
    const before = await recorded();
    for (const id of [others.id, unassigned.id, 999_999]) {
      for (const [method, path, body] of [
        ['GET', `/api/tasks/${id}`, undefined],
        ['PUT', `/api/tasks/${id}`, { title: 'mine' }],
        ['GET', `/api/tasks/${id}/comments`, undefined],
        ['POST', `/api/tasks/${id}/comments`, { content: 'mine' }],
        ['PUT', '/api/tasks', { tasks: [{ id, status: 'review' }] }],
      ] as const) {
        const answer = await call(method, path, body, { key });
        expect([method, path, answer.status, answer.body]).toEqual([method, path, 403, denied]);
      }
    }
    for (const more of [{}, { assigned_to: 'eve' }]) {
      expect(await create(more, { key })).toMatchObject({ status: 403, body: denied });
    }
    expect(await recorded()).toEqual(before);
  });

  it('writes as its agent', async () => {
    const { status, body } = await create({ assigned_to: 'bob' }, { key });
    expect([status, body.task?.created_by]).toEqual([201, 'bob']);
    const changed = await call('PUT', `/api/tasks/${body.task.id}`, { status: 'review' }, { key });
    expect(changed).toMatchObject({ status: 200 });
    const comment = await call('POST', `/api/tasks/${body.task.id}/comments`, { content: 'done' }, { key });
    expect(comment.body.comment).toMatchObject({ author: 'bob' });
  });
});

describe('with a coordinator', () => {
  it('tasks without an assignee are its own, and only those', async () => {
    const config = { coordinatorAgent: 'eve' };
    const { storeUrl, databaseUrl } = application;
    const other = await startApplication({ on: { storeUrl, databaseUrl }, config });
    try {
      const create = async (more: object) =>
        (await other.call('POST', '/api/tasks', { body: { title: 'x', ...more } })).body.task;
      expect(await create({})).toMatchObject({ assigned_to: 'eve', status: 'assigned' });
      expect(await create({ assigned_to: '' })).toMatchObject({ assigned_to: 'eve' });
      expect(await create({ assigned_to: 'bob' })).toMatchObject({ assigned_to: 'bob' });
    } finally {
      await other.close();
    }
  });
});
