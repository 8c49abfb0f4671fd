import { accepted, refused, type Decision } from '../platform/decider/decider.js';
import { isHolder } from './task-lease.decider.js';
import { assigneeOf, isAssignedTo, type LiveTask } from './task.state.js';
import { isLeased } from './task-status.js';
import type {
  LeaseEffect,
  Recipient,
  TaskEvent,
  TaskOutcome,
  TaskReport,
  TaskSnapshot,
  TaskStatus,
} from './tasks.events.js';

/** What an agent reports about its own task. `deliveryKey` is the identity of the callback. */
export type ReportOnTask = {
  readonly by: Recipient;
  readonly deliveryKey: string;
} & (
  | { readonly type: 'ReportProgress'; readonly message: string; readonly progress: number | null }
  | { readonly type: 'ReportCompletion'; readonly summary: string | null; readonly outcome: 'success' | 'partial' }
  | {
      readonly type: 'ReportFailure';
      readonly error: string;
      readonly lastState: string | null;
      readonly outcome: 'failed' | 'abandoned';
    }
);

export type ReportRefusal =
  | { readonly kind: 'NotYours' }
  /** The state does not take this report. */
  | { readonly kind: 'AlreadyElsewhere'; readonly status: TaskStatus }
  /** The very same callback moved this task before; it never moves it again. */
  | { readonly kind: 'SpentDelivery' };

/** An agent may say of work that it has, or that waits for its owner, how it ended. */
const reportable: ReadonlySet<TaskStatus> = new Set(['assigned', 'in_progress', 'awaiting_owner']);

export function decideReport(command: ReportOnTask, task: LiveTask): Decision<TaskEvent, ReportRefusal> {
  const { snapshot } = task;
  if (!isAssignedTo(snapshot, command.by)) return refused({ kind: 'NotYours' });
  const goal = goalOf(command, snapshot);
  const spent = task.deliveryKeys.includes(command.deliveryKey);
  if (command.type === 'ReportProgress') {
    if (spent) return accepted();
    return reportable.has(snapshot.status) ? accepted(reported(command, task, goal)) : elsewhere(snapshot);
  }
  if (snapshot.status === goal.status) return accepted();
  if (spent) return refused({ kind: 'SpentDelivery' });
  return reportable.has(snapshot.status) ? accepted(reported(command, task, goal)) : elsewhere(snapshot);
}

function elsewhere({ status }: TaskSnapshot): Decision<never, ReportRefusal> {
  return refused({ kind: 'AlreadyElsewhere', status });
}

function goalOf(command: ReportOnTask, before: TaskSnapshot): TaskSnapshot {
  switch (command.type) {
    case 'ReportProgress':
      return { ...before, progress: command.progress ?? before.progress };
    case 'ReportCompletion':
      return {
        ...before,
        status: 'review',
        resolution: command.summary ?? before.resolution,
        outcome: command.outcome satisfies TaskOutcome,
      };
    case 'ReportFailure':
      return {
        ...before,
        status: 'failed',
        errorMessage: command.error,
        lastState: command.lastState,
        outcome: command.outcome satisfies TaskOutcome,
      };
  }
}

function reported(command: ReportOnTask, before: LiveTask, task: TaskSnapshot): TaskEvent {
  const data: TaskReport = {
    task,
    previousStatus: before.snapshot.status,
    deliveryKey: command.deliveryKey,
    lease: leaseEffect(before, task, command.by),
  };
  switch (command.type) {
    case 'ReportProgress':
      return { type: 'TaskProgressReported', data: { ...data, message: command.message } };
    case 'ReportCompletion':
      return { type: 'TaskCompletionReported', data };
    case 'ReportFailure':
      return { type: 'TaskFailureReported', data };
  }
}

/** A report is a sign of life of the holder; the end of the work is the end of the lease. */
function leaseEffect(before: LiveTask, after: TaskSnapshot, by: Recipient): LeaseEffect {
  if (before.lease === null) return 'none';
  if (!isLeased(after.status) || assigneeOf(after) === null) return 'ended';
  return isHolder(before, by) ? 'renewed' : 'kept';
}
