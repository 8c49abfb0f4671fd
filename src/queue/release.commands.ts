import { Injectable } from '@nestjs/common';
import type { Principal } from '../platform/auth/principal.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { TaskDirectory } from '../tasks/task-directory.js';
import type { TaskEffect } from '../tasks/task-effect.js';
import { TaskPeople } from '../tasks/task-people.js';
import { refusalOf } from '../tasks/task-refusals.js';
import { TaskRunner } from '../tasks/task-runner.js';

export interface Release {
  readonly leaseId: string | undefined;
  readonly reason: string | null;
}

/** `POST /api/tasks/{id}/release`: a task goes back to what it was before the claim. */
@Injectable()
export class ReleaseCommands {
  constructor(
    private readonly tasks: TaskDirectory,
    private readonly runner: TaskRunner,
    private readonly people: TaskPeople,
  ) {}

  /** Errors: 403 another agent's, 404, 409 not claimed or lease lost, 412. */
  async release(
    context: CommandContext,
    principal: Principal,
    taskId: number,
    { leaseId, reason }: Release,
    expected: readonly bigint[] | undefined,
  ): Promise<TaskEffect> {
    const onlyFor = await this.people.confinementOf(principal);
    if (onlyFor === undefined) {
      return this.runner.run(context, taskId, { type: 'ReleaseTask', reason, ...leaseOf(leaseId) }, expected);
    }
    const repeated = leaseId === undefined ? undefined : await this.alreadyBack(context.workspaceId, taskId, leaseId);
    if (repeated !== undefined) return repeated;
    return this.runner.run(context, taskId, { type: 'ReleaseTask', reason, onlyFor, ...leaseOf(leaseId) }, expected);
  }

  /**
   * A task that went back to nobody is out of the reach of the agent's key; who knows the lease had it, and is told how
   * that ended, as everybody else is.
   */
  private async alreadyBack(workspaceId: number, taskId: number, leaseId: string): Promise<TaskEffect | undefined> {
    const known = await this.tasks.refresh(workspaceId, taskId);
    const ended = known?.task.endedLeases.find((lease) => lease.leaseId === leaseId);
    if (known === undefined || ended === undefined || known.task.snapshot.assignedTo !== null) return undefined;
    if (ended.how !== 'released') throw refusalOf({ kind: 'LeaseLost', how: ended.how });
    return { known, events: [], position: undefined, replayed: false, causes: [] };
  }
}

function leaseOf(leaseId: string | undefined): { readonly leaseId?: string } {
  return leaseId === undefined ? {} : { leaseId };
}
