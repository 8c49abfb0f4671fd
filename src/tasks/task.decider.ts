import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import { mentions } from './mention.names.js';
import { completion, differences, leaseEffect, statusAfterAssignment } from './task-change.state.js';
import {
  decideBroadcast,
  decideComment,
  type AddComment,
  type Broadcast,
  type DiscussionRefusal,
} from './task-discussion.decider.js';
import {
  decideClaim,
  decideExpiry,
  decideRelease,
  decideRenewal,
  endOf,
  ownEndOf,
  isHolder,
  type ClaimTask,
  type ExpireLease,
  type LeaseRefusal,
  type ReleaseTask,
  type RenewLease,
} from './task-lease.decider.js';
import { decideReport, type ReportOnTask, type ReportRefusal } from './task-report.decider.js';
import { decideReview, type ReviewTask } from './task-review.decider.js';
import { evolveTask, isAssignedTo, moveOf, type LiveTask, type TaskState } from './task.state.js';
import { isGated, mayFollow, taskStatusMachine } from './task-status.js';
import type { Recipient, TaskEvent, TaskFields, TaskSnapshot, TaskStatus } from './tasks.events.js';

export const taskStream = (taskId: number): string => `task-${taskId}`;

export type TaskChanges = Partial<TaskFields>;

/** Times are unix seconds, `at` is the time of the request. */
export type TaskCommand =
  | {
      readonly type: 'CreateTask';
      readonly taskId: number;
      readonly fields: TaskFields;
      readonly author: Recipient;
      /** ISO 8601. */
      readonly createdAt: string;
      readonly at: number;
      readonly mentions: readonly Recipient[];
    }
  | (Confined & {
      readonly type: 'ChangeTask';
      /** A new project comes with its name, prefix and the number of the task in it. */
      readonly changes: TaskChanges;
      /** Who changes it; the holder of the lease renews it by that. */
      readonly by: Recipient;
      /** The lease that the caller believes to hold. */
      readonly leaseId?: string;
      readonly at: number;
      /** Everybody that the new description mentions. */
      readonly mentions: readonly Recipient[];
    })
  | (Confined & { readonly type: 'SetStatus'; readonly status: TaskStatus; readonly at: number })
  | (Confined & { readonly type: 'DeleteTask' })
  | (Confined & AddComment)
  | (Confined & Broadcast)
  | (Confined & ReviewTask)
  | ReportOnTask
  | ClaimTask
  | RenewLease
  | (Confined & ReleaseTask)
  | ExpireLease;

/** An agent's key reaches its own tasks only; that is decided with the rest, and before existence. */
export interface Confined {
  readonly onlyFor?: Recipient;
}

export type TaskRefusal =
  | LeaseRefusal
  | DiscussionRefusal
  | ReportRefusal
  | { readonly kind: 'NoSuchTask' }
  | { readonly kind: 'NoSuchMove' }
  | { readonly kind: 'GateClosed' };

export type TaskDecision = Decision<TaskEvent, TaskRefusal>;

type CommandOf<Type extends TaskCommand['type']> = Extract<TaskCommand, { type: Type }>;

function decide(command: TaskCommand, state: TaskState): TaskDecision {
  if (command.type === 'CreateTask') return state.kind === 'none' ? decideCreate(command) : accepted();
  if (state.kind === 'none') return refused({ kind: isConfined(command) ? 'NotYours' : 'NoSuchTask' });
  if (isConfined(command) && !isAssignedTo(state.snapshot, command.onlyFor)) return decideOutOfReach(command, state);
  if (state.kind === 'deleted') return isAbsorbedByDeletion(command) ? accepted() : refused({ kind: 'NoSuchTask' });
  return decideLive(command, state);
}

type ConfinedCommand = Exclude<TaskCommand, { type: 'CreateTask' }>;

function isConfined(command: ConfinedCommand): command is ConfinedCommand & Required<Confined> {
  return 'onlyFor' in command && command.onlyFor !== undefined;
}

/** Who had the task by the lease that it names is told how that ended, and nothing of what the task is now. */
function decideOutOfReach(command: ConfinedCommand & Required<Confined>, state: TaskState): TaskDecision {
  const leaseId = 'leaseId' in command ? command.leaseId : undefined;
  const how = state.kind === 'task' ? ownEndOf(state, leaseId, command.onlyFor) : undefined;
  if (how === undefined) return refused({ kind: 'NotYours' });
  const isRepeat = command.type === 'ReleaseTask' && how === 'released';
  const isNobodys = state.kind === 'task' && state.snapshot.assignedTo === null;
  return isRepeat && isNobodys ? accepted() : refused({ kind: 'LeaseLost', how });
}

function isAbsorbedByDeletion(command: TaskCommand): boolean {
  return command.type === 'DeleteTask' || command.type === 'ExpireLease';
}

