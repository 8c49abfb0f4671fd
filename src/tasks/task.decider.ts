import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import { sameJson } from '../platform/decider/same-json.js';
import { mentions } from './mention.names.js';
import {
  decideClaim,
  decideExpiry,
  decideRelease,
  decideRenewal,
  endOf,
  holderOf,
  isHolder,
  type ClaimTask,
  type ExpireLease,
  type LeaseRefusal,
  type ReleaseTask,
  type RenewLease,
} from './task-lease.decider.js';
import {
  assigneeOf,
  evolveTask,
  isAssignedTo,
  moveOf,
  sameRecipient,
  type LiveTask,
  type TaskState,
} from './task.state.js';
import { isGated, isLeased, mayFollow, taskStatusMachine } from './task-status.js';
import type {
  GateState,
  LeaseEffect,
  Recipient,
  TaskEvent,
  TaskFields,
  TaskSnapshot,
  TaskStatus,
} from './tasks.events.js';

export const taskStream = (taskId: number): string => `task-${taskId}`;

/** Whose word opens and closes the done gate. */
export const GATE_KEEPER = 'aegis';

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
  | (Confined & {
      readonly type: 'AddComment';
      readonly commentId: number;
      readonly author: Recipient;
      readonly content: string;
      readonly parentId: number | null;
      readonly mentions: readonly Recipient[];
    })
  | (Confined & { readonly type: 'Broadcast'; readonly message: string; readonly by: Recipient })
  | (Confined & {
      readonly type: 'ReviewTask';
      readonly reviewId: number;
      readonly reviewer: string;
      readonly verdict: 'approved' | 'rejected';
      readonly notes: string;
      readonly at: number;
    })
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
  | { readonly kind: 'NoSuchTask' }
  | { readonly kind: 'NotYours' }
  | { readonly kind: 'NoSuchParent' }
  | { readonly kind: 'NoSuchMove' }
  | { readonly kind: 'GateClosed' };

export type TaskDecision = Decision<TaskEvent, TaskRefusal>;

type CommandOf<Type extends TaskCommand['type']> = Extract<TaskCommand, { type: Type }>;

function decide(command: TaskCommand, state: TaskState): TaskDecision {
  if (command.type === 'CreateTask') return state.kind === 'none' ? decideCreate(command) : accepted();
  if (state.kind === 'none') return refused({ kind: isConfined(command) ? 'NotYours' : 'NoSuchTask' });
  if (isConfined(command) && !isAssignedTo(state.snapshot, command.onlyFor)) return refused({ kind: 'NotYours' });
  if (state.kind === 'deleted') return isAbsorbedByDeletion(command) ? accepted() : refused({ kind: 'NoSuchTask' });
  return decideLive(command, state);
}

