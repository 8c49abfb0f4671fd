import type {
  CommentAdded,
  GateState,
  Lease,
  LeaseEffect,
  Recipient,
  TaskChanged,
  TaskEvent,
  TaskMove,
  TaskReviewed,
  TaskSnapshot,
  TaskStatus,
} from '../../src/tasks/tasks.events.js';
import type { Actor } from '../../src/platform/event-store/stored-event.js';
import type { Stored } from '../engine/projection.js';

/** The fields that a move of a task sets. An absent one was not touched. */
export interface TaskMoved {
  status?: TaskStatus;
  assignedTo?: string | null;
  assignedAgentId?: number | null;
  completedAt?: number | null;
  errorMessage?: string;
  gate?: GateState;
}

/** What a batch says about one task. An absent field was not touched; `null` was set to nothing. */
export interface TaskChange {
  readonly taskId: number;
  readonly workspaceId: number;
  /** The batch holds the creation: then the change is the whole row. */
  isCreation: boolean;
  /** The last whole picture in the batch, with the moves after it. */
  snapshot?: TaskSnapshot;
  /** Moves in a batch without a whole picture. */
  moved: TaskMoved;
  lease?: Lease | null;
  leaseRenewedAt?: string;
  updatedAt?: string;
  deletedAt?: string;
  comments: number;
  interventions: number;
  /** Of the task's stream, of the last event folded: an older change never overwrites a newer one. */
  revision: bigint;
}

export interface AddedComment {
  readonly commentId: number;
  readonly taskId: number;
  readonly workspaceId: number;
  readonly author: string;
  readonly authorAgentId: number | null;
  readonly content: string;
  readonly parentId: number | null;
  readonly mentions: readonly Recipient[];
  readonly at: string;
  /** Of the task's stream: what was said first. */
  readonly revision: bigint;
}

export interface GivenReview {
  readonly reviewId: number;
  readonly taskId: number;
  readonly workspaceId: number;
  readonly reviewer: string;
  readonly actor: string;
  readonly verdict: TaskReviewed['data']['verdict'];
  readonly notes: string;
  readonly at: string;
  readonly revision: bigint;
}

export interface TaskChanges {
  readonly tasks: ReadonlyMap<number, TaskChange>;
  readonly comments: readonly AddedComment[];
  readonly reviews: readonly GivenReview[];
}

export function foldTasks(events: readonly Stored<TaskEvent>[]): TaskChanges {
  const tasks = new Map<number, TaskChange>();
  const comments: AddedComment[] = [];
  const reviews: GivenReview[] = [];

  for (const event of events) {
    foldTask(changeOf(tasks, event), event);
    if (event.type === 'CommentAdded') comments.push(commentOf(event));
    if (event.type === 'TaskReviewed') reviews.push(reviewOf(event));
  }
  return { tasks, comments, reviews };
}

export function taskIdOf(data: TaskEvent['data']): number {
  return 'task' in data ? data.task.taskId : data.taskId;
}

function changeOf(tasks: Map<number, TaskChange>, event: Stored<TaskEvent>): TaskChange {
  const taskId = taskIdOf(event.data);
  let change = tasks.get(taskId);
  if (change === undefined) {
    change = {
      taskId,
      workspaceId: event.metadata.workspaceId,
      isCreation: false,
      moved: {},
      comments: 0,
      interventions: 0,
      revision: event.revision,
    };
    tasks.set(taskId, change);
  }
  change.revision = event.revision;
  return change;
}

