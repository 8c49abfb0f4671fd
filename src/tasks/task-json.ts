import type { Json } from '../platform/event-store/stored-event.js';
import type { TaskFields, TaskSnapshot } from './tasks.events.js';

/** HTTP contract, section 9.1: the names on the wire. */
export const publicField: Readonly<Record<keyof TaskFields, string>> = {
  title: 'title',
  description: 'description',
  status: 'status',
  priority: 'priority',
  assignedTo: 'assigned_to',
  assignedAgentId: 'assigned_to',
  projectId: 'project_id',
  projectName: 'project_id',
  projectPrefix: 'project_id',
  ticketNo: 'project_id',
  dueDate: 'due_date',
  estimatedHours: 'estimated_hours',
  actualHours: 'actual_hours',
  tags: 'tags',
  metadata: 'metadata',
  outcome: 'outcome',
  errorMessage: 'error_message',
  resolution: 'resolution',
  feedbackRating: 'feedback_rating',
  feedbackNotes: 'feedback_notes',
  retryCount: 'retry_count',
  completedAt: 'completed_at',
};

/** What the snapshot of a fact does not hold. `updatedAt` is ISO 8601, `leaseExpiresAt` unix seconds. */
export interface TaskCircumstances {
  readonly workspaceId: number;
  readonly updatedAt: string;
  readonly revision: bigint;
  readonly leaseExpiresAt: number | null;
}

/** The task object of the HTTP contract. */
export function taskJson(task: TaskSnapshot, circumstances: TaskCircumstances): { readonly [key: string]: Json } {
  return {
    id: task.taskId,
    title: task.title,
    description: task.description,
    status: task.status,
    priority: task.priority,
    assigned_to: task.assignedTo,
    created_by: task.createdBy,
    created_at: secondsOf(task.createdAt),
    updated_at: secondsOf(circumstances.updatedAt),
    due_date: task.dueDate,
    estimated_hours: task.estimatedHours,
    actual_hours: task.actualHours,
    tags: task.tags,
    metadata: task.metadata,
    workspace_id: circumstances.workspaceId,
    project_id: task.projectId,
    project_ticket_no: task.ticketNo,
    project_name: task.projectName,
    project_prefix: task.projectPrefix,
    ticket_ref: ticketRef(task.projectPrefix, task.ticketNo),
    outcome: task.outcome,
    error_message: task.errorMessage,
    resolution: task.resolution,
    feedback_rating: task.feedbackRating,
    feedback_notes: task.feedbackNotes,
    retry_count: task.retryCount,
    completed_at: task.completedAt,
    dispatch_attempts: 0,
    revision: Number(circumstances.revision),
    lease_expires_at: circumstances.leaseExpiresAt,
    gate: task.gate,
    gate_override: task.gateOverride,
    progress: task.progress,
    last_state: task.lastState,
  };
}

/** `TASK-007`. */
export function ticketRef(prefix: string, ticketNo: number): string {
  return `${prefix}-${String(ticketNo).padStart(3, '0')}`;
}

export function secondsOf(instant: string): number {
  return Math.floor(Date.parse(instant) / 1_000);
}
