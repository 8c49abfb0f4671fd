import { Injectable } from '@nestjs/common';
import type { Principal } from '../platform/auth/principal.js';
import type { CommandContext } from '../platform/command/command-context.js';
import type { TaskEffect } from '../tasks/task-effect.js';
import { TaskPeople } from '../tasks/task-people.js';
import { TaskRunner } from '../tasks/task-runner.js';

export interface Release {
  readonly leaseId: string | undefined;
  readonly reason: string | null;
}

/** `POST /api/tasks/{id}/release`: a task goes back to what it was before the claim. */
@Injectable()
export class ReleaseCommands {
  constructor(
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
    const confined = onlyFor === undefined ? {} : { onlyFor };
    return this.runner.run(
      context,
      taskId,
      { type: 'ReleaseTask', reason, ...confined, ...leaseOf(leaseId) },
      expected,
    );
  }
}

function leaseOf(leaseId: string | undefined): { readonly leaseId?: string } {
  return leaseId === undefined ? {} : { leaseId };
}
