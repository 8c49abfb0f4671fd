import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { assert, asyncProperty, integer } from 'fast-check';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { evolveTask, type TaskState } from '../../src/tasks/task.state.js';
import type { TaskEvent } from '../../src/tasks/tasks.events.js';
import { connector, withClient } from '../engine/database.js';
import { dumpTables } from '../engine/dump.js';
import type { Stored } from '../engine/projection.js';
import { deliver, given } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { randomTaskStep, TaskHistory } from '../engine/testing/task-history.js';
import { tasks } from './tasks.projection.js';
import { TaskQueries } from './tasks.queries.js';

const all = { limit: 50, offset: 0 };

describe('the tasks', () => {
  let database: TestDatabase;
  let queries: TaskQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new TaskQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const happened = (history: TaskHistory) => given(database.url, tasks).when(logOf(history.written)).deliver();

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'come out the same, delivered twice, $batch at a time',
    async ({ batch }) => {
      const delivered = given(database.url, tasks).when(logOf(livesOf(3)), { times: 2, batch });

      expect(
        await delivered.rows(
          'tasks',
          'task_id, title, status, assigned_to, priority_rank, gate, lease_id, comment_count, interventions, revision',
        ),
      ).toEqual([1, 2, 3].map(lifeEnd).concat(expect.objectContaining({ task_id: '99' })));
      expect(await delivered.rows('task_counts')).toEqual([
        { workspace_id: 1, status: 'done', priority: 'high', project_id: '1', tasks: '3' },
      ]);
      expect(await delivered.rows('task_counts_by_assignee')).toEqual([
        {
          workspace_id: 1,
          assigned_to: 'ann',
          assigned_agent_id: '4',
          status: 'done',
          priority: 'high',
          project_id: '1',
          tasks: '3',
        },
      ]);
    },
  );

  it('come out the same however the log is cut: as the decider folds them, and counted as the rows are', async () => {
    await assert(
      asyncProperty(integer(), integer({ min: 1, max: 40 }), async (start, batch) => {
        const log = logOf(randomTasks(start, 100));
        await resetProjections(database.url);
        await deliver(database.url, tasks, 1, log, { batch: 1 });
        const oneByOne = await dump();
        await resetProjections(database.url);
        await deliver(database.url, tasks, 1, log, { batch });

        expect(await dump()).toBe(oneByOne);
        expect(await tasksRead(log)).toEqual(tasksFolded(log));
        expect(await countsOf('task_counts', 'workspace_id, status, priority, project_id', 'true')).toEqual([]);
        expect(
          await countsOf(
            'task_counts_by_assignee',
            'workspace_id, assigned_to, assigned_agent_id, status, priority, project_id',
            'assigned_to is not null',
          ),
        ).toEqual([]);
      }),
      { numRuns: 5 },
    );
  });

  it('are listed newest first under any filter, with the whole count', async () => {
    const history = new TaskHistory();
    for (let id = 1; id <= 12; id++) {
      history.create(id, {
        status: id % 2 === 0 ? 'assigned' : 'inbox',
        priority: id % 3 === 0 ? 'critical' : 'low',
        projectId: id % 4,
        assignedTo: id % 2 === 0 ? 'ann' : null,
        assignedAgentId: id % 4 === 0 ? 9 : null,
      });
    }
    await happened(history.delete(10));
    const idsOf = async (filter: Parameters<TaskQueries['list']>[1], paging = all) => {
      const { rows, total } = await queries.list(1, filter, paging);
      return { ids: rows.map(({ task }) => task.taskId), total };
    };

    expect(await idsOf({}, { limit: 3, offset: 1 })).toEqual({ ids: [11, 9, 8], total: 11 });
    expect(await idsOf({}, { limit: 3, offset: 90 })).toEqual({ ids: [], total: 11 });
    expect(await idsOf({ status: 'assigned' })).toEqual({ ids: [12, 8, 6, 4, 2], total: 5 });
    expect(await idsOf({ assignedTo: 'ann' }, { limit: 2, offset: 2 })).toEqual({ ids: [6, 4], total: 5 });
    expect(await idsOf({ priority: 'critical', status: 'inbox' })).toEqual({ ids: [9, 3], total: 2 });
    expect(await idsOf({ projectId: 2 })).toEqual({ ids: [6, 2], total: 2 });
    expect(await idsOf({ agent: { id: 9, name: 'bob' } })).toEqual({ ids: [12, 8, 4], total: 3 });
    expect(await idsOf({ agent: { id: 7, name: 'ann' } })).toEqual({ ids: [6, 2], total: 2 });
    expect(await idsOf({ agent: { id: 9, name: 'ann' }, assignedTo: 'ann', priority: 'low' })).toEqual({
      ids: [8, 4, 2],
      total: 3,
    });
  });

  it('are listed newest first also when a later one was numbered by another process, out of its own block', async () => {
    const at = (second: number) => ({ createdAt: `2026-01-01T00:00:0${second}.000Z`, assignedTo: 'ann' });
    await happened(new TaskHistory().create(21, at(0)).create(2, at(1)).create(22, at(2)).create(3, at(2)));
    const idsOf = async (filter: Parameters<TaskQueries['list']>[1], paging = all) =>
      (await queries.list(1, filter, paging)).rows.map(({ task }) => task.taskId);

    expect(await idsOf({})).toEqual([22, 3, 2, 21]);
    expect(await idsOf({ agent: { id: 4, name: 'ann' } }, { limit: 2, offset: 1 })).toEqual([3, 2]);
  });

  it('show nothing of another workspace, and nothing that was deleted', async () => {
    await happened(new TaskHistory().create(1).comment(1, 'ann', 'hi').create(2, {}, 2).delete(1));

    expect(await queries.list(1, {}, all)).toEqual({ rows: [], total: 0 });
    expect((await queries.list(2, {}, all)).total).toBe(1);
    expect(await queries.byId(1, 1)).toBeUndefined();
    expect(await queries.byId(1, 2)).toBeUndefined();
    expect(await queries.comments(2, 1)).toEqual([]);
  });

  it('hold every field as it was set', async () => {
    const fields = {
      description: 'é "quoted" \\ {a,b} 🙂',
      dueDate: 4_102_444_800,
      estimatedHours: 0.1,
      actualHours: 9_999.25,
      tags: ['a,b', '"', 'NULL'],
      metadata: { z: 1, a: { deep: [null, '\u0001'] } },
      outcome: 'partial',
      feedbackRating: 5,
      retryCount: 2 ** 33,
      gate: 'override',
      gateOverride: { actor: 'me', at: '2026-01-01T00:00:00.000Z' },
    } as const;
    const history = new TaskHistory().create(1).change(1, fields);
    await happened(history);

    const row = await queries.byId(1, 1);
    expect(row?.task).toEqual(history.living[0]);
    expect(row).toEqual(
      expect.objectContaining({ revision: 1n, commentCount: 0, lease: null, updatedAt: '2026-01-01T00:00:01.000Z' }),
    );
  });

  it('tell until when a lease lasts: from the last sign of life on the task or the last beat of the agent', async () => {
    const history = new TaskHistory().create(1).claim(1, 'ann', 4, 60);
    const claimedAt = Date.parse('2026-01-01T00:00:01Z') / 1_000;
    await happened(history);
    expect((await queries.byId(1, 1))?.leaseExpiresAt).toBe(claimedAt + 60);

    await withClient(connector(database.url, 'test'), (client) =>
      client.query(
        `insert into liveness_v1 (agent_id, workspace_id, status, has_beaten, epoch, last_seen, beat_count,
                                  largest_gap_ms, digest, renewed_at)
         values (4, 1, 'online', true, 1, '2026-01-01T00:10:00Z', 1, 0, '', now())`,
      ),
    );
    expect((await queries.byId(1, 1))?.leaseExpiresAt).toBe(Date.parse('2026-01-01T00:11:00Z') / 1_000);

    await happened(history.setStatus(1, 'review'));
    expect(await queries.byId(1, 1)).toEqual(expect.objectContaining({ lease: null, leaseExpiresAt: null }));
  });

  it('keep comments oldest first and reviews newest first', async () => {
    const history = new TaskHistory().create(1).create(2).create(3).comment(1, 'ann', 'one').comment(1, 'bob', 'two');
    for (let n = 0; n < 12; n++) history.review(1, `r${n}`, n % 2 === 0 ? 'approved' : 'rejected');
    await happened(history.review(2, 'aegis', 'approved'));

    expect((await queries.comments(1, 1)).map(({ content }) => content)).toEqual(['one', 'two']);
    const reviews = await queries.reviews(1, 1);
    expect(reviews.map(({ reviewer }) => reviewer)).toEqual(Array.from({ length: 10 }, (_, n) => `r${11 - n}`));
    const latest = await queries.latestReviews(1, [1, 2, 3, 4, 1]);
    expect([...latest].map(([id, { reviewer }]) => [id, reviewer])).toEqual([
      [1, 'r11'],
      [2, 'aegis'],
    ]);
  });

  it('keep comments and reviews in the order in which they were said, however they are numbered', async () => {
    const history = new TaskHistory().create(1).comment(1, 'ann', 'one').comment(1, 'bob', 'two');
    history.review(1, 'aegis', 'approved').review(1, 'aegis', 'rejected');
    const numberedDown = history.written.map((one) => ({
      ...one,
      data: Object.fromEntries(
        Object.entries(one.data).map(([name, value]) => [name, /^(comment|review)Id$/.test(name) ? 50 - value : value]),
      ),
    }));
    await given(database.url, tasks).when(logOf(numberedDown)).deliver();

    expect((await queries.comments(1, 1)).map(({ content }) => content)).toEqual(['one', 'two']);
    expect((await queries.reviews(1, 1)).map(({ verdict }) => verdict)).toEqual(['rejected', 'approved']);
    expect((await queries.latestReviews(1, [1])).get(1)?.verdict).toBe('rejected');
  });

  /** Every task that lives, as the tables tell it. */
  async function tasksRead(log: readonly StoredEvent[]) {
    const rows = await Promise.all(streamsOf(log).map((stream) => queries.byId(1, Number(stream.slice(5)))));
    return rows.flatMap((row) =>
      row === undefined ? [] : [{ task: row.task, leaseId: row.lease?.leaseId, epoch: row.lease?.epoch }],
    );
  }

  async function dump(): Promise<string> {
    return withClient(connector(database.url, 'test'), (client) => dumpTables(client, tasks, 1));
  }

  /** Where the counts and a count of the rows differ. */
  async function countsOf(counts: string, columns: string, where: string): Promise<readonly object[]> {
    const selected = columns.replace('assigned_agent_id', 'coalesce(assigned_agent_id, 0) as assigned_agent_id');
    return readerOn(database.url).query<object>(
      `with counted as (
         select ${columns}, count(*) as tasks
           from (select ${selected} from tasks where deleted_at is null and ${where}) t group by ${columns}
       ), kept as (select ${columns}, tasks from ${counts})
       (table counted except table kept) union all (table kept except table counted)`,
    );
  }
});

