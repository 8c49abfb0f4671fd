import { describe, expect, it } from '@jest/globals';
import { isClaimable, isGated, isLeased, mayFollow, statusMachine } from './task-status.js';
import { taskStatuses } from './tasks.events.js';

describe('a state machine', () => {
  it('does not start with a state that is not declared', () => {
    const machine = { initial: 'open', states: { open: { next: ['closed'] } } };
    expect(() => statusMachine<string>(machine)).toThrow('the state closed is not declared');
  });

  it('does not start with a state that cannot be reached', () => {
    const machine = { initial: 'open', states: { open: { next: [] }, lost: { next: ['open'] } } };
    expect(() => statusMachine<string>(machine)).toThrow('the state lost cannot be reached');
  });
});

describe('the states of a task', () => {
  it('may follow each other in any order', () => {
    for (const from of taskStatuses) for (const to of taskStatuses) expect(mayFollow(from, to)).toBe(true);
  });

  it('are claimed from, held in and gated as the contract says', () => {
    expect(taskStatuses.filter(isClaimable)).toEqual(['inbox', 'assigned']);
    expect(taskStatuses.filter(isLeased)).toEqual(['in_progress']);
    expect(taskStatuses.filter(isGated)).toEqual(['done']);
  });
});
