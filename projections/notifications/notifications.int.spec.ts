import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { given } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { TaskHistory } from '../engine/testing/task-history.js';
import { tasks } from '../tasks/tasks.projection.js';
import { notifications } from './notifications.projection.js';
import { NotificationQueries } from './notifications.queries.js';

const bob = { recipient: 'bob', agentId: 2 };
const page = { limit: 50, offset: 0 };

describe('the notifications', () => {
  let database: TestDatabase;
  let queries: NotificationQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new NotificationQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const deliver = (events: readonly StoredEvent[]) => given(database.url, notifications).when(events).deliver();

  describe.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])('delivered twice, $batch at a time', ({ batch }) => {
    const log = logOf([
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((id) => raised(id)),
      raised(9, { recipient: 'nobody', recipientAgentId: null }),
      marked('NotificationsDelivered', [1, 2]),
      marked('NotificationsRead', [2, 3]),
      marked('NotificationsRead', [3, 4]),
      marked('NotificationsDeleted', [4, 5]),
      marked('NotificationsRead', [5]),
      marked('NotificationsDeleted', [4]),
      marked('NotificationsRead', [99]),
    ]);

    it('keep the first mark of each kind', async () => {
      const rows = await given(database.url, notifications)
        .when(log, { times: 2, batch })
        .rows(
          'notifications',
          'id, delivered_at is not null as d, read_at is not null as r, deleted_at is not null as x',
        );
      const row = (id: number, d: boolean, r: boolean, x: boolean) => ({ id: String(id), d, r, x });
      expect(rows).toEqual([
        row(1, true, false, false),
        row(2, true, true, false),
        row(3, true, true, false),
        row(4, true, true, true),
        row(5, true, true, true),
        row(6, false, false, false),
        row(7, false, false, false),
        row(8, false, false, false),
        row(9, false, false, false),
      ]);
    });

    it('count what there is and what is unread', async () => {
      const rows = await given(database.url, notifications)
        .when(log, { times: 2, batch })
        .rows('notification_counts', 'recipient_key, total, unread');
      expect(rows).toEqual([
        { recipient_key: 'agent:2', total: '6', unread: '4' },
        { recipient_key: 'name:nobody', total: '1', unread: '1' },
      ]);
    });
  });

  it('are listed newest first, by type and unread, in pages', async () => {
    await deliver(
      logOf([
        raised(1, { type: 'mention' }),
        raised(2),
        raised(3, { type: 'mention' }),
        marked('NotificationsRead', [3]),
      ]),
    );
    const idsOf = async (filter: Parameters<NotificationQueries['list']>[2], paging = page) => {
      const { rows, total, unread } = await queries.list(1, bob, filter, paging);
      return [rows.map(({ id }) => id), total, unread];
    };
    expect(await idsOf({})).toEqual([[3, 2, 1], 3, 2]);
    expect(await idsOf({ unreadOnly: true })).toEqual([[2, 1], 2, 2]);
    expect(await idsOf({ type: 'mention' })).toEqual([[3, 1], 2, 2]);
    expect(await idsOf({ type: 'mention', unreadOnly: true })).toEqual([[1], 1, 2]);
    expect(await idsOf({}, { limit: 1, offset: 1 })).toEqual([[2], 3, 2]);
    expect(await idsOf({}, { limit: 5, offset: 10 })).toEqual([[], 3, 2]);
  });

  it('belong to the agent that held the name, and to whoever has a name that nobody held', async () => {
    await deliver(
      logOf([
        raised(1),
        raised(2, { recipient: 'robert' }),
        raised(3, { recipientAgentId: null }),
        raised(4, { recipientAgentId: 9 }),
      ]),
    );
    expect((await queries.list(1, bob, {}, page)).rows.map(({ id }) => id)).toEqual([3, 2, 1]);
    const nobody = await queries.list(1, { recipient: 'bob', agentId: null }, {}, page);
    expect(nobody).toMatchObject({ total: 1, unread: 1, rows: [expect.objectContaining({ id: 3 })] });
  });

  it('show nothing of another workspace, and nothing deleted', async () => {
    await deliver(logOf([raised(1), raised(2), marked('NotificationsDeleted', [2])]));
    expect(await queries.list(2, bob, {}, page)).toEqual({ rows: [], total: 0, unread: 0 });
    expect(await queries.byIds(2, [1])).toEqual([]);
    expect(await queries.byIds(1, [1, 2, 3])).toEqual([
      { id: 1, position: 0n, recipient: 'bob', recipientAgentId: 2, isRead: false, isDelivered: false },
    ]);
    expect((await queries.rowsOf(1, [1, 2])).map(({ id }) => id)).toEqual([1]);
  });

  it('say what is not marked yet, and what was raised before an instant, oldest first', async () => {
    const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;
    await deliver(
      logOf([
        { ...raised(1), recordedAt: at(1) },
        { ...raised(2), recordedAt: at(2) },
        { ...raised(3), recordedAt: at(3) },
        marked('NotificationsRead', [1]),
        marked('NotificationsDelivered', [2]),
      ]),
    );
    const ids = (rows: readonly { readonly id: number }[]) => rows.map(({ id }) => id);
    const all = { after: -1n, limit: 10 };
    const unread = await queries.unmarked(1, bob, 'read', all);
    expect(ids(unread)).toEqual([2, 3]);
    expect(ids(await queries.unmarked(1, bob, 'read', { after: -1n, limit: 1 }))).toEqual([2]);
    expect(ids(await queries.unmarked(1, bob, 'read', { after: unread[0]?.position ?? 0n, limit: 9 }))).toEqual([3]);
    expect(ids(await queries.unmarked(1, bob, 'delivered', all))).toEqual([3]);
    expect(ids(await queries.before(1, bob, new Date(at(3)), all))).toEqual([1, 2]);
  });

  it('show their task as it is now, while it is there', async () => {
    const { written } = new TaskHistory().create(7, { title: 'now' }).create(8).delete(8);
    const log = logOf([...written, raised(1), raised(2, { taskId: 8 })]);
    await deliver(log);
    await given(database.url, tasks).when(log).deliver();
    expect((await queries.list(1, bob, {}, page)).rows.map(({ task }) => task)).toEqual([
      null,
      { title: 'now', status: 'inbox' },
    ]);
    expect((await queries.rowsOf(1, [2, 1])).map(({ id }) => id)).toEqual([1, 2]);
  });

  it('hold every text that the log may hold', async () => {
    const text = 'Zoë \u2028\u202e"\\ \u{1f680} __proto__ {,} \'; <b>';
    await deliver(logOf([raised(1, { message: text, excerpt: text, taskTitle: text })]));
    expect((await queries.list(1, bob, {}, page)).rows[0]).toMatchObject({
      message: text,
      excerpt: text,
      taskTitle: text,
      type: 'assignment',
      sourceType: 'task',
      sourceId: 7,
      commentId: null,
      author: 'ops',
    });
  });
});

function raised(id: number, fields: object = {}): Written {
  const uuid = idOf(`notification ${id}`);
  return {
    stream: `notification-${uuid}`,
    type: 'NotificationRaised',
    data: {
      notificationId: id,
      uuid,
      recipient: 'bob',
      recipientAgentId: 2,
      type: 'assignment',
      title: 'Task assigned',
      message: 'ops assigned "Fix the build" to you',
      sourceType: 'task',
      sourceId: 7,
      taskId: 7,
      commentId: null,
      author: 'ops',
      excerpt: null,
      taskTitle: 'Fix the build',
      ...fields,
    },
  };
}

function marked(type: string, ids: readonly number[]): Written {
  return { stream: `inbox-${idOf('bob')}`, type, data: { recipient: 'bob', recipientAgentId: 2, ids } };
}
