import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Recipient } from '../../src/tasks/tasks.events.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { deliver } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { TaskHistory } from '../engine/testing/task-history.js';
import { liveness } from '../liveness/liveness.projection.js';
import { TaskCandidateQueries, type CandidateRow } from './task-candidates.queries.js';
import { TaskLeaseQueries } from './task-leases.queries.js';
import { tasks } from './tasks.projection.js';

const ann = { name: 'ann', agentId: 4 };
const nobody = { name: 'ann', agentId: null };

describe('the queue in the read model', () => {
  let database: TestDatabase;
  let candidates: TaskCandidateQueries;
  let leases: TaskLeaseQueries;

  beforeAll(async () => {
    database = await testDatabase();
    candidates = new TaskCandidateQueries(readerOn(database.url));
    leases = new TaskLeaseQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const happened = (history: TaskHistory) => deliver(database.url, tasks, 1, logOf(history.written));
  const first = async (agent: Recipient, { workspaceId = 1, limit = 50 } = {}) =>
    (await candidates.first([{ workspaceId, agent }], limit, []))[0] ?? [];
  const held = async (agent: Recipient) => (await leases.held([{ workspaceId: 1, agent }], 10))[0];
  const idsOf = (rows: readonly CandidateRow[]) => rows.map(({ taskId }) => taskId);

  it('hands out by priority, due date with none last, age and id', async () => {
    const later = '2026-01-02T00:00:00.000Z';
    const history = new TaskHistory()
      .create(9, { priority: 'low', dueDate: 1 })
      .create(8, { priority: 'medium' })
      .create(7, { priority: 'medium', dueDate: 200 })
      .create(6, { priority: 'medium', dueDate: 100, createdAt: later })
      .create(5, { priority: 'medium', createdAt: later })
      .create(4, { priority: 'medium', dueDate: 100 })
      .create(3, { priority: 'medium' })
      .create(2, { priority: 'high' })
      .create(1, { priority: 'critical', createdAt: later });
    await happened(history);

    const order = [1, 2, 4, 6, 7, 3, 8, 5, 9];
    expect(idsOf(await first(nobody))).toEqual(order);

    const paged: number[] = [];
    for (let page = await first(nobody, { limit: 2 }); ;) {
      paged.push(...idsOf(page));
      const place = page.at(-1)?.place;
      if (place === undefined) break;
      page = await candidates.after(1, nobody, place, 2);
    }
    expect(paged).toEqual(order);
  });

  it('hands out what nobody has, and to an agent what is its own by id or, where nobody held the name, by name', async () => {
    const history = new TaskHistory()
      .create(1)
      .create(2, { status: 'assigned', assignedTo: 'ann', assignedAgentId: 4 })
      .create(3, { status: 'assigned', assignedTo: 'ann' })
      .create(4, { status: 'assigned', assignedTo: 'ann', assignedAgentId: 5 })
      .create(5, { status: 'assigned', assignedTo: 'bob' })
      .create(6, { status: 'inbox', assignedTo: 'old name of ann', assignedAgentId: 4 })
      .create(7, {}, 2)
      .create(8, { status: 'backlog' })
      .create(9)
      .delete(9);
    await happened(history.claim(history.create(10).living.at(-1)?.taskId ?? 0, 'bob'));

    expect(idsOf(await first(ann))).toEqual([1, 2, 3, 6]);
    expect(idsOf(await first(nobody))).toEqual([1, 3]);
    expect(idsOf(await first(ann, { workspaceId: 2 }))).toEqual([7]);
    const together = [
      { workspaceId: 2, agent: ann },
      { workspaceId: 1, agent: nobody },
      { workspaceId: 1, agent: ann },
    ];
    expect((await candidates.first(together, 50, [])).map(idsOf)).toEqual([[7], [1, 3], [1, 2, 3, 6]]);
    const intended = [
      { taskId: 1, revision: 0n },
      { taskId: 2, revision: 5n },
    ];
    expect((await candidates.first(together, 50, intended)).map(idsOf)).toEqual([[7], [3], [2, 3, 6]]);
  });

  it('knows what an agent has in progress, with its lease, last updated first', async () => {
    const history = new TaskHistory()
      .create(1)
      .create(2)
      .create(3, { status: 'in_progress', assignedTo: 'ann', assignedAgentId: 4 })
      .claim(1, 'ann', 4, 60)
      .claim(2, 'bob');
    await happened(history);

    const renewedAt = new Date('2026-01-01T00:00:03.000Z');
    expect(await held(ann)).toMatchObject([
      { taskId: 1, leaseId: idOf('lease 1 1'), renewedAt, leaseExpiresAt: renewedAt.getTime() / 1_000 + 60 },
      { taskId: 3, leaseId: null, leaseExpiresAt: null },
    ]);
    expect(await held(nobody)).toEqual([]);
  });

  it('finds the leases that have run out: neither renewed on the task nor by a beat, and not longer than was listened', async () => {
    const recordedAt = (second: number) => new Date(Date.parse('2026-01-01') + second * 1_000).toISOString();
    const registered: Written = {
      stream: 'agent-4',
      type: 'AgentRegistered',
      data: { agentId: 4, name: 'ann', status: 'online', source: 'api', profile: {} },
    };
    const beat: Written = {
      stream: 'heartbeat-0',
      type: 'HeartbeatReceived',
      data: { agentId: 4, connectionId: null, epoch: null },
    };
    const history = new TaskHistory().create(1).create(2).create(3).claim(1, 'ann', 4, 10).claim(2, 'bob', null, 10);
    const written = history.claim(3, 'bob', null, 500).renew(2).written;
    const log = logOf([...written, registered, beat]);
    await deliver(database.url, tasks, 1, log);
    await deliver(database.url, liveness, 1, log);

    const due = async (second: number, heard = 1_000) =>
      (await leases.due(heard, 10, new Date(recordedAt(second)))).leases.map(({ taskId }) => taskId);
    expect(await due(15)).toEqual([]);
    // The last sign of life of task 2 was its renewal in second 6; task 1 is kept by a beat that the database has just seen.
    expect(await due(16)).toEqual([2]);
    expect(await due(505)).toEqual([3, 2]);
    expect(await due(505, 499)).toEqual([2]);
    expect(await due(505, 9)).toEqual([]);

    const { at: now } = await leases.due(1_000, 10);
    const after = await leases.due(1_000, 10, new Date(now.getTime() + 60_000));
    expect(after.leases).toMatchObject([
      { taskId: 1, epoch: 1, revision: 1n, holder: 'ann' },
      { taskId: 3 },
      { taskId: 2 },
    ]);
    expect(after.checkpoint).toEqual(log.at(-1)?.position);
  });
});
