import { isLeased } from './task-status.js';
import type { Lease, Recipient, TaskEvent, TaskMove, TaskSnapshot, TaskStatus } from './tasks.events.js';

/** What a task returns to when the lease is given back or runs out. */
export interface BeforeClaim {
  readonly status: TaskStatus;
  readonly assignedTo: string | null;
  readonly assignedAgentId: number | null;
}

export type HeldLease = Lease & { readonly before: BeforeClaim };

export type LeaseEnd = 'expired' | 'released' | 'superseded';

export interface EndedLease {
  readonly leaseId: string;
  readonly holder: Recipient;
  readonly how: LeaseEnd;
}

export interface LiveTask {
  readonly kind: 'task';
  readonly snapshot: TaskSnapshot;
  readonly lease: HeldLease | null;
  /** Of the last claim; 0 before the first. */
  readonly epoch: number;
  /** How the most recent leases ended, newest last. */
  readonly endedLeases: readonly EndedLease[];
  readonly commentIds: readonly number[];
  /** The most recent reviews, newest last. */
  readonly reviewIds: readonly number[];
  /** The most recent callbacks that moved it, newest last. */
  readonly deliveryKeys: readonly string[];
  /** Who is told about comments: author, assignees, commenters, mentioned ones. */
  readonly subscribers: readonly Recipient[];
}

export type TaskState =
  { readonly kind: 'none' } | LiveTask | { readonly kind: 'deleted'; readonly snapshot: TaskSnapshot };

const REMEMBERED_LEASES = 20;
const REMEMBERED_REVIEWS = 50;
const REMEMBERED_DELIVERIES = 200;

/** An agent's id decides; where one of the two is not known, the name. */
export function sameRecipient(a: Recipient, b: Recipient): boolean {
  return a.agentId !== null && b.agentId !== null ? a.agentId === b.agentId : a.name === b.name;
}

type Assignment = Pick<TaskSnapshot, 'assignedTo' | 'assignedAgentId'>;

/** A task belongs to the agent that held the name when it was assigned; if nobody did, to whoever has the name. */
export function isAssignedTo({ assignedTo, assignedAgentId }: Assignment, who: Recipient): boolean {
  return assignedAgentId === null ? assignedTo === who.name : assignedAgentId === who.agentId;
}

export function assigneeOf({ assignedTo, assignedAgentId }: Assignment): Recipient | null {
  return assignedTo === null ? null : { name: assignedTo, agentId: assignedAgentId };
}

type Placement = Pick<TaskSnapshot, 'status' | 'assignedTo' | 'assignedAgentId'>;

/** A move of the task to another state or into other hands; what is not said stays. */
export function moveOf(before: TaskSnapshot, to: Partial<Placement>): TaskMove {
  const { taskId, title, status, priority, projectId, assignedTo, assignedAgentId } = before;
  return {
    taskId,
    title,
    status: to.status ?? status,
    previousStatus: status,
    priority,
    projectId,
    assignedTo: to.assignedTo === undefined ? assignedTo : to.assignedTo,
    assignedAgentId: to.assignedAgentId === undefined ? assignedAgentId : to.assignedAgentId,
    previousAssignee: assignedTo,
    previousAgentId: assignedAgentId,
  };
}

/** Everybody of `more` who is not among `known` yet, after them. */
export function union(known: readonly Recipient[], more: readonly Recipient[]): readonly Recipient[] {
  return more.reduce<readonly Recipient[]>(
    (all, one) => (all.some((other) => sameRecipient(other, one)) ? all : [...all, one]),
    known,
  );
}

export function evolveTask(state: TaskState, event: TaskEvent): TaskState {
  if (event.type === 'TaskCreated') {
    const { task, authorAgentId, mentions } = event.data;
    const assignee = assigneeOf(task);
    const author = { name: task.createdBy, agentId: authorAgentId };
    return {
      kind: 'task',
      snapshot: task,
      lease: null,
      epoch: 0,
      endedLeases: [],
      commentIds: [],
      reviewIds: [],
      deliveryKeys: [],
      subscribers: union([author], assignee === null ? mentions : [assignee, ...mentions]),
    };
  }
  return state.kind === 'task' ? evolveLive(state, event) : state;
}

