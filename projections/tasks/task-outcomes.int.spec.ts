import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { TaskOutcome, TaskSnapshot } from '../../src/tasks/tasks.events.js';
import { given } from '../engine/testing/given.js';
import { logOf } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { TaskHistory } from '../engine/testing/task-history.js';
import { TaskOutcomeQueries } from './task-outcomes.queries.js';
import { tasks } from './tasks.projection.js';

const CREATED = Date.parse('2026-01-01T00:00:00Z') / 1_000;

describe('the figures of tasks that are done', () => {
  let database: TestDatabase;
  let queries: TaskOutcomeQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new TaskOutcomeQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const happened = (history: TaskHistory) => given(database.url, tasks).when(logOf(history.written)).deliver();

  it('count outcomes in all, by agent and by priority, with the most frequent errors', async () => {
    const history = new TaskHistory();
    done(history, 1, 'success', 100, { assignedTo: 'ann', priority: 'high', retryCount: 2 });
    done(history, 2, 'failed', 300, { assignedTo: 'ann', errorMessage: ' boom ' });
    done(history, 3, null, 200, { assignedTo: '__proto__', errorMessage: 'boom' });
    done(history, 4, 'partial', -5, { errorMessage: 'other' });
    done(history, 5, 'success', 1, {});
    history.delete(5).create(6, { outcome: 'success' });
    await happened(history);

    const { summary, byAgent, byPriority, errors } = await queries.outcomes(1, undefined);
    expect(summary).toEqual({
      ...counts({ total: 4, success: 1, failed: 1, partial: 1, unknown: 1 }),
      averageRetries: 0.5,
      averageResolutionSeconds: 200,
    });
    expect([...byAgent]).toEqual([
      ['ann', counts({ total: 2, success: 1, failed: 1 })],
      ['__proto__', counts({ total: 1, unknown: 1 })],
      ['unassigned', counts({ total: 1, partial: 1 })],
    ]);
    expect(byPriority.get('high')).toEqual(counts({ total: 1, success: 1 }));
    expect(errors).toEqual([
      { message: 'boom', count: 2 },
      { message: 'other', count: 1 },
    ]);
    expect((await queries.outcomes(1, CREATED + 200)).summary.total).toBe(2);
    expect((await queries.outcomes(2, undefined)).summary).toEqual(expect.objectContaining({ total: 0 }));
    expect((await queries.outcomes(1, undefined, { id: 9, name: 'ann' })).summary.total).toBe(2);
  });

  it('give percentiles of the time to completion in windows, and how many tasks somebody stepped into', async () => {
    const history = new TaskHistory();
    for (let id = 1; id <= 4; id++) done(history, id, 'success', id * 100, { assignedTo: 'ann' });
    done(history, 5, 'success', -1, { assignedTo: 'ann' });
    history
      .review(1, 'bob', 'rejected')
      .review(1, 'bob', 'rejected')
      .review(2, 'ann', 'rejected')
      .change(3, { assignedTo: 'bob' })
      .change(4, { title: 'x' });
    await happened(history);

    const windows = [
      { start: CREATED + 100, end: CREATED + 500 },
      { start: CREATED + 100, end: CREATED + 400 },
      { start: CREATED + 500, end: CREATED + 600 },
    ];
    expect(await queries.windows(1, windows)).toEqual([
      { sampleSize: 4, p50: 250, p95: 385, average: 250, intervened: 2 },
      { sampleSize: 3, p50: 200, p95: 290, average: 200, intervened: 2 },
      { sampleSize: 0, p50: null, p95: null, average: null, intervened: 0 },
    ]);
  });
});

function done(
  history: TaskHistory,
  id: number,
  outcome: TaskOutcome | null,
  after: number,
  fields: Partial<TaskSnapshot>,
) {
  history.create(id, { status: 'done', outcome, completedAt: CREATED + after, ...fields });
}

function counts(some: object): object {
  return { total: 0, success: 0, failed: 0, partial: 0, abandoned: 0, unknown: 0, ...some };
}
