import { Injectable } from '@nestjs/common';
import { TaskQueries } from '../../projections/tasks/tasks.queries.js';
import { Clock } from '../platform/clock/clock.js';
import type { Json } from '../platform/event-store/stored-event.js';
import type { KnownTask } from './task-directory.js';
import { taskJson } from './task-json.js';

type TaskObject = { readonly [key: string]: Json };

/** A task as the contract shows it, from its own stream: the read model may still be on its way, or away. */
@Injectable()
export class TaskViews {
  constructor(
    private readonly queries: TaskQueries,
    private readonly clock: Clock,
  ) {}

  /** `alive`: the holder has just given a sign of life. */
  async view(workspaceId: number, known: KnownTask, alive = false): Promise<TaskObject> {
    return taskJson(known.task.snapshot, {
      workspaceId,
      updatedAt: known.updatedAt.toISOString(),
      revision: known.revision,
      leaseExpiresAt: await this.leaseExpiry(workspaceId, known, alive),
    });
  }

  /** Beats renew a lease without a fact of the task, so only the read model knows when it runs out. */
  private async leaseExpiry(workspaceId: number, { task }: KnownTask, alive: boolean): Promise<number | null> {
    const { lease, snapshot } = task;
    if (lease === null) return null;
    const renewed = Math.floor(this.clock.now().getTime() / 1_000) + lease.leaseSeconds;
    if (alive) return renewed;
    const row = await this.queries.byId(workspaceId, snapshot.taskId).catch(() => undefined);
    return row?.lease?.leaseId === lease.leaseId ? row.leaseExpiresAt : renewed;
  }
}
