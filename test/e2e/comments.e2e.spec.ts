import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
  for (const name of ['bob', 'eve', 'Build Bot', 'build.bot']) {
    await application.call('POST', '/api/agents', { body: { name, role: 'dev' } });
  }
});

afterAll(async () => {
  await application.close();
});

type Task = ReturnType<typeof JSON.parse>;
const call = (method: string, path: string, body?: unknown, key: string = testKeys.admin) =>
  application.call(method, path, { key, ...(body === undefined ? {} : { body }) });
const created = async (more: object = {}): Promise<Task> =>
  (await call('POST', '/api/tasks', { title: 'Fix login', ...more })).body.task;
const comment = (task: Task, content: unknown, more: object = {}) =>
  call('POST', `/api/tasks/${task.id}/comments`, { content, ...more });
const factsOf = async (task: Task) => (await application.log()).filter(({ stream }) => stream === `task-${task.id}`);

describe('a comment', () => {
  it('is shown with its replies nested, oldest first, whatever answered what', async () => {
    const task = await created();
    const first = await comment(task, 'first');
    expect(first.status).toBe(201);
    expect(first.body).toEqual({
      comment: {
        id: expect.any(Number),
        task_id: task.id,
        author: 'admin of the test',
        content: 'first',
        created_at: expect.any(Number),
        parent_id: null,
        mentions: [],
        workspace_id: 1,
        replies: [],
      },
    });
    const { id } = first.body.comment;
    const second = (await comment(task, 'second')).body.comment;
    const reply = (await comment(task, 'reply', { parent_id: id })).body.comment;
    const deeper = await comment(task, 'deeper', { parent_id: reply.id });
    const { body } = await application.read(`/api/tasks/${task.id}/comments`, deeper.headers);
    expect(body).toEqual({
      comments: [{ ...first.body.comment, replies: [{ ...reply, replies: [deeper.body.comment] }] }, second],
      total: 4,
    });
    const list = await application.read('/api/tasks?limit=1', deeper.headers);
    expect(list.body.tasks[0]).toMatchObject({ id: task.id, comment_count: 4 });
  });

  it('in a long chain of replies is shown however long the chain is', async () => {
    const task = await created();
    let parent: number | null = null;
    let headers: Headers | undefined;
    for (let depth = 0; depth < 40; depth += 1) {
      const answer = await comment(task, `at ${depth}`, { parent_id: parent });
      parent = answer.body.comment.id as number;
      ({ headers } = answer);
    }
    const { status, body } = await application.read(`/api/tasks/${task.id}/comments`, headers);
    expect([status, body.total]).toEqual([200, 40]);
    expect(JSON.stringify(body).match(/"content":/g)).toHaveLength(40);
  });

  it('answers a comment of its own task only', async () => {
    const [task, other] = [await created(), await created()];
    const foreign = (await comment(other, 'there')).body.comment.id as number;
    for (const parent_id of [foreign, 999_999]) {
      expect(await comment(task, 'x', { parent_id })).toMatchObject({
        status: 404,
        body: { error: 'Parent comment not found' },
      });
    }
    expect(await factsOf(task)).toHaveLength(1);
  });

  it('has 1 to 50,000 characters', async () => {
    const task = await created();
    expect(await comment(task, '🚀'.repeat(50_000))).toMatchObject({ status: 201 });
    for (const content of ['', 'x'.repeat(50_001), 5, null, undefined]) {
      expect(await comment(task, content)).toMatchObject({ status: 400, body: { error: 'Validation failed' } });
    }
    expect(await comment(task, 'x', { parent_id: 'a' })).toMatchObject({ status: 400 });
    expect(await call('POST', `/api/tasks/${task.id}/comments`, { content: 'x' }, testKeys.viewer)).toMatchObject({
      status: 403,
    });
  });

  it('assigns a task that nobody has to the first agent that it mentions', async () => {
    const task = await created();
    const { status, body, headers } = await comment(task, 'Please, @BUILD-BOT. And @eve!');
    expect([status, body.auto_assigned_to, body.comment.mentions]).toEqual([201, 'Build Bot', ['Build Bot', 'eve']]);
    const now = await application.read(`/api/tasks/${task.id}`, headers);
    expect(now.body.task).toMatchObject({ assigned_to: 'Build Bot', status: 'assigned', revision: 2 });
    const facts = await factsOf(task);
    expect(facts.map(({ type }) => type)).toEqual(['TaskCreated', 'CommentAdded', 'TaskChanged']);
    expect(facts[2]).toMatchObject({ data: { reason: 'mention', task: { assignedAgentId: 3 } } });
    const later = await comment(task, '@bob too');
    expect(later.body.auto_assigned_to).toBeUndefined();
  });

  it('may not mention whom there is not', async () => {
    const task = await created();
    const { status, body } = await comment(task, '@eve @x');
    expect([status, body]).toEqual([400, { error: 'Unknown mentions: @x', missing_mentions: ['x'] }]);
    expect(await comment(task, Array.from({ length: 51 }, (_, n) => `@a${n}`).join(' '))).toMatchObject({
      status: 400,
      body: { error: 'Too many mentions. Expected at most 50.' },
    });
    expect(await factsOf(task)).toHaveLength(1);
    expect(await comment(task, 'write to me@example.com')).toMatchObject({ status: 201 });
    expect(await comment(task, 'ask @build.bot.')).toMatchObject({ body: { comment: { mentions: ['build.bot'] } } });
  });

  it('names who else follows the task', async () => {
    const task = await created({ assigned_to: 'bob', description: 'see @eve' });
    await comment(task, 'hello @Build-Bot');
    const [, fact] = await factsOf(task);
    expect(fact?.data).toMatchObject({
      mentions: [{ name: 'Build Bot', agentId: 3 }],
      subscribers: [
        { name: 'bob', agentId: 1 },
        { name: 'eve', agentId: 2 },
      ],
    });
  });

  it('is made once per idempotency key', async () => {
    const task = await created();
    const options = { body: { content: 'once' }, headers: { 'idempotency-key': 'comment-once' } };
    const path = `/api/tasks/${task.id}/comments`;
    const first = await application.call('POST', path, options);
    const again = await application.call('POST', path, options);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    expect(await factsOf(task)).toHaveLength(2);
  });
});