function decideLive(command: Exclude<TaskCommand, { type: 'CreateTask' }>, task: LiveTask): TaskDecision {
  switch (command.type) {
    case 'ChangeTask':
      return decideChange(command, task);
    case 'SetStatus':
      return decideStatus(command, task);
    case 'DeleteTask': {
      const { taskId, title, status, priority, projectId, assignedTo, assignedAgentId } = task.snapshot;
      return accepted({
        type: 'TaskDeleted',
        data: { taskId, title, status, priority, projectId, assignedTo, assignedAgentId },
      });
    }
    case 'AddComment':
      return decideComment(command, task);
    case 'Broadcast':
      return decideBroadcast(command, task);
    case 'ReviewTask':
      return decideReview(command, task);
    case 'ReportProgress':
    case 'ReportCompletion':
    case 'ReportFailure':
      return decideReport(command, task);
    case 'ClaimTask':
      return decideClaim(command, task);
    case 'RenewLease':
      return decideRenewal(command, task);
    case 'ReleaseTask':
      return decideRelease(command, task);
    case 'ExpireLease':
      return decideExpiry(command, task);
    default:
      return unreachable(command);
  }
}

function decideCreate({
  taskId,
  fields,
  author,
  createdAt,
  at,
  mentions: told,
}: CommandOf<'CreateTask'>): TaskDecision {
  const status = fields.status === 'inbox' && fields.assignedTo !== null ? 'assigned' : fields.status;
  if (!mayFollow(taskStatusMachine.initial, status)) return refused({ kind: 'NoSuchMove' });
  const overridden = isGated(status);
  return accepted({
    type: 'TaskCreated',
    data: {
      task: {
        ...fields,
        status,
        completedAt: completion(status, fields.completedAt, at),
        taskId,
        createdBy: author.name,
        createdAt,
        progress: null,
        lastState: null,
        gate: overridden ? 'override' : 'closed',
        gateOverride: overridden ? { actor: author.name, at: createdAt } : null,
      },
      authorAgentId: author.agentId,
      mentions: told,
    },
  });
}

function decideChange(command: CommandOf<'ChangeTask'>, task: LiveTask): TaskDecision {
  const before = task.snapshot;
  const after = changed(before, command);
  const changes = differences(before, after);
  if (changes.length === 0) return accepted();
  if (command.leaseId !== undefined && task.lease?.leaseId !== command.leaseId) {
    return refused({ kind: 'LeaseLost', how: endOf(task, command.leaseId) });
  }
  const move = refusedMove(before, after.status);
  if (move !== undefined) return refused(move);
  const newcomers =
    before.description === after.description
      ? []
      : command.mentions.filter(({ name }) => !mentions(before.description, name));
  return accepted({
    type: 'TaskChanged',
    data: {
      task: after,
      changes,
      previous: Object.fromEntries(changes.map((field) => [field, before[field]])),
      mentions: newcomers,
      reason: 'edit',
      lease: leaseEffect(task, after, command.leaseId !== undefined || isHolder(task, command.by)),
    },
  });
}

/** The task with the changes and what follows from them. */
function changed(before: TaskSnapshot, { changes, at }: CommandOf<'ChangeTask'>): TaskSnapshot {
  const sameProject = changes.projectId === undefined || changes.projectId === before.projectId;
  const { projectId, projectName, projectPrefix, ticketNo } = before;
  const project = sameProject ? { projectId, projectName, projectPrefix, ticketNo } : {};
  const given = { ...before, ...changes, ...project };
  const status = changes.status ?? statusAfterAssignment(before, given);
  const completedAt = isGated(status) ? (given.completedAt ?? before.completedAt ?? at) : given.completedAt;
  return { ...given, status, completedAt };
}

function refusedMove(before: TaskSnapshot, status: TaskStatus): TaskRefusal | undefined {
  if (status === before.status) return undefined;
  if (!mayFollow(before.status, status)) return { kind: 'NoSuchMove' };
  return isGated(status) && before.gate !== 'open' ? { kind: 'GateClosed' } : undefined;
}

function decideStatus({ status, at }: CommandOf<'SetStatus'>, task: LiveTask): TaskDecision {
  if (status === task.snapshot.status) return accepted();
  const refusal = refusedMove(task.snapshot, status);
  if (refusal !== undefined) return refused(refusal);
  const completedAt = completion(status, task.snapshot.completedAt, at);
  return accepted({ type: 'TaskStatusSet', data: { ...moveOf(task.snapshot, { status }), completedAt } });
}

function unreachable(command: never): never {
  throw new Error(`no such command: ${JSON.stringify(command)}`);
}

export const taskDecider: Decider<TaskState, TaskCommand, TaskEvent, TaskRefusal> = {
  initialState: { kind: 'none' },
  decide,
  evolve: evolveTask,
};
