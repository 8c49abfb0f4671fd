import { Injectable } from '@nestjs/common';
import type { CommandContext } from '../platform/command/command-context.js';
import { effectOf, type TaskEffect } from './task-effect.js';
import { knownTask, TaskDirectory, type KnownTask, type TaskOutcome } from './task-directory.js';
import { noSuchTask, notYours, refusalOf, staleRevision } from './task-refusals.js';
import { TaskViews } from './task-views.js';
import { ownEndOf } from './task-lease.decider.js';
import { taskDecider, type TaskCommand, type TaskRefusal } from './task.decider.js';
import { isAssignedTo } from './task.state.js';
import type { Recipient } from './tasks.events.js';

type Accepted = Extract<TaskOutcome, { kind: 'accepted' }>;
type Attempt = Accepted | { readonly kind: 'refused'; readonly refusal: TaskRefusal };

/** Runs commands on tasks and says what came of it in terms of the contract. */
@Injectable()
export class TaskRunner {
  constructor(
    private readonly directory: TaskDirectory,
    private readonly views: TaskViews,
  ) {}

  async create(context: CommandContext, command: Extract<TaskCommand, { type: 'CreateTask' }>): Promise<TaskEffect> {
    if (!context.keyed) this.directory.expectNew(command.taskId);
    return this.run(context, command.taskId, command);
  }

  /** Errors: every refusal with its status. */
  async run(
    context: CommandContext,
    taskId: number,
    command: TaskCommand,
    expected?: readonly bigint[],
  ): Promise<TaskEffect> {
    const outcome = await this.attempt(context, taskId, command, expected);
    if (outcome.kind === 'refused') throw refusalOf(outcome.refusal);
    return effectOf(context, outcome, await this.after(context, taskId, outcome));
  }

  /** As {@link run}, with refusals as values; only a stale revision is thrown (412). */
  async attempt(
    context: CommandContext,
    taskId: number,
    command: TaskCommand,
    expected?: readonly bigint[],
  ): Promise<Attempt> {
    const outcome = await this.directory.execute(context, taskId, command, expected);
    if (outcome.kind === 'accepted') return outcome;
    const { refusal } = outcome;
    if (refusal.kind !== 'StaleRevision') return { kind: 'refused', refusal };
    const current = knownTask(refusal.current, context.workspaceId);
    if (current === undefined) throw noSuchTask();
    throw staleRevision(refusal, await this.views.view(context.workspaceId, current));
  }

  /** What would be refused as the task is now; nothing is recorded. */
  async preview(context: CommandContext, taskId: number, command: TaskCommand): Promise<TaskRefusal | undefined> {
    const known = await this.directory.refresh(context.workspaceId, taskId);
    const decision = taskDecider.decide(command, known?.task ?? taskDecider.initialState);
    return decision.kind === 'refused' ? decision.refusal : undefined;
  }

  /**
   * The task that a caller may reach: also one that the agent had by this lease, to be told how that ended. Errors: 403
   * when it is not the agent's own, before 404.
   */
  async reach(
    workspaceId: number,
    taskId: number,
    onlyFor: Recipient | undefined,
    leaseId?: string,
  ): Promise<KnownTask> {
    const reaches = (known: KnownTask): boolean =>
      isInReach(known, onlyFor) || (onlyFor !== undefined && ownEndOf(known.task, leaseId, onlyFor) !== undefined);
    const remembered = await this.directory.find(workspaceId, taskId);
    if (remembered !== undefined && reaches(remembered)) return remembered;
    return this.reached(await this.directory.refresh(workspaceId, taskId), onlyFor, reaches);
  }

  /**
   * As {@link reach}, for whoever is shown the task: memory may lag behind what another process has answered already,
   * and unlike a command nothing would refuse that.
   */
  async current(workspaceId: number, taskId: number, onlyFor: Recipient | undefined): Promise<KnownTask> {
    return this.reached(await this.directory.refresh(workspaceId, taskId), onlyFor, (known) =>
      isInReach(known, onlyFor),
    );
  }

  private reached(
    known: KnownTask | undefined,
    onlyFor: Recipient | undefined,
    reaches: (known: KnownTask) => boolean,
  ): KnownTask {
    if (onlyFor !== undefined && (known === undefined || !reaches(known))) throw notYours();
    if (known === undefined) throw noSuchTask();
    return known;
  }

  private async after(context: CommandContext, taskId: number, outcome: Accepted): Promise<KnownTask> {
    const { state, revision, events, replayed } = outcome;
    if (state.kind !== 'task') throw noSuchTask();
    if (events.length > 0 && !replayed) return { task: state, revision, updatedAt: context.receivedAt };
    const now = await this.directory.find(context.workspaceId, taskId);
    return { task: state, revision, updatedAt: now?.updatedAt ?? context.receivedAt };
  }
}

function isInReach({ task }: KnownTask, onlyFor: Recipient | undefined): boolean {
  return onlyFor === undefined || isAssignedTo(task.snapshot, onlyFor);
}
