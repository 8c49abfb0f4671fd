import { accepted, type Decision } from '../platform/decider/decider.js';
import { completion } from './task-change.state.js';
import { assigneeOf, moveOf, type LiveTask } from './task.state.js';
import type { GateState, TaskEvent, TaskSnapshot, TaskStatus } from './tasks.events.js';

/** Whose word opens and closes the done gate. */
export const GATE_KEEPER = 'aegis';

export interface ReviewTask {
  readonly type: 'ReviewTask';
  readonly reviewId: number;
  readonly reviewer: string;
  readonly verdict: 'approved' | 'rejected';
  readonly notes: string;
  /** Unix seconds. */
  readonly at: number;
}

export function decideReview(command: ReviewTask, task: LiveTask): Decision<TaskEvent, never> {
  const { reviewId, reviewer, verdict, notes, at } = command;
  if (task.reviewIds.includes(reviewId)) return accepted();
  const before = task.snapshot;
  const rejected = verdict === 'rejected';
  const status = statusAfterReview(command, before);
  return accepted({
    type: 'TaskReviewed',
    data: {
      ...moveOf(before, { status }),
      reviewId,
      reviewer,
      verdict,
      notes,
      gate: gateAfterReview(command, before.gate),
      errorMessage: rejected ? `Quality review rejected by ${reviewer}: ${notes}` : null,
      completedAt: completion(status, before.completedAt, at),
    },
  });
}

function statusAfterReview({ reviewer, verdict }: ReviewTask, before: TaskSnapshot): TaskStatus {
  if (verdict === 'rejected') return assigneeOf(before) === null ? before.status : 'in_progress';
  return reviewer === GATE_KEEPER ? 'done' : before.status;
}

function gateAfterReview({ reviewer, verdict }: ReviewTask, gate: GateState): GateState {
  if (reviewer !== GATE_KEEPER) return gate;
  return verdict === 'approved' ? 'open' : 'closed';
}
