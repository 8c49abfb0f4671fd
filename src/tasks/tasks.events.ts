import type { Json } from '../platform/event-store/stored-event.js';

export const taskStatuses = [
  'backlog',
  'inbox',
  'assigned',
  'awaiting_owner',
  'in_progress',
  'review',
  'quality_review',
  'done',
  'failed',
] as const;
export type TaskStatus = (typeof taskStatuses)[number];

/** Most urgent first: the index is the rank. */
export const taskPriorities = ['critical', 'high', 'medium', 'low'] as const;
export type TaskPriority = (typeof taskPriorities)[number];

export const taskOutcomes = ['success', 'failed', 'partial', 'abandoned'] as const;
export type TaskOutcome = (typeof taskOutcomes)[number];

export const gateStates = ['closed', 'open', 'override'] as const;
export type GateState = (typeof gateStates)[number];

/** An agent by the name that the caller used, and the agent that held it then; null: nobody did. */
export interface Recipient {
  readonly name: string;
  readonly agentId: number | null;
}

/** Everything that may be set from outside. Times are unix seconds. */
export interface TaskFields {
  readonly title: string;
  readonly description: string | null;
  readonly status: TaskStatus;
  readonly priority: TaskPriority;
  readonly assignedTo: string | null;
  /** The agent that held the name when it was assigned; null: nobody did. */
  readonly assignedAgentId: number | null;
  readonly projectId: number;
  readonly projectName: string;
  readonly projectPrefix: string;
  /** Number of the task within its project. */
  readonly ticketNo: number;
  readonly dueDate: number | null;
  readonly estimatedHours: number | null;
  readonly actualHours: number | null;
  readonly tags: readonly string[];
  readonly metadata: { readonly [key: string]: Json | undefined };
  readonly outcome: TaskOutcome | null;
  readonly errorMessage: string | null;
  readonly resolution: string | null;
  readonly feedbackRating: number | null;
  readonly feedbackNotes: string | null;
  readonly retryCount: number;
  readonly completedAt: number | null;
}

/** A task as a fact leaves it, so that listeners and read models need no history. */
export interface TaskSnapshot extends TaskFields {
  readonly taskId: number;
  readonly createdBy: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** 0 to 100. */
  readonly progress: number | null;
  readonly lastState: string | null;
  readonly gate: GateState;
  readonly gateOverride: { readonly actor: string; readonly at: string } | null;
}

/** What a change did to the lease: a sign of life of the holder renews it. */
export type LeaseEffect = 'none' | 'kept' | 'renewed' | 'ended';

/** Stream `task-{id}`. */
export interface TaskCreated {
  readonly type: 'TaskCreated';
  readonly data: {
    readonly task: TaskSnapshot;
    /** The agent that `createdBy` was, if it was one. */
    readonly authorAgentId: number | null;
    readonly mentions: readonly Recipient[];
  };
}

export interface TaskChanged {
  readonly type: 'TaskChanged';
  readonly data: {
    readonly task: TaskSnapshot;
    /** The fields that differ, sorted, and what they were before. */
    readonly changes: readonly (keyof TaskFields)[];
    readonly previous: Partial<TaskFields>;
    /** Mentioned by the new description and not by the old one. */
    readonly mentions: readonly Recipient[];
    readonly reason: 'edit' | 'mention';
    readonly lease: LeaseEffect;
  };
}

/** What every move of a task between states and hands says. */
export interface TaskMove {
  readonly taskId: number;
  readonly title: string;
  readonly status: TaskStatus;
  readonly previousStatus: TaskStatus;
  readonly priority: TaskPriority;
  readonly projectId: number;
  readonly assignedTo: string | null;
  readonly assignedAgentId: number | null;
  readonly previousAssignee: string | null;
  readonly previousAgentId: number | null;
}

export interface Lease {
  readonly leaseId: string;
  /** Who holds the task: the name that it polled with, and the agent behind it if there is one. */
  readonly holder: string;
  readonly holderAgentId: number | null;
  /** Grows by one per claim of the task. */
  readonly epoch: number;
  readonly leaseSeconds: number;
}

export interface TaskClaimed {
  readonly type: 'TaskClaimed';
  readonly data: TaskMove & Lease;
}

/** The holder gave a sign of life on the task itself. Its beats are not repeated here. */
export interface TaskLeaseRenewed {
  readonly type: 'TaskLeaseRenewed';
  readonly data: { readonly taskId: number } & Lease;
}

export interface TaskReleased {
  readonly type: 'TaskReleased';
  readonly data: TaskMove & { readonly leaseId: string; readonly holder: string; readonly reason: string | null };
}

export interface TaskLeaseExpired {
  readonly type: 'TaskLeaseExpired';
  readonly data: TaskMove & { readonly leaseId: string; readonly holder: string };
}

/** A status set by a bulk update. */
export interface TaskStatusSet {
  readonly type: 'TaskStatusSet';
  readonly data: TaskMove & { readonly completedAt: number | null };
}

export interface TaskReviewed {
  readonly type: 'TaskReviewed';
  readonly data: TaskMove & {
    readonly reviewId: number;
    readonly reviewer: string;
    readonly verdict: 'approved' | 'rejected';
    readonly notes: string;
    readonly gate: GateState;
    readonly errorMessage: string | null;
    readonly completedAt: number | null;
  };
}

export interface CommentAdded {
  readonly type: 'CommentAdded';
  readonly data: {
    readonly commentId: number;
    readonly taskId: number;
    readonly taskTitle: string;
    readonly author: string;
    readonly authorAgentId: number | null;
    readonly content: string;
    readonly parentId: number | null;
    readonly mentions: readonly Recipient[];
    /** Who else follows the task: neither the author nor mentioned. */
    readonly subscribers: readonly Recipient[];
    readonly assignedTo: string | null;
    readonly assignedAgentId: number | null;
    readonly lease: LeaseEffect;
  };
}

export interface TaskBroadcast {
  readonly type: 'TaskBroadcast';
  readonly data: {
    readonly taskId: number;
    readonly title: string;
    readonly message: string;
    readonly recipients: readonly Recipient[];
    readonly assignedTo: string | null;
    readonly assignedAgentId: number | null;
  };
}

/** The agent that has the task told, by a signed callback, how it goes; the task is as this leaves it. */
export interface TaskReport {
  readonly task: TaskSnapshot;
  readonly previousStatus: TaskStatus;
  /** The delivery that told it. A task is moved by one delivery once. */
  readonly deliveryKey: string;
  readonly lease: LeaseEffect;
}

export interface TaskProgressReported {
  readonly type: 'TaskProgressReported';
  readonly data: TaskReport & { readonly message: string };
}

export interface TaskCompletionReported {
  readonly type: 'TaskCompletionReported';
  readonly data: TaskReport;
}

export interface TaskFailureReported {
  readonly type: 'TaskFailureReported';
  readonly data: TaskReport;
}

export interface TaskDeleted {
  readonly type: 'TaskDeleted';
  readonly data: {
    readonly taskId: number;
    readonly title: string;
    readonly status: TaskStatus;
    readonly priority: TaskPriority;
    readonly projectId: number;
    readonly assignedTo: string | null;
    readonly assignedAgentId: number | null;
  };
}

export type TaskEvent =
  | TaskCreated
  | TaskChanged
  | TaskClaimed
  | TaskLeaseRenewed
  | TaskReleased
  | TaskLeaseExpired
  | TaskStatusSet
  | TaskReviewed
  | CommentAdded
  | TaskBroadcast
  | TaskProgressReported
  | TaskCompletionReported
  | TaskFailureReported
  | TaskDeleted;
