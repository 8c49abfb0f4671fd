import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { CandidateRow } from '../../projections/tasks/task-candidates.queries.js';
import { CandidateOrder } from './candidate-order.js';

const row = (taskId: number, priorityRank = 1): CandidateRow => ({
  taskId,
  revision: 0n,
  place: { priorityRank, due: '1', createdAt: new Date(0), taskId },
});
const alone = { index: 0, of: 1 };
const idsOf = (rows: readonly CandidateRow[]) => rows.map(({ taskId }) => taskId);
const queue = [row(1), row(2), row(3), row(4), row(5, 2), row(6, 2)];

describe('the order in which candidates are tried', () => {
  it('is the order of the queue', () => {
    expect(idsOf(new CandidateOrder(alone, () => 3).of(queue, 0, true))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('begins with a share of its own while another process is at it, with several polls of this one', () => {
    const [first, second] = [new CandidateOrder(alone, () => 0), new CandidateOrder(alone, () => 1)];
    for (const order of [first, second]) order.noteLostRace(1, 0);
    const shareOf = (order: CandidateOrder) => idsOf(order.of(queue, 4_999, true));
    expect([shareOf(first), shareOf(second)]).toEqual([
      [2, 3, 4, 1, 5, 6],
      [1, 4, 3, 2, 5, 6],
    ]);
    expect(idsOf(first.of(queue, 4_999, false))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(idsOf(first.of(queue, 5_000, true))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('draws another, smaller share when it loses of its own again, but not for what was lost before the last one', () => {
    const [own, strange] = [6, 1];
    const asked: number[] = [];
    const order = new CandidateOrder(alone, (limit) => {
      asked.push(limit);
      return 0;
    });
    for (const at of [0, 10, 499, 500, 600, 1_000, 1_500]) order.noteLostRace(own, at);
    expect(asked).toEqual([2, 4, 4, 4]);
    order.noteLostRace(strange, 2_500);
    order.noteRival(3_500);
    expect(asked).toHaveLength(4);
  });

  it('lets two processes of one machine that race take different tasks', () => {
    const long = Array.from({ length: 200 }, (_, index) => row(index + 1));
    const [a, b] = [new CandidateOrder({ index: 0, of: 2 }), new CandidateOrder({ index: 1, of: 2 })];
    for (const order of [a, b]) order.noteRival(0);
    const first = (order: CandidateOrder) => idsOf(order.of(long, 10, true)).slice(0, 64);
    expect(first(a).filter((taskId) => first(b).includes(taskId))).toEqual([]);
  });

  it('leaves to the last of its priority, for a second, what somebody is about to take', () => {
    const order = new CandidateOrder(alone, () => 0);
    order.noteIntent(1, 0n, 0);
    order.noteIntent(3, 0n, 500);
    expect(idsOf(order.of(queue, 600, false))).toEqual([2, 4, 1, 3, 5, 6]);
    expect(idsOf(order.of(queue, 1_200, false))).toEqual([1, 2, 4, 3, 5, 6]);
    expect(order.recentlyIntended(1_200)).toEqual([{ taskId: 3, revision: 0n }]);
    const releasedSince = queue.map((one) => (one.taskId === 3 ? { ...one, revision: 2n } : one));
    expect(idsOf(order.of(releasedSince, 1_200, false))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('never drops a candidate, and never puts a less urgent one first', () => {
    const history = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 6 }), fc.nat({ max: 700 })));
    fc.assert(
      fc.property(history, fc.nat(), fc.integer({ min: 1, max: 3 }), (events, random, of) => {
        const order = new CandidateOrder({ index: random % of, of }, (limit) => random % limit);
        let now = 0;
        for (const [isLoss, taskId, after] of events) {
          now += after;
          if (isLoss) order.noteLostRace(taskId, now);
          else order.noteIntent(taskId, 0n, now);
        }
        const tried = order.of(queue, now, true);
        expect(new Set(tried)).toEqual(new Set(queue));
        expect(tried).toHaveLength(queue.length);
        const ranks = tried.map(({ place }) => place.priorityRank);
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
      }),
    );
  });
});
