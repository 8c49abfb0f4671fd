import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { NotificationType } from '../../src/notifications/notifications.events.js';
import { activities } from '../activities/activities.projection.js';
import { deliver } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { TaskHistory } from '../engine/testing/task-history.js';
import { notifications } from '../notifications/notifications.projection.js';
import { tasks } from '../tasks/tasks.projection.js';
import { RECENT_MS, WorkItemQueries } from './work-items.queries.js';

const START = Date.parse('2026-01-01T00:00:00Z');
const ann = { workspaceId: 1, agentId: 4, name: 'ann' };

describe('what an agent has to do', () => {
  let database: TestDatabase;
  let queries: WorkItemQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new WorkItemQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const happened = async (written: readonly Written[]) => {
    const log = logOf(written);
    for (const projection of [tasks, notifications, activities]) await deliver(database.url, projection, 1, log);
    return log;
  };
  const work = (minutes = 1, agent = ann) => queries.of(agent, new Date(START + minutes * 60_000));

  it('is nothing at first', async () => {
    expect(await work()).toEqual({
      checkpoint: { commit: -1n, prepare: -1n },
      mentions: { count: 0, items: [] },
      assignedTasks: { count: 0, items: [] },
      notifications: { count: 0, items: [] },
      urgentActivities: { count: 0, items: [] },
      changesAt: null,
    });
  });

  it('is its tasks that wait or run: priority, then due date with none last, then age', async () => {
    const own = { assignedTo: 'ann', assignedAgentId: 4, status: 'assigned' } as const;
    const history = new TaskHistory()
      .create(1, { ...own, priority: 'medium' })
      .create(2, { ...own, priority: 'medium', dueDate: 9 })
      .create(3, { ...own, priority: 'medium', createdAt: '2025-01-01T00:00:00Z' })
      .create(4, { ...own, priority: 'low' })
      .create(5, { ...own, priority: 'critical', status: 'in_progress', metadata: { path: 'src' } })
      .create(6, { ...own, assignedAgentId: null, priority: 'high' })
      .create(7, { ...own, status: 'review' })
      .create(8, { ...own, assignedAgentId: 5 })
      .create(9, own)
      .delete(9)
      .create(10, { ...own }, 2);
    for (let id = 11; id <= 20; id++) history.create(id, { ...own, priority: 'low' });
    await happened(history.claim(6, 'ann', 4, 60).written);

    const { assignedTasks } = await work();
    expect(assignedTasks.count).toBe(16);
    expect(assignedTasks.items.map(({ id }) => id)).toEqual([5, 6, 2, 3, 1, 4, 11, 12, 13, 14]);
    expect(assignedTasks.items[0]).toEqual({
      id: 5,
      title: 'Task 5',
      status: 'in_progress',
      priority: 'critical',
      due_date: null,
      project_prefix: 'TASK',
      ticket_no: 5,
      metadata: { path: 'src' },
      lease_seconds: null,
      lease_agent_id: null,
      lease_renewed_at: null,
      last_seen: null,
    });
    expect(assignedTasks.items[1]).toMatchObject({ lease_seconds: 60, lease_agent_id: 4, last_seen: null });
  });

  it('is mentions in comments of the last four hours, and apart from them the other unread notifications', async () => {
    const raised = [
      ...Array.from({ length: 12 }, (_, index) => notification(index + 1, 'mention')),
      notification(13, 'assignment'),
      notification(14, 'mention', { sourceType: 'task' }),
      notification(15, 'mention', { recipientAgentId: null }),
      notification(16, 'mention', { recipient: 'bob', recipientAgentId: 5 }),
      notification(17, 'comment'),
      inbox('NotificationsRead', [3, 17]),
      inbox('NotificationsDelivered', [13]),
      inbox('NotificationsDeleted', [4]),
    ];
    const log = await happened(raised);

    const now = await work();
    expect(now.checkpoint).toEqual(log.at(-1)?.position);
    expect(now.mentions.count).toBe(11);
    expect(now.mentions.items.map(({ id }) => id)).toEqual([15, 12, 11, 10, 9, 8, 7, 6, 5, 2]);
    expect(now.mentions.items[0]).toEqual({
      id: 15,
      comment_id: 115,
      task_id: 7,
      task_title: 'Fix it',
      author: 'bob',
      content: 'look here',
      created_at: START / 1_000 + 14,
    });
    expect(now.notifications).toEqual({
      count: 2,
      items: [
        { id: 14, type: 'mention', title: 'title 14', message: 'message', created_at: START / 1_000 + 13 },
        { id: 13, type: 'assignment', title: 'title 13', message: 'message', created_at: START / 1_000 + 12 },
      ],
    });
    expect(now.changesAt).toBe(START + RECENT_MS);

    const later = await queries.of(ann, new Date(START + RECENT_MS + 10_000));
    expect(later.mentions.items.map(({ id }) => id)).toEqual([15, 12]);
    expect(later.notifications.count).toBe(11);
    expect(later.notifications.items.map(({ id }) => id)).toEqual([14, 13, 11, 10, 9]);
    expect(later.changesAt).toBe(START + RECENT_MS + 11_000);
  });

  it('is what it was assigned in the last four hours', async () => {
    const own = { assignedTo: 'ann', assignedAgentId: 4, status: 'done' } as const;
    const history = new TaskHistory().create(1, own).create(2).change(2, { assignedTo: 'ann', assignedAgentId: 4 });
    const log = await happened(history.create(3, { ...own, assignedAgentId: 5 }).written);

    const { urgentActivities } = await work();
    expect(urgentActivities.count).toBe(2);
    expect(urgentActivities.items).toEqual([
      expect.objectContaining({ id: Number(log[2]?.position.commit), type: 'task_assigned' }),
      expect.objectContaining({ id: Number(log[0]?.position.commit), type: 'task_created' }),
    ]);
    expect((await queries.of(ann, new Date(START + RECENT_MS + 1_000))).urgentActivities.count).toBe(1);
  });

  it('is nobody else’s: of another workspace, or of an agent that had the name before', async () => {
    const own = { assignedTo: 'ann', assignedAgentId: 4, status: 'assigned' } as const;
    await happened([...new TaskHistory().create(1, own).written, notification(1, 'mention')]);

    for (const agent of [
      { ...ann, workspaceId: 2 },
      { ...ann, agentId: 9 },
    ]) {
      const { assignedTasks, mentions, notifications: others, urgentActivities } = await work(1, agent);
      expect([assignedTasks.count, mentions.count, others.count, urgentActivities.count]).toEqual([0, 0, 0, 0]);
    }
  });
});

function notification(id: number, type: NotificationType, more: object = {}): Written {
  return {
    stream: `notification-${idOf(`notification ${id}`)}`,
    type: 'NotificationRaised',
    data: {
      notificationId: id,
      uuid: idOf(`notification ${id}`),
      recipient: 'ann',
      recipientAgentId: 4,
      type,
      title: `title ${id}`,
      message: 'message',
      sourceType: 'comment',
      sourceId: 100 + id,
      taskId: 7,
      commentId: 100 + id,
      author: 'bob',
      excerpt: 'look here',
      taskTitle: 'Fix it',
      ...more,
    },
  };
}

function inbox(type: string, ids: readonly number[]): Written {
  return { stream: 'inbox-4', type, data: { recipient: 'ann', recipientAgentId: 4, ids } };
}
