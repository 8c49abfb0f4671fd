import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { frameOf } from '../../src/live/frames/all.frames.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { agentStatus } from '../agent-status/agent-status.projection.js';
import { given } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { randomHistory } from '../engine/testing/random-history.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { TaskHistory } from '../engine/testing/task-history.js';
import { tasks } from '../tasks/tasks.projection.js';
import { activities } from './activities.projection.js';
import { ActivityQueries, type ActivityFilter, type ActivityViewer } from './activities.queries.js';

const admin: ActivityViewer = { workspaceId: 1, isAdmin: true };
const viewer: ActivityViewer = { workspaceId: 1, isAdmin: false };
const page = { limit: 50, offset: 0 };

describe('the activities', () => {
  let database: TestDatabase;
  let queries: ActivityQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new ActivityQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const deliver = (events: readonly StoredEvent[]) => given(database.url, activities).when(events).deliver();
  const typesOf = async (who: ActivityViewer, filter: ActivityFilter = {}) =>
    (await queries.list(who, filter, page)).rows.map(({ type }) => type);

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'are one a public fact, delivered twice, $batch at a time, and counted',
    async ({ batch }) => {
      const log = logOf(randomHistory(4, 400));
      const rows = await given(database.url, activities)
        .when(log, { times: 2, batch })
        .rows('activities', 'id, workspace_id');
      const facts = log.filter((event) => frameOf(event)?.type.startsWith('token.') === false);
      expect(rows).toEqual(
        facts.map(({ position, metadata }) => ({ id: String(position.commit), workspace_id: metadata.workspaceId })),
      );
      expect((await queries.list(admin, {}, page)).total).toBe(facts.length);
    },
  );

  it('say the same as the frame that listeners are sent, where that is an activity', async () => {
    const written = new TaskHistory().create(1).broadcast(1).review(1, 'eve', 'approved').written;
    const log = logOf([...written, keyIssued, read([1, 2])]);
    await deliver(log);
    const { rows } = await queries.list(admin, {}, page);
    const frames = log.flatMap((event) => {
      const frame = frameOf(event);
      return frame?.type === 'activity.created' ? [(JSON.parse(frame.json) as { data: object }).data] : [];
    });
    expect(frames).toHaveLength(4);
    for (const frame of frames) {
      const { id, type, entity_type, entity_id, actor, description, data } = frame as Record<string, unknown>;
      expect(rows).toContainEqual(
        expect.objectContaining({ id, type, entityType: entity_type, entityId: entity_id, actor, description, data }),
      );
    }
  });

  it.each([{ batch: 1 }, { batch: 1_000 }])(
    'wait no more for whom a task was assigned to when it is deleted, $batch at a time',
    async ({ batch }) => {
      const bob = { assignedTo: 'bob', assignedAgentId: 2 };
      const { written } = new TaskHistory()
        .create(1, bob)
        .create(2, bob)
        .create(3, { assignedTo: 'eve', assignedAgentId: null })
        .delete(1)
        .delete(3);
      const rows = await given(database.url, activities)
        .when(logOf(written), { times: 2, batch })
        .rows('activities', 'entity_id, type, urgent_for');
      expect(rows).toEqual([
        { entity_id: '1', type: 'task_created', urgent_for: null },
        { entity_id: '2', type: 'task_created', urgent_for: 'agent:2' },
        { entity_id: '3', type: 'task_created', urgent_for: null },
        { entity_id: '1', type: 'task_deleted', urgent_for: null },
        { entity_id: '3', type: 'task_deleted', urgent_for: null },
      ]);
    },
  );

  it('call an assignment by its name, and an urgent one an alert', async () => {
    const { written } = new TaskHistory()
      .create(1, { assignedTo: 'bob', assignedAgentId: 2, priority: 'critical' })
      .change(1, { title: 'other' })
      .change(1, { assignedTo: 'eve', assignedAgentId: null })
      .create(2)
      .change(2, { assignedTo: 'bob', assignedAgentId: 2, status: 'assigned' })
      .change(2, { priority: 'high' })
      .change(2, { assignedTo: null, assignedAgentId: null })
      .change(2, { priority: 'critical' })
      .claim(2, 'bob', 2);
    const rows = await given(database.url, activities)
      .when(logOf(written))
      .rows('activities', 'type, urgent_for, description');
    expect(rows).toEqual([
      { type: 'task_created', urgent_for: 'agent:2', description: 'test created task "Task 1" for bob' },
      { type: 'task_updated', urgent_for: null, description: 'test changed title of task "other"' },
      {
        type: 'high_priority_alert',
        urgent_for: 'name:eve',
        description: 'test: critical priority for eve: task "other"',
      },
      { type: 'task_created', urgent_for: null, description: 'test created task "Task 2"' },
      { type: 'task_assigned', urgent_for: 'agent:2', description: 'test assigned task "Task 2" to bob' },
      {
        type: 'high_priority_alert',
        urgent_for: 'agent:2',
        description: 'test: high priority for bob: task "Task 2"',
      },
      { type: 'task_updated', urgent_for: null, description: 'test changed assigned_to of task "Task 2"' },
      { type: 'task_updated', urgent_for: null, description: 'test changed priority of task "Task 2"' },
      { type: 'task_status_changed', urgent_for: null, description: 'bob took task "Task 2"' },
    ]);
  });

  it('are filtered by types, actor, kind of thing and time, in pages, with exact totals', async () => {
    const tasked = new TaskHistory().create(1).comment(1, 'bob', 'on it').setStatus(1, 'done').delete(1).written;
    await deliver(logOf([...tasked, registered]));
    expect(await typesOf(viewer)).toEqual([
      'agent_created',
      'task_deleted',
      'task_status_changed',
      'comment_added',
      'task_created',
    ]);
    expect(await typesOf(viewer, { types: ['task_created', 'task_deleted'] })).toEqual([
      'task_deleted',
      'task_created',
    ]);
    expect(await typesOf(viewer, { types: ['task_created'], actor: 'nobody' })).toEqual([]);
    expect(await typesOf(viewer, { entityType: 'comment' })).toEqual(['comment_added']);
    expect(await typesOf(viewer, { since: new Date('2026-01-01T00:00:03.000Z') })).toEqual([
      'agent_created',
      'task_deleted',
    ]);
    const second = await queries.list(viewer, { entityType: 'task' }, { limit: 1, offset: 1 });
    expect([second.rows.map(({ type }) => type), second.total]).toEqual([['task_status_changed'], 3]);
    expect((await queries.list(viewer, { types: ['task_created', 'task_deleted'] }, page)).total).toBe(2);
    expect((await queries.list(viewer, { actor: 'test' }, page)).total).toBe(5);
  });

  it('show admins more than others, agents their own, and nobody another workspace', async () => {
    const tasked = new TaskHistory()
      .create(1, { assignedTo: 'bob', assignedAgentId: 2 })
      .create(2, { assignedTo: 'eve', assignedAgentId: 3 });
    await deliver(logOf([...tasked.written, keyIssued]));
    expect(await typesOf(admin)).toEqual(['key_issued', 'task_created', 'task_created']);
    expect(await typesOf(viewer)).toEqual(['task_created', 'task_created']);
    expect((await queries.list(viewer, {}, page)).total).toBe(2);
    expect(await queries.list({ ...viewer, agentId: 2 }, {}, page)).toMatchObject({
      total: 1,
      rows: [{ entityId: 1 }],
    });
    expect(await queries.list({ ...viewer, agentId: 9 }, {}, page)).toEqual({ total: 0, rows: [] });
    expect(await queries.list({ workspaceId: 2, isAdmin: true }, {}, page)).toEqual({ total: 0, rows: [] });
  });

  it('show the thing that they are about as it is now, while it is there', async () => {
    const tasked = new TaskHistory()
      .create(1)
      .comment(1, 'bob', 'x'.repeat(200))
      .setStatus(1, 'done')
      .create(2)
      .delete(2);
    const log = logOf([...tasked.written, registered]);
    await deliver(log);
    await given(database.url, tasks).when(log).deliver();
    await given(database.url, agentStatus).when(log).deliver();
    const { rows } = await queries.list(viewer, {}, page);
    expect(rows.map(({ entity }) => entity)).toEqual([
      { type: 'agent', id: 5, name: 'bob', role: 'coder', status: 'idle' },
      null,
      null,
      { type: 'task', id: 1, title: 'Task 1', status: 'done' },
      { type: 'comment', id: 1, taskId: 1, taskTitle: 'Task 1', preview: 'x'.repeat(100) },
      { type: 'task', id: 1, title: 'Task 1', status: 'done' },
    ]);
  });

  it('are counted by type, actor and hour', async () => {
    const at = (written: Written, recordedAt: string): Written => ({ ...written, recordedAt });
    const [created, commented] = new TaskHistory().create(1).comment(1, 'bob', 'on it').written;
    if (created === undefined || commented === undefined) throw new Error('the history is empty');
    await deliver(
      logOf([
        at(created, '2026-01-01T07:59:59.000Z'),
        at(created, '2026-01-01T10:10:00.000Z'),
        at(commented, '2026-01-01T10:59:59.999Z'),
        at(commented, '2026-01-01T12:00:00.000Z'),
      ]),
    );
    expect(await queries.stats(viewer, new Date('2026-01-01T08:00:00.000Z'))).toEqual({
      byType: [
        { type: 'comment_added', count: 2 },
        { type: 'task_created', count: 1 },
      ],
      topActors: [{ actor: 'test', count: 3 }],
      timeline: [
        { hour: new Date('2026-01-01T10:00:00.000Z'), count: 2 },
        { hour: new Date('2026-01-01T12:00:00.000Z'), count: 1 },
      ],
    });
  });
});

const keyIssued: Written = {
  stream: 'keyring-1',
  type: 'KeyIssued',
  data: {
    keyId: 3,
    prefix: 'mck_abcd',
    hash: 'h',
    kind: 'workspace',
    name: 'ci',
    role: 'viewer',
    scopes: [],
    expiresAt: null,
  },
};

const registered: Written = {
  stream: 'agent-5',
  type: 'AgentRegistered',
  data: {
    agentId: 5,
    name: 'bob',
    status: 'idle',
    source: 'api',
    profile: { role: 'coder', sessionKey: null, soulContent: null, config: {}, runtimeType: null },
  },
};

function read(ids: readonly number[]): Written {
  const data = { recipient: 'bob', recipientAgentId: 2, ids };
  return { stream: `inbox-${idOf('bob')}`, type: 'NotificationsRead', data };
}
