import { unixSeconds } from '../agents/agent-json.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { taskJson } from '../tasks/task-json.js';
import type { HeldTask } from './held-tasks.js';
import type { PollOutcome } from './poll.commands.js';

export interface PollCircumstances {
  readonly workspaceId: number;
  readonly agent: string;
  readonly now: Date;
  /** The answer is true up to here. */
  readonly asOfPosition: string;
  /** Hard budgets that keep work from this agent; told of when it got none. */
  readonly stoppedBy: readonly { readonly id: string; readonly name: string }[];
}

/** HTTP contract, section 9.5: what a poll answers. */
export function pollJson({ reason, task, held }: PollOutcome, circumstances: PollCircumstances): Json {
  const { workspaceId, agent, now, asOfPosition, stoppedBy } = circumstances;
  return {
    task: task === null ? null : heldTaskJson(task, workspaceId),
    reason,
    agent,
    timestamp: unixSeconds(now),
    lease_id: task?.task.lease?.leaseId ?? null,
    lease_expires_at: task?.leaseExpiresAt ?? null,
    held: held.map((one) => ({
      id: one.task.snapshot.taskId,
      lease_id: one.task.lease?.leaseId ?? null,
      lease_expires_at: one.leaseExpiresAt,
    })),
    asOfPosition,
    ...(stoppedBy.length === 0 ? {} : { stopped_by_budgets: stoppedBy.map(({ id, name }) => ({ id, name })) }),
  };
}

function heldTaskJson({ task, updatedAt, revision, leaseExpiresAt }: HeldTask, workspaceId: number): Json {
  return taskJson(task.snapshot, { workspaceId, updatedAt: updatedAt.toISOString(), revision, leaseExpiresAt });
}