function foldTask(change: TaskChange, event: Stored<TaskEvent>): void {
  const at = event.metadata.recordedAt;
  switch (event.type) {
    case 'TaskCreated':
      change.isCreation = true;
      change.snapshot = event.data.task;
      change.updatedAt = at;
      return;
    case 'TaskChanged':
      change.snapshot = event.data.task;
      change.moved = {};
      change.updatedAt = at;
      affectLease(change, event.data.lease, at);
      if (isReassignment(event.data, event.metadata.actor)) change.interventions += 1;
      return;
    case 'TaskClaimed':
      move(change, { status: event.data.status, ...assigneeOf(event.data) }, at);
      holdLease(change, event.data, at);
      return;
    case 'TaskLeaseRenewed':
      holdLease(change, event.data, at);
      return;
    case 'TaskReleased':
    case 'TaskLeaseExpired':
      move(change, { status: event.data.status, ...assigneeOf(event.data) }, at);
      endLease(change);
      return;
    case 'TaskStatusSet': {
      const { status, completedAt } = event.data;
      move(change, { status, ...assigneeOf(event.data), completedAt }, at);
      if (status !== 'in_progress') endLease(change);
      return;
    }
    case 'TaskReviewed': {
      const { status, completedAt, errorMessage, gate, verdict } = event.data;
      const told = errorMessage === null ? {} : { errorMessage };
      move(change, { status, ...assigneeOf(event.data), completedAt, gate, ...told }, at);
      if (status !== 'in_progress') endLease(change);
      if (verdict === 'rejected' && !isBy(event.metadata.actor, event.data.reviewer, previousOf(event.data))) {
        change.interventions += 1;
      }
      return;
    }
    case 'CommentAdded':
      change.comments += 1;
      affectLease(change, event.data.lease, at);
      return;
    case 'TaskProgressReported':
    case 'TaskCompletionReported':
    case 'TaskFailureReported':
      change.snapshot = event.data.task;
      change.moved = {};
      change.updatedAt = at;
      affectLease(change, event.data.lease, at);
      return;
    case 'TaskBroadcast':
      return;
    case 'TaskDeleted':
      change.deletedAt = at;
      endLease(change);
  }
}

function move(change: TaskChange, moved: TaskMoved, at: string): void {
  if (change.snapshot === undefined) Object.assign(change.moved, moved);
  else change.snapshot = { ...change.snapshot, ...moved };
  change.updatedAt = at;
}

function assigneeOf({ assignedTo, assignedAgentId }: TaskMove): Pick<TaskMove, 'assignedTo' | 'assignedAgentId'> {
  return { assignedTo, assignedAgentId };
}

function holdLease(change: TaskChange, lease: Lease, at: string): void {
  const { leaseId, holder, holderAgentId, epoch, leaseSeconds } = lease;
  change.lease = { leaseId, holder, holderAgentId, epoch, leaseSeconds };
  change.leaseRenewedAt = at;
}

function endLease(change: TaskChange): void {
  change.lease = null;
  delete change.leaseRenewedAt;
}

function affectLease(change: TaskChange, effect: LeaseEffect, at: string): void {
  if (effect === 'renewed') change.leaseRenewedAt = at;
  if (effect === 'ended') endLease(change);
}

interface Hands {
  readonly name: string | null;
  readonly agentId: number | null;
}

function previousOf({ previousAssignee, previousAgentId }: TaskMove): Hands {
  return { name: previousAssignee, agentId: previousAgentId };
}

/** True when the task was taken from the one who had it by somebody else. */
function isReassignment({ changes, previous, task }: TaskChanged['data'], actor: Actor): boolean {
  const { assignedTo: name = null, assignedAgentId: agentId = task.assignedAgentId } = previous;
  if (!changes.includes('assignedTo') || name === null) return false;
  return !isBy(actor, actor.name, { name, agentId });
}

function isBy(actor: Actor, name: string, hands: Hands): boolean {
  if (actor.kind === 'agent' && hands.agentId !== null) return actor.id === String(hands.agentId);
  return name === hands.name;
}

function commentOf(event: Stored<CommentAdded>): AddedComment {
  const { commentId, taskId, author, authorAgentId, content, parentId, mentions } = event.data;
  const { workspaceId, recordedAt: at } = event.metadata;
  const { revision } = event;
  return { commentId, taskId, workspaceId, author, authorAgentId, content, parentId, mentions, at, revision };
}

function reviewOf(event: Stored<TaskReviewed>): GivenReview {
  const { reviewId, taskId, reviewer, verdict, notes } = event.data;
  const { workspaceId, recordedAt: at, actor } = event.metadata;
  return { reviewId, taskId, workspaceId, reviewer, actor: actor.name, verdict, notes, at, revision: event.revision };
}