const streamsOf = (log: readonly StoredEvent[]) => [...new Set(log.map(({ stream }) => stream))];

/** Every task that lives, as its own decider folds it. */
function tasksFolded(log: readonly StoredEvent[]) {
  return streamsOf(log).flatMap((stream) => {
    const state = log
      .filter((event) => event.stream === stream)
      .reduce<TaskState>((folded, event) => evolveTask(folded, event as Stored<TaskEvent>), { kind: 'none' });
    if (state.kind !== 'task') return [];
    return [{ task: state.snapshot, leaseId: state.lease?.leaseId, epoch: state.lease?.epoch }];
  });
}

/** Tasks that go through every kind of fact, interleaved. */
function livesOf(count: number): readonly Written[] {
  const history = new TaskHistory();
  const each = (step: (id: number) => unknown): void => {
    for (let id = 1; id <= count; id++) step(id);
  };
  history.create(99).change(99, { priority: 'low' }).delete(99);
  each((id) => history.create(id));
  each((id) => history.change(id, { priority: 'high', title: `Better ${id}` }));
  each((id) => history.claim(id, 'ann', 4));
  each((id) => history.renew(id));
  each((id) => history.comment(id, 'ann', 'on it', 'renewed'));
  each((id) => history.broadcast(id));
  each((id) => history.setStatus(id, 'review'));
  each((id) => history.review(id, 'aegis', 'rejected', { status: 'in_progress', errorMessage: 'no' }));
  each((id) => history.change(id, { status: 'review' }));
  each((id) => history.review(id, 'aegis', 'approved', { status: 'done', gate: 'open', completedAt: 5 }));
  return history.written;
}

function lifeEnd(id: number): object {
  return {
    task_id: String(id),
    title: `Better ${id}`,
    status: 'done',
    assigned_to: 'ann',
    priority_rank: 1,
    gate: 'open',
    lease_id: null,
    comment_count: 1,
    interventions: 1,
    revision: '9',
  };
}

function randomTasks(start: number, steps: number): readonly Written[] {
  const history = new TaskHistory();
  let state = start;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    return (state >>> 8) % below;
  };
  for (let step = 0; step < steps; step++) randomTaskStep(history, random);
  return history.written;
}
