import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NotificationCommands } from '../../src/notifications/notifications.commands.js';
import { systemContext } from '../../src/platform/command/command-context.js';
import { type Answer, type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { keyHeader, testKeys } from '../support/http-app.js';
import { openStream } from '../support/sse-client.js';

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

async function agent(name: string): Promise<number> {
  const { body } = await call('POST', '/api/agents', { name, role: 'dev' });
  return body.agent.id as number;
}

async function agentKey(id: number, scopes: readonly string[]): Promise<string> {
  const { body } = await call('POST', `/api/agents/${id}/keys`, { scopes }, { key: testKeys.admin });
  return body.api_key as string;
}

async function task(fields: object): Promise<{ readonly id: number; readonly answer: Answer }> {
  const answer = await call('POST', '/api/tasks', { title: 'Fix the build', ...fields });
  expect(answer.status).toBe(201);
  return { id: answer.body.task.id as number, answer };
}

const inbox = async (recipient: string, more = '') =>
  (await call('GET', `/api/notifications?recipient=${encodeURIComponent(recipient)}${more}`)).body;
const typesOf = async (recipient: string) =>
  (await inbox(recipient)).notifications.map(({ type }: { readonly type: string }) => type);

/** How often each cause was told to each recipient. */
async function raised(recipient: string): Promise<readonly string[]> {
  const events = (await application.log()).filter(({ type }) => type === 'NotificationRaised');
  return events.flatMap(({ data, metadata }) =>
    'recipient' in data && data.recipient === recipient ? [metadata.causationId] : [],
  );
}

describe('a notification', () => {
  it('is there when the command that caused it is answered, with its source as it is', async () => {
    const id = await agent('first');
    const { id: taskId, answer } = await task({ assigned_to: 'first' });
    expect(answer.headers.get('x-mc-consistency')).toBeNull();
    expect(await inbox('first')).toEqual({
      notifications: [
        {
          id: expect.any(Number),
          recipient: 'first',
          type: 'assignment',
          title: 'Task assigned',
          message: 'admin of the test assigned "Fix the build" to you',
          source_type: 'task',
          source_id: taskId,
          read_at: null,
          delivered_at: null,
          created_at: expect.any(Number),
          workspace_id: 1,
          source: { type: 'task', id: taskId, title: 'Fix the build', status: 'assigned' },
        },
      ],
      total: 1,
      page: 1,
      limit: 50,
      unreadCount: 1,
    });
    const log = await application.log();
    const cause = log.find(({ type, data }) => type === 'TaskCreated' && JSON.stringify(data).includes('"first"'));
    const told = log.find(
      ({ type, data }) => type === 'NotificationRaised' && JSON.stringify(data).includes('"first"'),
    );
    expect(told?.metadata).toMatchObject({
      causationId: cause?.id,
      correlationId: cause?.metadata.correlationId,
      actor: { kind: 'system', name: 'notifications' },
    });
    expect(told?.data).toMatchObject({ recipientAgentId: id });
  });

  it('is raised for assignments, mentions, comments, status changes, reviews and broadcasts, once each', async () => {
    await agent('worker');
    await agent('watcher');
    const { id } = await task({ assigned_to: 'worker', description: 'with @watcher' });
    await call('POST', `/api/tasks/${id}/comments`, { content: 'look here, @worker' });
    await call('POST', `/api/tasks/${id}/comments`, { content: 'nobody in particular' });
    await call('PUT', `/api/tasks/${id}`, { status: 'review' });
    await call('POST', '/api/quality-review', { taskId: id, status: 'rejected', notes: 'no tests' });
    await call('PUT', '/api/tasks', { tasks: [{ id, status: 'review' }] });
    await call('POST', `/api/tasks/${id}/broadcast`, { message: 'stand up' });
    expect(await typesOf('worker')).toEqual([
      'message',
      'status_change',
      'status_change',
      'status_change',
      'comment',
      'mention',
      'assignment',
    ]);
    expect((await typesOf('watcher')).toReversed().slice(0, 1)).toEqual(['mention']);
    for (const name of ['worker', 'watcher']) {
      const causes = await raised(name);
      expect(new Set(causes).size).toBe(causes.length);
    }
    const filtered = await inbox('worker', '&type=status_change&limit=2&offset=2');
    expect(filtered).toMatchObject({ total: 3, page: 2, limit: 2, unreadCount: 7 });
    expect(filtered.notifications).toHaveLength(1);
  });

  it('is told to listeners, and not raised for what the agent did itself', async () => {
    const id = await agent('itself');
    const key = await agentKey(id, ['operator']);
    const stream = await openStream(`${application.urls[0]}/api/events?agent=itself&types=notification`, {
      headers: keyHeader(testKeys.viewer),
    });
    const { id: taskId } = await task({ assigned_to: 'itself' });
    const own = await call('POST', `/api/tasks/${taskId}/comments`, { content: 'on it, @itself' }, { key });
    expect(own.status).toBe(201);
    await call('PUT', `/api/tasks/${taskId}`, { status: 'in_progress' }, { key });
    await call('PUT', `/api/tasks/${taskId}`, { status: 'review' });
    await stream.received(2);
    stream.cut();
    const frames = stream.facts.map(({ data }) => JSON.parse(data) as { type: string; data: Record<string, unknown> });
    expect(frames).toMatchObject([
      { type: 'notification.created', data: { recipient: 'itself', type: 'assignment', source_id: taskId } },
      { type: 'notification.created', data: { recipient: 'itself', type: 'status_change', workspace_id: 1 } },
    ]);
    expect(await typesOf('itself')).toEqual(['status_change', 'assignment']);
  });

  it('waits for an agent that is not there yet, and belongs to nobody of the same name later', async () => {
    await task({ assigned_to: 'to-come' });
    expect(await typesOf('to-come')).toEqual(['assignment']);
    const first = await agent('to-come');
    await task({ assigned_to: 'to-come' });
    expect(await typesOf('to-come')).toEqual(['assignment', 'assignment']);
    await call('PUT', `/api/agents/${first}`, { name: 'renamed' });
    expect(await typesOf('renamed')).toEqual(['assignment']);
    await agent('to-come');
    // What nobody owned is whoever's that has the name; the rest went with its agent.
    expect(await typesOf('to-come')).toEqual(['assignment']);
  });

  it('of a deleted task has no source any more', async () => {
    const { id } = await task({ assigned_to: 'sourceless' });
    await call('DELETE', `/api/tasks/${id}`);
    expect((await inbox('sourceless')).notifications).toMatchObject([{ type: 'assignment', source: null }]);
  });
});

describe('a notification that nobody raises', () => {
  it('is not waited for longer than the bound, nor by who does not want to, and comes when somebody raises it', async () => {
    const alone = await startApplication({ config: { roles: ['api', 'projector'] } });
    const create = (headers: Readonly<Record<string, string>> = {}) =>
      alone.call('POST', '/api/tasks', { body: { title: 'Later', assigned_to: 'later' }, headers });
    const total = async () => (await alone.call('GET', '/api/notifications?recipient=later')).body.total as number;
    try {
      const answer = await create();
      expect([answer.status, answer.headers.get('x-mc-consistency')]).toEqual([201, 'eventual']);
      const hurried = await create({ prefer: 'respond-async' });
      expect([hurried.status, hurried.headers.get('preference-applied')]).toEqual([201, 'respond-async']);
      expect(await total()).toBe(0);
      const helper = await startApplication({ on: alone, config: { roles: ['api', 'reactors'] } });
      await eventually('both notifications', async () => (await total()) === 2);
      await helper.close();
    } finally {
      await alone.close();
    }
  });
});

describe('marking notifications', () => {
  async function three(recipient: string): Promise<readonly number[]> {
    for (let count = 0; count < 3; count += 1) await task({ assigned_to: recipient });
    return (await inbox(recipient)).notifications.map(({ id }: { readonly id: number }) => id);
  }
  const put = (body: unknown, options: Options = {}) => call('PUT', '/api/notifications', body, options);
  const marks = async () =>
    (await application.log()).filter(({ stream }) => stream.startsWith('inbox-')).map(({ type }) => type);

  it('as read is seen at once, by id and all together, and done once', async () => {
    const [newest, ...others] = await three('reader');
    expect((await put({ ids: [newest, 999_999] })).body).toEqual({ success: true, markedAsRead: 1 });
    expect(await inbox('reader')).toMatchObject({ unreadCount: 2, total: 3 });
    expect(
      (await inbox('reader', '&unread_only=1')).notifications.map(({ id }: { readonly id: number }) => id),
    ).toEqual(others);
    const [read] = (await inbox('reader')).notifications;
    expect(read).toMatchObject({ read_at: expect.any(Number), delivered_at: expect.any(Number) });
    expect((await put({ recipient: 'reader', markAllRead: true })).body).toEqual({ success: true, markedAsRead: 2 });
    const before = await marks();
    expect((await put({ recipient: 'reader', markAllRead: true })).body).toEqual({ success: true, markedAsRead: 0 });
    expect((await put({ ids: [newest] })).body).toEqual({ success: true, markedAsRead: 0 });
    expect(await marks()).toEqual(before);
    expect(await inbox('reader')).toMatchObject({ unreadCount: 0, total: 3 });
  });

  it('as delivered hands them out once, oldest first', async () => {
    const ids = await three('taker');
    const take = () => call('POST', '/api/notifications', { action: 'mark-delivered', agent: 'taker' });
    const { status, body } = await take();
    expect([status, body.success, body.delivered]).toEqual([200, true, 3]);
    expect(body.notifications.map(({ id }: { readonly id: number }) => id)).toEqual(ids.toReversed());
    expect((await take()).body).toEqual({ success: true, delivered: 0, notifications: [] });
    expect(await inbox('taker')).toMatchObject({ unreadCount: 3 });
    const repeat = { headers: { 'idempotency-key': 'take-once' } };
    await task({ assigned_to: 'taker' });
    const first = await call('POST', '/api/notifications', { action: 'mark-delivered', agent: 'taker' }, repeat);
    const again = await call('POST', '/api/notifications', { action: 'mark-delivered', agent: 'taker' }, repeat);
    expect(first.body.delivered).toBe(1);
    expect(again.body).toEqual(first.body);
  });

  it('as deleted is for admins, by id or by age, and leaves that they were raised', async () => {
    const [one] = await three('deleted');
    const remove = (body: unknown, key: string = testKeys.admin) => call('DELETE', '/api/notifications', body, { key });
    expect((await remove({ ids: [one] }, testKeys.operator)).status).toBe(403);
    expect((await remove({ ids: [one, 999_999] })).body).toEqual({ success: true, deleted: 1 });
    expect(await inbox('deleted')).toMatchObject({ total: 2, unreadCount: 2 });
    expect((await remove({ recipient: 'deleted', olderThan: 1 })).body).toEqual({ success: true, deleted: 0 });
    const soon = Math.floor(Date.now() / 1_000) + 10;
    expect((await remove({ recipient: 'deleted', olderThan: soon })).body).toEqual({ success: true, deleted: 2 });
    expect(await inbox('deleted')).toEqual({ notifications: [], total: 0, page: 1, limit: 50, unreadCount: 0 });
    expect(await raised('deleted')).toHaveLength(3);
  });

  it('several times at once marks each once', async () => {
    const ids = await three('crowded');
    const at = <T>(count: number, once: () => Promise<T>) => Promise.all(Array.from({ length: count }, once));
    const sum = (answers: readonly Answer[], field: string) =>
      answers.reduce((total, { status, body }) => (status === 200 ? total + Number(body[field]) : NaN), 0);

    const taken = await at(6, () => call('POST', '/api/notifications', { action: 'mark-delivered', agent: 'crowded' }));
    expect(sum(taken, 'delivered')).toBe(3);
    const handedOut = taken.flatMap(({ body }) => body.notifications.map(({ id }: { readonly id: number }) => id));
    expect(new Set(handedOut)).toEqual(new Set(ids));
    expect(handedOut).toHaveLength(ids.length);
    const before = await marks();
    expect(sum(await at(6, () => put({ ids })), 'markedAsRead')).toBe(3);
    expect(await marks()).toHaveLength(before.length + 1);
    const remove = () => call('DELETE', '/api/notifications', { ids }, { key: testKeys.admin });
    expect(sum(await at(6, remove), 'deleted')).toBe(3);
    expect(await marks()).toHaveLength(before.length + 2);
  });

  it('by an agent acknowledges its own, and nothing else', async () => {
    const id = await agent('acker');
    const ids = await three('acker');
    const [foreign] = await three('not-acker');
    const commands = application.replicas[0]?.get<NotificationCommands>(NotificationCommands, { strict: false });
    const acknowledge = (given: readonly number[]) =>
      commands?.acknowledge(
        systemContext('test', 1, `ack ${given.join()}`, 'ack', new Date()),
        { agentId: id, name: 'acker' },
        given,
      );
    const before = await marks();
    expect(await acknowledge([foreign ?? 0, 999_999])).toMatchObject({ count: 0, position: undefined });
    expect(await marks()).toEqual(before);
    const done = await acknowledge([...ids, ...ids, foreign ?? 0]);
    expect(done).toMatchObject({ count: 3, position: expect.anything() });
    const after = await call('GET', `/api/notifications?recipient=acker`);
    expect(after.status).toBe(200);
    expect(await marks()).toHaveLength(before.length + 1);
  });

  it.each([
    ['GET', '/api/notifications', undefined, 'Recipient is required'],
    ['GET', '/api/notifications?recipient=', undefined, 'Recipient is required'],
    ['GET', '/api/notifications?recipient=a&recipient=b', undefined, 'Invalid recipient. Expected one name.'],
    ['GET', '/api/notifications?recipient=a&limit=0', undefined, 'Invalid limit. Expected an integer of 1 or more.'],
    ['GET', '/api/notifications?recipient=a&type=x', undefined, expect.stringContaining('Invalid type')],
    ['GET', '/api/notifications?recipient=a&unread_only=yes', undefined, expect.stringContaining('unread_only')],
    ['PUT', '/api/notifications', {}, 'Validation failed'],
    ['PUT', '/api/notifications', [], 'Validation failed'],
    ['PUT', '/api/notifications', { ids: [] }, 'Validation failed'],
    ['PUT', '/api/notifications', { ids: [1.5] }, 'Validation failed'],
    ['PUT', '/api/notifications', { ids: ['1'] }, 'Validation failed'],
    ['PUT', '/api/notifications', { ids: Array.from({ length: 501 }, (_, i) => i + 1) }, 'Validation failed'],
    ['PUT', '/api/notifications', { markAllRead: true }, 'Recipient is required'],
    ['PUT', '/api/notifications', { recipient: 7, markAllRead: true }, 'Validation failed'],
    ['PUT', '/api/notifications', { recipient: 'a', markAllRead: 'yes' }, 'Validation failed'],
    ['POST', '/api/notifications', { action: 'explode', agent: 'a' }, 'Validation failed'],
    ['POST', '/api/notifications', { action: 'mark-delivered' }, 'Agent is required'],
    ['POST', '/api/notifications', { action: 'mark-delivered', agent: 5 }, 'Validation failed'],
    ['POST', '/api/notifications', { action: 'mark-delivered', agent: 'a:b' }, 'Validation failed'],
    ['DELETE', '/api/notifications', { recipient: 'a' }, 'Validation failed'],
    ['DELETE', '/api/notifications', { recipient: 'a', olderThan: -1 }, 'Validation failed'],
    ['DELETE', '/api/notifications', { recipient: 'a', olderThan: 1e300 }, 'Validation failed'],
    ['DELETE', '/api/notifications', undefined, 'Invalid request body'],
    ['GET', '/api/activities?type=DROP', undefined, expect.stringContaining('Invalid type')],
    ['GET', '/api/activities?since=yesterday', undefined, expect.stringContaining('Invalid since')],
    ['GET', '/api/activities?stats&hours=0', undefined, expect.stringContaining('Invalid hours')],
    ['GET', '/api/mentions?type=robot', undefined, expect.stringContaining('Invalid type')],
    ['GET', `/api/mentions?q=${'x'.repeat(101)}`, undefined, expect.stringContaining('Invalid q')],
  ])('%s %s with %j is 400', async (method, path, body, error) => {
    expect(await call(method, path, body, { key: testKeys.admin })).toMatchObject({ status: 400, body: { error } });
  });
});

describe('the key of an agent', () => {
  it('reads and acknowledges its own notifications with the scope for it, and reaches no others', async () => {
    const id = await agent('confined');
    const messages = await agentKey(id, ['agent:messages']);
    const self = await agentKey(id, ['agent:self']);
    await task({ assigned_to: 'confined' });
    await task({ assigned_to: 'somebody-else' });
    const [foreign] = (await inbox('somebody-else')).notifications;
    const get = (recipient: string, key: string) =>
      call('GET', `/api/notifications?recipient=${recipient}`, undefined, { key });
    const denied = { status: 403, body: { error: 'Access denied: agent key may only access its own agent.' } };
    for (const key of [messages, self]) {
      expect(await get('confined', key)).toMatchObject({ status: 200, body: { total: 1, unreadCount: 1 } });
      for (const other of ['somebody-else', 'nobody-at-all']) expect(await get(other, key)).toMatchObject(denied);
    }
    const put = (body: unknown, key: string) => call('PUT', '/api/notifications', body, { key });
    expect(await put({ ids: [1] }, self)).toMatchObject({
      status: 403,
      body: { error: 'Requires scope agent:messages' },
    });
    expect((await put({ ids: [foreign.id] }, messages)).body).toEqual({ success: true, markedAsRead: 0 });
    expect(await put({ recipient: 'somebody-else', markAllRead: true }, messages)).toMatchObject(denied);
    const deliver = { action: 'mark-delivered', agent: 'somebody-else' };
    expect(await call('POST', '/api/notifications', deliver, { key: messages })).toMatchObject(denied);
    expect(await inbox('somebody-else')).toMatchObject({ unreadCount: 1 });
    expect((await put({ recipient: 'confined', markAllRead: true }, messages)).body).toMatchObject({ markedAsRead: 1 });
    expect(await inbox('confined')).toMatchObject({ unreadCount: 0 });
  });

  it('sees what its agent did and what was done to it, and only its agent to mention', async () => {
    const id = await agent('seen');
    const key = await agentKey(id, ['agent:self', 'viewer']);
    const { id: own } = await task({ assigned_to: 'seen' });
    const { id: other } = await task({ assigned_to: 'unseen' });
    const { body } = await call('GET', '/api/activities?type=task_created', undefined, { key });
    const tasks = body.activities.map(({ entity_id }: { readonly entity_id: number }) => entity_id);
    expect(tasks).toEqual([own]);
    expect(tasks).not.toContain(other);
    const mentions = await call('GET', '/api/mentions?q=', undefined, { key });
    expect(mentions.body.mentions).toEqual([
      { handle: 'seen', recipient: 'seen', type: 'agent', display: 'seen', role: 'dev' },
    ]);
  });
});

describe('the feed of activities', () => {
  it('has an entry for every public fact of a task, with what it is about', async () => {
    const id = await agent('feeder');
    const { id: taskId, answer } = await task({ title: 'Feed me' });
    await call('PUT', `/api/tasks/${taskId}`, { assigned_to: 'feeder' });
    const comment = await call('POST', `/api/tasks/${taskId}/comments`, { content: 'hungry' });
    const last = await call('PUT', `/api/tasks/${taskId}`, { status: 'review' });
    const of = async (filter: string) => (await application.read(`/api/activities?${filter}`, last.headers)).body;
    const { activities } = await of('entity_type=task&limit=3');
    expect(activities).toMatchObject([
      { type: 'task_updated', entity_id: taskId, data: { changes: ['status'], previous_status: 'assigned' } },
      { type: 'task_assigned', entity_id: taskId, description: expect.stringContaining('"Feed me" to feeder') },
      {
        type: 'task_created',
        entity_id: taskId,
        actor: 'admin of the test',
        created_at: answer.body.task.created_at,
        workspace_id: 1,
        entity: { type: 'task', id: taskId, title: 'Feed me', status: 'review' },
      },
    ]);
    expect((await of('type=comment_added&limit=1')).activities).toMatchObject([
      {
        entity_type: 'comment',
        entity_id: comment.body.comment.id,
        entity: { type: 'comment', task_id: taskId, task_title: 'Feed me', content_preview: 'hungry' },
      },
    ]);
    expect((await of('type=agent_created,agent_updated&limit=1')).activities).toMatchObject([
      { type: 'agent_created', entity: { type: 'agent', id, name: 'feeder', role: 'dev' } },
    ]);
  });

  it('is paged, says whether there is more, and gives figures', async () => {
    const { headers } = await call('POST', '/api/agents', { name: 'figures', role: 'dev' });
    const page = (await application.read('/api/activities?limit=2', headers)).body;
    expect(page).toMatchObject({ hasMore: true });
    expect(page.activities).toHaveLength(2);
    const rest = (await call('GET', `/api/activities?limit=500&offset=${page.total - 1}`)).body;
    expect([rest.activities.length, rest.hasMore]).toEqual([1, false]);
    const { body } = await call('GET', '/api/activities?stats&hours=1');
    expect(body.timeframe).toBe('1 hours');
    const counted = body.activityByType.reduce((sum: number, { count }: { readonly count: number }) => sum + count, 0);
    expect(counted).toBe(page.total);
    expect(body.topActors[0]).toEqual({ actor: 'admin of the test', activity_count: expect.any(Number) });
    expect(body.timeline.at(-1)).toEqual({
      timestamp: expect.any(Number),
      count: expect.any(Number),
      hour: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:00:00.000Z$/),
    });
  });

  it('shows facts about keys to admins only, and reports of usage to nobody', async () => {
    const id = await agent('keyed');
    await agentKey(id, ['agent:self']);
    const usage = { model: 'm', sessionId: 'keyed:cli', inputTokens: 1, outputTokens: 1 };
    const { headers } = await call('POST', '/api/tokens', usage);
    await application.read('/api/activities', headers);
    const { body } = await call('GET', '/api/activities?type=key_issued', undefined, { key: testKeys.viewer });
    expect(body).toEqual({ activities: [], total: 0, hasMore: false });
    const seen = await call('GET', '/api/activities?type=key_issued&limit=1', undefined, { key: testKeys.admin });
    expect(seen.body.activities).toMatchObject([{ entity_type: 'key', description: expect.stringContaining('keyed') }]);
    const { activities } = (await call('GET', '/api/activities?limit=500')).body;
    expect(activities.some(({ type }: { readonly type: string }) => type.startsWith('token'))).toBe(false);
  });
});

describe('who can be mentioned', () => {
  it('is found by part of the name or of the handle', async () => {
    await agent('Mention Me');
    const { headers } = await call('POST', '/api/agents', { name: 'mention-me-too', role: 'dev' });
    const { body } = await application.read('/api/mentions?q=@mention-me&limit=1', headers);
    expect(body).toEqual({
      mentions: [{ handle: 'mention-me', recipient: 'Mention Me', type: 'agent', display: 'Mention Me', role: 'dev' }],
      total: 2,
      q: 'mention-me',
    });
    expect((await call('GET', '/api/mentions?type=user')).body).toEqual({ mentions: [], total: 0, q: '' });
  });
});
