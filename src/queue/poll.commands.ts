import { Injectable } from '@nestjs/common';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import { KeyedMutex } from '../platform/command/keyed-mutex.js';
import { laterOfKnown, type Position } from '../platform/event-store/position.js';
import { unavailable } from '../platform/http/errors.js';
import { TaskDirectory } from '../tasks/task-directory.js';
import type { Recipient } from '../tasks/tasks.events.js';
import { Claims, type Claimed } from './claims.js';
import { decidePoll, type PollReason } from './decide-poll.js';
import { expiryAfter, HeldTasks, type HeldTask } from './held-tasks.js';
import { Holders } from './holders.js';

export interface PollOutcome {
  readonly reason: PollReason;
  readonly task: HeldTask | null;
  /** Everything that the agent has in progress, `task` included; the last updated of very many. */
  readonly held: readonly HeldTask[];
  /** Of the last fact that the poll recorded; undefined when it recorded none. */
  readonly position: Position | undefined;
}

/** How often a poll starts over because another poll of the same agent was faster, in another process. */
const MAX_ROUNDS = 10;
/** A poll is a sign of life; the log need not hold every one: a tenth of the lease is close enough. */
const RENEWED_PER_LEASE = 10;

/** `GET /api/tasks/queue`: gives an agent its next task, or says why not. */
@Injectable()
export class PollCommands {
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly claims: Claims,
    private readonly heldTasks: HeldTasks,
    private readonly holders: Holders,
    private readonly tasks: TaskDirectory,
  ) {}

  /** The capacity is never exceeded, however many polls of the agent there are at once. Errors: 503. */
  poll(context: CommandContext, who: Recipient, maxCapacity: number): Promise<PollOutcome> {
    return this.mutex.run(JSON.stringify([context.workspaceId, who.agentId ?? who.name]), async () => {
      const lost = new Set<number>();
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const outcome = await this.attempt(context, who, maxCapacity, { isFirst: round === 0, lost });
        if (outcome !== 'again') return outcome;
      }
      throw unavailable('Too many polls of one agent at once');
    });
  }

  private async attempt(
    context: CommandContext,
    who: Recipient,
    maxCapacity: number,
    { isFirst, lost }: { readonly isFirst: boolean; readonly lost: Set<number> },
  ): Promise<PollOutcome | 'again'> {
    const { workspaceId } = context;
    const holder = await (isFirst ? this.holders.load(workspaceId, who) : this.holders.reload(workspaceId, who));
    await this.claims.settle(context, holder.last);
    let held = await this.heldTasks.of(workspaceId, who, holder.last);
    const earlier = isFirst && context.keyed ? held.find((one) => isGivenBy(context, one)) : undefined;
    if (earlier !== undefined) return { reason: 'assigned', task: earlier, held, position: undefined };

    if (held.length < maxCapacity) {
      const taken = await this.claims.take(context, { who, holder, held, lost });
      if (taken === 'overtaken') return 'again';
      if (taken !== 'none') return this.assigned(context, maxCapacity, taken, held);
    }
    if (held.length === 0) return { reason: 'no_tasks_available', task: null, held, position: undefined };

    // What this process remembers may be over by now: nobody is told to go on with it, or to wait for it, on that word.
    const hadRoom = held.length < maxCapacity;
    held = await this.heldTasks.of(workspaceId, who, holder.last, { afresh: true });
    if (held.length === 0 || held.length < maxCapacity !== hadRoom) return 'again';
    const { reason, task } = decidePoll(maxCapacity, held.length, false);
    return this.kept(context, who, reason, held, task === null ? undefined : held[0]);
  }

  private async assigned(
    context: CommandContext,
    maxCapacity: number,
    taken: Claimed,
    before: readonly HeldTask[],
  ): Promise<PollOutcome> {
    const { reason } = decidePoll(maxCapacity, before.length, true);
    const renewed = await Promise.all(before.map((one) => this.renewed(context, one)));
    return {
      reason,
      task: taken.held,
      held: [taken.held, ...renewed.flatMap((one) => one?.held ?? [])],
      position: renewed.reduce((latest, one) => laterOfKnown(latest, one?.position), taken.position),
    };
  }

  private async kept(
    context: CommandContext,
    who: Recipient,
    reason: PollReason,
    held: readonly HeldTask[],
    current: HeldTask | undefined,
  ): Promise<PollOutcome | 'again'> {
    const signs = await Promise.all(
      held.map((one) =>
        one === current && one.task.lease === null
          ? this.claims.giveLease(context, who, one)
          : this.renewed(context, one),
      ),
    );
    const kept = signs.filter((sign) => sign !== undefined);
    if (kept.length < signs.length) return 'again';
    return {
      reason,
      task: current === undefined ? null : (kept[held.indexOf(current)]?.held ?? null),
      held: kept.map((sign) => sign.held),
      position: kept.reduce<Position | undefined>((latest, { position }) => laterOfKnown(latest, position), undefined),
    };
  }

  /** The task with its lease renewed, if that is worth an event. Undefined: the lease is lost. */
  private async renewed(context: CommandContext, held: HeldTask): Promise<Claimed | undefined> {
    const { lease, snapshot } = held.task;
    const now = context.receivedAt;
    if (lease === null || held.renewedAt === null) return { held, position: undefined };
    const renewableAt = held.renewedAt.getTime() + (lease.leaseSeconds * 1_000) / RENEWED_PER_LEASE;
    if (now.getTime() < renewableAt) return { held, position: undefined };
    const step = stepOf(context, `renew:${snapshot.taskId}`);
    const outcome = await this.tasks.execute(step, snapshot.taskId, { type: 'RenewLease', leaseId: lease.leaseId });
    if (outcome.kind === 'refused' || outcome.state.kind !== 'task') return undefined;
    const { state: task, revision, position } = outcome;
    const leaseExpiresAt = expiryAfter(now, lease.leaseSeconds);
    return { held: { ...held, task, revision, renewedAt: now, leaseExpiresAt }, position };
  }
}

/** True when an earlier attempt of this very command took the task, and its answer was lost. */
function isGivenBy(context: CommandContext, { task }: HeldTask): boolean {
  return task.lease?.leaseId === Claims.leaseIdFor(context, task.snapshot.taskId);
}
