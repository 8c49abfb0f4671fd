export const pollReasons = ['assigned', 'continue_current', 'at_capacity', 'no_tasks_available'] as const;
export type PollReason = (typeof pollReasons)[number];

export const MAX_CAPACITY = 20;

/** What a poll comes to, and which task it answers with. */
export interface PollDecision {
  readonly reason: PollReason;
  readonly task: 'candidate' | 'newest held' | null;
}

/** HTTP contract, section 9.5, as the table stands there. `held`: how many tasks the agent has in progress. */
export function decidePoll(maxCapacity: number, held: number, hasCandidate: boolean): PollDecision {
  if (held >= maxCapacity) {
    return maxCapacity === 1
      ? { reason: 'continue_current', task: 'newest held' }
      : { reason: 'at_capacity', task: null };
  }
  if (hasCandidate) return { reason: 'assigned', task: 'candidate' };
  return held > 0 ? { reason: 'continue_current', task: 'newest held' } : { reason: 'no_tasks_available', task: null };
}
