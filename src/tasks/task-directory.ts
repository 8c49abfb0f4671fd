import { Injectable, Optional } from '@nestjs/common';
import { Aggregates, type Loaded } from '../platform/command/aggregates.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { DecisionLoop, type Outcome } from '../platform/command/decision-loop.js';
import { refused } from '../platform/decider/decider.js';
import { EventStore } from '../platform/event-store/event-store.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { taskDecider, taskStream, type TaskCommand, type TaskRefusal } from './task.decider.js';
import type { LiveTask, TaskState } from './task.state.js';
import type { TaskEvent } from './tasks.events.js';

/** How long after its last proof the tail's word is taken for what memory holds. */
const TRUST_MS = 3_000;

const LOOK_UPS_AT_ONCE = 32;

/** The caller decided on another revision than the task has by now. */
export interface StaleRevision {
  readonly kind: 'StaleRevision';
  readonly current: Loaded<TaskState>;
}

export type TaskOutcome = Outcome<TaskState, TaskEvent, TaskRefusal | StaleRevision>;

/** A task that there is, with where it stands in its stream. */
export interface KnownTask {
  readonly task: LiveTask;
  readonly revision: bigint;
  /** When its last fact was recorded. */
  readonly updatedAt: Date;
}

/** Which tasks there are, straight from their streams: the strongly consistent side of tasks. */
@Injectable()
export class TaskDirectory {
  private readonly tasks: Aggregates<TaskState, TaskEvent>;
  private readonly loop: DecisionLoop<TaskState, TaskEvent>;

  constructor(store: EventStore, @Optional() tail?: LogTail) {
    this.tasks = new Aggregates(store, { isLive: () => tail?.isLive(TRUST_MS) ?? false }, taskDecider);
    this.loop = new DecisionLoop(store, this.tasks, taskDecider);
    tail?.onBatch((entries) => {
      for (const entry of entries) {
        if (!('unreadable' in entry) && entry.stream.startsWith('task-')) this.tasks.follow(entry);
      }
    });
  }

  /**
   * Decides and appends on one task's stream. A task of another workspace looks like none. `expected` are the
   * revisions that the caller goes by: at another one nothing is decided.
   */
  async execute(
    context: CommandContext,
    taskId: number,
    command: TaskCommand,
    expected?: readonly bigint[],
  ): Promise<TaskOutcome> {
    return this.loop.execute<TaskRefusal | StaleRevision>(taskStream(taskId), context, (loaded) => {
      const decision = taskDecider.decide(command, seenFrom(loaded, context.workspaceId));
      if (expected === undefined || expected.includes(loaded.revision) || hidesTheTask(decision)) return decision;
      return refused({ kind: 'StaleRevision', current: loaded });
    });
  }

  /** The task with this id in this workspace; undefined when there is none, or none any more. */
  async find(workspaceId: number, taskId: number): Promise<KnownTask | undefined> {
    return isTaskId(taskId) ? knownTask(await this.tasks.load(taskStream(taskId)), workspaceId) : undefined;
  }

  /** As {@link find}, straight from the store, whatever memory holds. */
  async refresh(workspaceId: number, taskId: number): Promise<KnownTask | undefined> {
    return isTaskId(taskId) ? knownTask(await this.tasks.reload(taskStream(taskId)), workspaceId) : undefined;
  }

  /** Which of these there are. */
  async existing(workspaceId: number, taskIds: readonly number[]): Promise<ReadonlySet<number>> {
    const asked = [...new Set(taskIds)];
    const found = new Set<number>();
    for (let from = 0; from < asked.length; from += LOOK_UPS_AT_ONCE) {
      const some = asked.slice(from, from + LOOK_UPS_AT_ONCE);
      const known = await Promise.all(
        some.map(async (taskId) => (await this.find(workspaceId, taskId)) ?? this.refresh(workspaceId, taskId)),
      );
      for (const [at, taskId] of some.entries()) if (known[at] !== undefined) found.add(taskId);
    }
    return found;
  }

  /** Every event of one task, oldest first, also of one that was deleted. */
  async history(workspaceId: number, taskId: number): Promise<readonly StoredEvent<TaskEvent>[]> {
    if (!isTaskId(taskId)) return [];
    const events = await this.tasks.history(taskStream(taskId));
    return events[0]?.metadata.workspaceId === workspaceId ? events : [];
  }

  /** A number that this process has just been given: there is no such stream yet, so nobody need ask. */
  expectNew(taskId: number): void {
    this.tasks.assumeNew(taskStream(taskId));
  }
}

export function knownTask(
  { state, revision, lastAt, workspaceId: owner }: Loaded<TaskState>,
  workspaceId: number,
): KnownTask | undefined {
  if (state.kind !== 'task' || owner !== workspaceId || lastAt === undefined) return undefined;
  return { task: state, revision, updatedAt: lastAt };
}

function isTaskId(taskId: number): boolean {
  return Number.isSafeInteger(taskId) && taskId > 0;
}

function seenFrom({ state, workspaceId }: Loaded<TaskState>, asker: number): TaskState {
  return workspaceId === undefined || workspaceId === asker ? state : { kind: 'none' };
}

function hidesTheTask(decision: ReturnType<typeof taskDecider.decide>): boolean {
  return decision.kind === 'refused' && ['NoSuchTask', 'NotYours', 'LeaseLost'].includes(decision.refusal.kind);
}
