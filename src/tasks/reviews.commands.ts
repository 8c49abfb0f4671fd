import { Injectable } from '@nestjs/common';
import type { Principal } from '../platform/auth/principal.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { Refusal } from '../platform/http/errors.js';
import { Numbers } from '../platform/numbers/numbers.js';
import type { ReviewBody } from './task-bodies.js';
import type { TaskEffect } from './task-effect.js';
import { TaskPeople } from './task-people.js';
import { TaskRunner } from './task-runner.js';
import { GATE_KEEPER } from './task-review.decider.js';
import type { TaskReviewed } from './tasks.events.js';

export interface ReviewEffect extends TaskEffect {
  readonly review: TaskReviewed['data'];
}

/** Somebody approves the work on a task, or sends it back. */
@Injectable()
export class ReviewCommands {
  constructor(
    private readonly runner: TaskRunner,
    private readonly people: TaskPeople,
    private readonly numbers: Numbers,
  ) {}

  /** Errors: 403 another reviewer than the key's agent, or another agent's task; 404. */
  async review(context: CommandContext, principal: Principal, body: ReviewBody): Promise<ReviewEffect> {
    const own = await this.people.confinementOf(principal);
    const reviewer = body.reviewer ?? own?.name ?? GATE_KEEPER;
    if (own !== undefined && reviewer !== own.name) {
      throw new Refusal(403, 'Access denied: agent key may only access its own agent.');
    }
    await this.runner.reach(context.workspaceId, body.taskId, own);
    const effect = await this.runner.run(context, body.taskId, {
      type: 'ReviewTask',
      reviewId: await this.numbers.next('review'),
      reviewer,
      verdict: body.status,
      notes: body.notes,
      at: Math.floor(context.receivedAt.getTime() / 1_000),
      ...(own === undefined ? {} : { onlyFor: own }),
    });
    const reviewed = effect.events.find((event) => event.type === 'TaskReviewed');
    if (reviewed === undefined) throw new Error('a review was accepted and not recorded');
    return { ...effect, review: reviewed.data };
  }
}
