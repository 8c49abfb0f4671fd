import { Injectable } from '@nestjs/common';
import type { HeldRow } from '../../projections/tasks/task-leases.queries.js';
import { unavailable } from '../platform/http/errors.js';
import { TaskDirectory, type KnownTask } from '../tasks/task-directory.js';
import { secondsOf } from '../tasks/task-json.js';
import { isAssignedTo } from '../tasks/task.state.js';
import type { Recipient } from '../tasks/tasks.events.js';
import { MAX_CAPACITY } from './decide-poll.js';
import type { ClaimIntent } from './holders.js';
import { MAX_HELD, QueueReader } from './queue-reader.js';

/** A task that an agent has in progress right now. */
export interface HeldTask extends KnownTask {
  /** Last known sign of life on the task itself; null without a lease. */
  readonly renewedAt: Date | null;
  /** Unix seconds; null without a lease. */
  readonly leaseExpiresAt: number | null;
}

/**
 * What an agent has in progress: what the read model shows, and what the agent's last intent says that the read model may
 * not show yet. Each is looked up in its own stream, at least as far as whoever named it had seen it.
 */
@Injectable()
export class HeldTasks {
  constructor(
    private readonly reader: QueueReader,
    private readonly tasks: TaskDirectory,
  ) {}

  /**
   * Last updated first; of more than {@link MAX_HELD} those. Errors: 503 when so many of them are over by now that there
   * might be room for another task. `afresh`: straight from the store, not as this process remembers it.
   */
  async of(
    workspaceId: number,
    who: Recipient,
    last: ClaimIntent | undefined,
    { afresh = false }: { readonly afresh?: boolean } = {},
  ): Promise<readonly HeldTask[]> {
    const rows = await this.reader.held(workspaceId, who);
    const seen = new Map(rows.map((row) => [row.taskId, row.revision]));
    for (const [taskId, revision] of namedBy(last)) {
      const known = seen.get(taskId);
      if (known === undefined || known < revision) seen.set(taskId, revision);
    }
    const found = await Promise.all(
      [...seen].map(([taskId, revision]) => this.look(workspaceId, taskId, afresh ? undefined : revision)),
    );
    const held = found
      .flatMap((known) => known ?? [])
      .filter(({ task: { snapshot } }) => snapshot.status === 'in_progress' && isAssignedTo(snapshot, who))
      .map((known) =>
        heldTask(
          known,
          rows.find(({ taskId }) => taskId === known.task.snapshot.taskId),
        ),
      )
      .toSorted(newestFirst);
    // What the page left out can only be more of them: it matters as long as there is room for another one.
    if (rows.length === MAX_HELD && held.length < MAX_CAPACITY) {
      throw unavailable('The read model of the tasks is too far behind to tell what this agent has in progress');
    }
    return held;
  }

  /** At least as far as `revision`; without one straight from the store. */
  private async look(workspaceId: number, taskId: number, revision?: bigint): Promise<KnownTask | undefined> {
    const known = revision === undefined ? undefined : await this.tasks.find(workspaceId, taskId);
    if (known !== undefined && revision !== undefined && known.revision >= revision) return known;
    return this.tasks.refresh(workspaceId, taskId);
  }
}

/** What the intent says about tasks, each with the least revision that tells whether it is still held. */
function namedBy(last: ClaimIntent | undefined): readonly (readonly [number, bigint])[] {
  if (last === undefined) return [];
  const intended = [last.taskId, BigInt(last.taskRevision) + 1n] as const;
  return [...last.held.map(({ taskId, revision }) => [taskId, BigInt(revision)] as const), intended];
}

function heldTask(known: KnownTask, row: HeldRow | undefined): HeldTask {
  const { lease } = known.task;
  if (lease === null)
    return { ...known, updatedAt: row?.updatedAt ?? known.updatedAt, renewedAt: null, leaseExpiresAt: null };
  const isShown = row?.leaseId === lease.leaseId;
  return {
    ...known,
    updatedAt: isShown ? row.updatedAt : known.updatedAt,
    renewedAt: (isShown ? row.renewedAt : null) ?? known.updatedAt,
    leaseExpiresAt: (isShown ? row.leaseExpiresAt : null) ?? expiryAfter(known.updatedAt, lease.leaseSeconds),
  };
}

export function expiryAfter(signOfLife: Date, leaseSeconds: number): number {
  return secondsOf(signOfLife.toISOString()) + leaseSeconds;
}

function newestFirst(a: HeldTask, b: HeldTask): number {
  return b.updatedAt.getTime() - a.updatedAt.getTime() || b.task.snapshot.taskId - a.task.snapshot.taskId;
}