describe('a broadcast', () => {
  it('goes to everybody who follows the task, and says who is there to hear it', async () => {
    await call('POST', '/api/connect', { tool_name: 't', agent_name: 'bob' });
    const task = await created({ assigned_to: 'bob', description: 'with @eve' });
    const { status, body } = await call('POST', `/api/tasks/${task.id}/broadcast`, { message: 'stop' });
    expect([status, body]).toEqual([200, { sent: 1, skipped: 1 }]);
    const [, fact] = await factsOf(task);
    expect(fact).toMatchObject({ type: 'TaskBroadcast', data: { recipients: [{ name: 'bob' }, { name: 'eve' }] } });
  });

  it('needs a message', async () => {
    const task = await created();
    for (const message of ['', null, undefined]) {
      const { status, body } = await call('POST', `/api/tasks/${task.id}/broadcast`, { message });
      expect([status, body]).toEqual([400, { error: 'Message is required' }]);
    }
    expect(await call('POST', `/api/tasks/${task.id}/broadcast`, { message: 5 })).toMatchObject({ status: 400 });
  });
});

describe('the order of facts and frames', () => {
  it('is the one that the contract lists: the task, then what was said, then who was told', async () => {
    const task = await created();
    const { headers } = await comment(task, 'for @bob');
    expect(headers.get('x-mc-consistency')).toBeNull();
    const ids = new Set((await factsOf(task)).map(({ metadata }) => metadata.correlationId));
    const facts = (await application.log()).filter(({ metadata }) => ids.has(metadata.correlationId));
    expect(facts.map(({ type }) => type).filter((type) => type !== 'NumbersAllocated')).toEqual([
      'TaskCreated',
      'CommentAdded',
      'TaskChanged',
      'NotificationRaised',
    ]);
  });
});
