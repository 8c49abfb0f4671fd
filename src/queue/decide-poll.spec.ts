import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decidePoll, MAX_CAPACITY } from './decide-poll.js';

const newest = 'newest held';

describe('a poll', () => {
  it.each([
    { capacity: 1, held: 0, candidate: true, expected: ['assigned', 'candidate'] },
    { capacity: 1, held: 0, candidate: false, expected: ['no_tasks_available', null] },
    { capacity: 1, held: 1, candidate: true, expected: ['continue_current', newest] },
    { capacity: 1, held: 1, candidate: false, expected: ['continue_current', newest] },
    { capacity: 1, held: 3, candidate: true, expected: ['continue_current', newest] },
    { capacity: 2, held: 0, candidate: true, expected: ['assigned', 'candidate'] },
    { capacity: 2, held: 0, candidate: false, expected: ['no_tasks_available', null] },
    { capacity: 2, held: 1, candidate: true, expected: ['assigned', 'candidate'] },
    { capacity: 2, held: 1, candidate: false, expected: ['continue_current', newest] },
    { capacity: 2, held: 2, candidate: true, expected: ['at_capacity', null] },
    { capacity: 2, held: 3, candidate: false, expected: ['at_capacity', null] },
    { capacity: 20, held: 19, candidate: true, expected: ['assigned', 'candidate'] },
    { capacity: 20, held: 20, candidate: true, expected: ['at_capacity', null] },
  ])('with room for $capacity and $held held, candidate: $candidate, is $expected', (row) => {
    const { reason, task } = decidePoll(row.capacity, row.held, row.candidate);
    expect([reason, task]).toEqual(row.expected);
  });

  it('never takes a task beyond the capacity, and never answers with one that is not there', () => {
    const input = fc.tuple(fc.integer({ min: 1, max: MAX_CAPACITY }), fc.nat({ max: 40 }), fc.boolean());
    fc.assert(
      fc.property(input, ([capacity, held, candidate]) => {
        const { task } = decidePoll(capacity, held, candidate);
        if (task === 'candidate') expect(held < capacity && candidate).toBe(true);
        if (task === 'newest held') expect(held).toBeGreaterThan(0);
      }),
    );
  });
});
