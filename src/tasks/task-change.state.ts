import { sameJson } from '../platform/decider/same-json.js';
import { assigneeOf, sameRecipient, type LiveTask } from './task.state.js';
import { isGated, isLeased } from './task-status.js';
import type { LeaseEffect, TaskFields, TaskSnapshot, TaskStatus } from './tasks.events.js';

/** Whoever gets a task takes it out of the inbox, and nobody puts it back. */
export function statusAfterAssignment(before: TaskSnapshot, after: TaskSnapshot): TaskStatus {
  if (before.assignedTo === after.assignedTo) return before.status;
  if (before.status === 'inbox' && after.assignedTo !== null) return 'assigned';
  if (before.status === 'assigned' && after.assignedTo === null) return 'inbox';
  return before.status;
}

/** What is done has a time of completion. */
export function completion(status: TaskStatus, known: number | null, at: number): number | null {
  return isGated(status) ? (known ?? at) : known;
}

/** What a change does to the lease of the task that is `after` it. */
export function leaseEffect({ lease }: LiveTask, after: TaskSnapshot, byHolder: boolean): LeaseEffect {
  if (lease === null) return 'none';
  const assignee = assigneeOf(after);
  if (
    !isLeased(after.status) ||
    assignee === null ||
    !sameRecipient(assignee, { name: lease.holder, agentId: lease.holderAgentId })
  )
    return 'ended';
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

/** The fields that a change is about, sorted. */
export function differences(before: TaskSnapshot, after: TaskSnapshot): readonly (keyof TaskFields)[] {
  return settableFields.filter((field) => !sameJson(before[field], after[field]));
}