function evolveLive(state: LiveTask, event: Exclude<TaskEvent, { type: 'TaskCreated' }>): TaskState {
  switch (event.type) {
    case 'TaskChanged': {
      const { task, lease, mentions } = event.data;
      const assignee = assigneeOf(task);
      const changed = {
        ...state,
        snapshot: task,
        subscribers: union(state.subscribers, assignee === null ? mentions : [assignee, ...mentions]),
      };
      return lease === 'ended' ? leaseEnded(changed, 'superseded') : changed;
    }
    case 'TaskClaimed': {
      const { leaseId, holder, holderAgentId, epoch, leaseSeconds } = event.data;
      const lease = { leaseId, holder, holderAgentId, epoch, leaseSeconds, before: beforeClaim(event.data) };
      return {
        ...moved(state, event.data),
        lease,
        epoch,
        subscribers: union(state.subscribers, [{ name: holder, agentId: holderAgentId }]),
      };
    }
    case 'TaskReleased':
      return leaseEnded(moved(state, event.data), 'released');
    case 'TaskLeaseExpired':
      return leaseEnded(moved(state, event.data), 'expired');
    case 'TaskStatusSet': {
      const after = moved(state, event.data, { completedAt: event.data.completedAt });
      return isLeased(event.data.status) ? after : leaseEnded(after, 'superseded');
    }
    case 'TaskReviewed': {
      const { gate, errorMessage, completedAt, reviewId, status } = event.data;
      const after = moved(state, event.data, {
        gate,
        completedAt,
        ...(errorMessage === null ? {} : { errorMessage }),
      });
      const reviewed = { ...after, reviewIds: [...state.reviewIds, reviewId].slice(-REMEMBERED_REVIEWS) };
      return isLeased(status) ? reviewed : leaseEnded(reviewed, 'superseded');
    }
    case 'CommentAdded': {
      const { commentId, author, authorAgentId, mentions } = event.data;
      return {
        ...state,
        commentIds: [...state.commentIds, commentId],
        subscribers: union(state.subscribers, [{ name: author, agentId: authorAgentId }, ...mentions]),
      };
    }
    case 'TaskProgressReported':
    case 'TaskCompletionReported':
    case 'TaskFailureReported': {
      const { task, lease, deliveryKey } = event.data;
      const deliveryKeys = [...state.deliveryKeys, deliveryKey].slice(-REMEMBERED_DELIVERIES);
      const reported = { ...state, snapshot: task, deliveryKeys };
      return lease === 'ended' ? leaseEnded(reported, 'superseded') : reported;
    }
    case 'TaskDeleted':
      return { kind: 'deleted', snapshot: state.snapshot };
    default:
      return state;
  }
}

function moved(state: LiveTask, move: TaskMove, more: Partial<TaskSnapshot> = {}): LiveTask {
  const { status, assignedTo, assignedAgentId } = move;
  return { ...state, snapshot: { ...state.snapshot, status, assignedTo, assignedAgentId, ...more } };
}

function beforeClaim(claim: TaskMove): BeforeClaim {
  return {
    status: isLeased(claim.previousStatus) ? 'assigned' : claim.previousStatus,
    assignedTo: claim.previousAssignee,
    assignedAgentId: claim.previousAgentId,
  };
}

function leaseEnded(state: LiveTask, how: LeaseEnd): LiveTask {
  if (state.lease === null) return state;
  const { leaseId, holder: name, holderAgentId: agentId } = state.lease;
  const ended = [...state.endedLeases, { leaseId, holder: { name, agentId }, how }];
  return { ...state, lease: null, endedLeases: ended.slice(-REMEMBERED_LEASES) };
}