function isConfined(
  command: Exclude<TaskCommand, { type: 'CreateTask' }>,
): command is typeof command & Required<Confined> {
  return 'onlyFor' in command && command.onlyFor !== undefined;
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

function statusAfterAssignment(before: TaskSnapshot, after: TaskSnapshot): TaskStatus {
  if (before.assignedTo === after.assignedTo) return before.status;
  if (before.status === 'inbox' && after.assignedTo !== null) return 'assigned';
  if (before.status === 'assigned' && after.assignedTo === null) return 'inbox';
  return before.status;
}

/** What is done has a time of completion. */
function completion(status: TaskStatus, known: number | null, at: number): number | null {
  return isGated(status) ? (known ?? at) : known;
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

function decideComment(command: CommandOf<'AddComment'>, task: LiveTask): TaskDecision {
  const { commentId, author, content, parentId } = command;
  if (task.commentIds.includes(commentId)) return accepted();
  if (parentId !== null && !task.commentIds.includes(parentId)) return refused({ kind: 'NoSuchParent' });
  const { taskId, title: taskTitle, assignedTo, assignedAgentId } = task.snapshot;
  const others = task.subscribers.filter(
    (one) => !sameRecipient(one, author) && !command.mentions.some((mentioned) => sameRecipient(one, mentioned)),
  );
  return accepted<TaskEvent>(
    {
      type: 'CommentAdded',
      data: {
        commentId,
        taskId,
        taskTitle,
        author: author.name,
        authorAgentId: author.agentId,
        content,
        parentId,
        mentions: command.mentions,
        subscribers: others,
        assignedTo,
        assignedAgentId,
        lease: leaseEffect(task, task.snapshot, isHolder(task, author)),
      },
    },
    ...assignedByMention(task, command.mentions[0]),
  );
}

/** Nobody has the task: whoever is asked first has it from here on. */
function assignedByMention({ snapshot }: LiveTask, mentioned: Recipient | undefined): readonly TaskEvent[] {
  if (mentioned === undefined || snapshot.assignedTo !== null) return [];
  const assigned = { ...snapshot, assignedTo: mentioned.name, assignedAgentId: mentioned.agentId };
  const task = { ...assigned, status: statusAfterAssignment(snapshot, assigned) };
  const changes = differences(snapshot, task);
  const previous = Object.fromEntries(changes.map((field) => [field, snapshot[field]]));
  return [{ type: 'TaskChanged', data: { task, changes, previous, mentions: [], reason: 'mention', lease: 'none' } }];
}

function decideBroadcast({ message, by }: CommandOf<'Broadcast'>, task: LiveTask): TaskDecision {
  const { taskId, title, assignedTo, assignedAgentId } = task.snapshot;
  const recipients = task.subscribers.filter((one) => !sameRecipient(one, by));
  return accepted({
    type: 'TaskBroadcast',
    data: { taskId, title, message, recipients, assignedTo, assignedAgentId },
  });
}

function decideReview(command: CommandOf<'ReviewTask'>, task: LiveTask): TaskDecision {
  const { reviewId, reviewer, verdict, notes, at } = command;
  if (task.reviewIds.includes(reviewId)) return accepted();
  const before = task.snapshot;
  const rejected = verdict === 'rejected';
  const status = statusAfterReview(command, before);
  return accepted({
    type: 'TaskReviewed',
    data: {
      ...moveOf(before, { status }),
      reviewId,
      reviewer,
      verdict,
      notes,
      gate: gateAfterReview(command, before.gate),
      errorMessage: rejected ? `Quality review rejected by ${reviewer}: ${notes}` : null,
      completedAt: completion(status, before.completedAt, at),
    },
  });
}

function statusAfterReview({ reviewer, verdict }: CommandOf<'ReviewTask'>, before: TaskSnapshot): TaskStatus {
  if (verdict === 'rejected') return assigneeOf(before) === null ? before.status : 'in_progress';
  return reviewer === GATE_KEEPER ? 'done' : before.status;
}

function gateAfterReview({ reviewer, verdict }: CommandOf<'ReviewTask'>, gate: GateState): GateState {
  if (reviewer !== GATE_KEEPER) return gate;
  return verdict === 'approved' ? 'open' : 'closed';
}

function leaseEffect({ lease }: LiveTask, after: TaskSnapshot, byHolder: boolean): LeaseEffect {
  if (lease === null) return 'none';
  const assignee = assigneeOf(after);
  if (!isLeased(after.status) || assignee === null || !sameRecipient(assignee, holderOf(lease))) return 'ended';
  return byHolder ? 'renewed' : 'kept';
}

const settable: Readonly<Record<keyof TaskFields, true>> = {
  title: true,
  description: true,
  status: true,
  priority: true,
  assignedTo: true,
  assignedAgentId: true,
  projectId: true,
  projectName: true,
  projectPrefix: true,
  ticketNo: true,
  dueDate: true,
  estimatedHours: true,
  actualHours: true,
  tags: true,
  metadata: true,
  outcome: true,
  errorMessage: true,
  resolution: true,
  feedbackRating: true,
  feedbackNotes: true,
  retryCount: true,
  completedAt: true,
};
const settableFields = (Object.keys(settable) as (keyof TaskFields)[]).sort();

function differences(before: TaskSnapshot, after: TaskSnapshot): readonly (keyof TaskFields)[] {
  return settableFields.filter((field) => !sameJson(before[field], after[field]));
}

function unreachable(command: never): never {
  throw new Error(`no such command: ${JSON.stringify(command)}`);
}

export const taskDecider: Decider<TaskState, TaskCommand, TaskEvent, TaskRefusal> = {
  initialState: { kind: 'none' },
  decide,
  evolve: evolveTask,
};
