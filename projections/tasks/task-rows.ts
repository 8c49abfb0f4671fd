import type { GateState, TaskOutcome, TaskPriority, TaskSnapshot, TaskStatus } from '../../src/tasks/tasks.events.js';

/** A task and what its facts do not hold; fits `taskJson`. */
export interface TaskRow {
  readonly task: TaskSnapshot;
  readonly workspaceId: number;
  /** ISO 8601. */
  readonly updatedAt: string;
  /** Revision of the task's stream that the row has reached. */
  readonly revision: bigint;
  readonly lease: TaskLeaseRow | null;
  /** Unix seconds. */
  readonly leaseExpiresAt: number | null;
  readonly commentCount: number;
}

export interface TaskLeaseRow {
  readonly leaseId: string;
  readonly holder: string;
  readonly holderAgentId: number | null;
  readonly epoch: number;
  readonly leaseSeconds: number;
}

// The holder's beats renew its leases without a fact of the task.
/** With {@link LEASE_JOIN}. */
export const TASK_COLUMNS = `
  t.task_id, t.workspace_id, t.title, t.description, t.status, t.priority, t.assigned_to, t.assigned_agent_id,
  t.project_id, t.project_name, t.project_prefix, t.ticket_no, t.due_date, t.estimated_hours, t.actual_hours, t.tags,
  t.metadata, t.outcome, t.error_message, t.resolution, t.feedback_rating, t.feedback_notes, t.retry_count,
  t.completed_at, t.progress, t.last_state, t.gate, t.gate_override, t.created_by, t.created_at, t.updated_at,
  t.revision, t.lease_id, t.lease_holder, t.lease_agent_id, t.lease_epoch, t.lease_seconds, t.comment_count,
  floor(extract(epoch from greatest(t.lease_renewed_at, l.last_seen)) + t.lease_seconds)::float8 as lease_expires_at`;

export const LEASE_JOIN = 'left join liveness l on l.agent_id = t.lease_agent_id';

export interface TaskRecord {
  readonly task_id: string;
  readonly workspace_id: number;
  readonly title: string;
  readonly description: string | null;
  readonly status: TaskStatus;
  readonly priority: TaskPriority;
  readonly assigned_to: string | null;
  readonly assigned_agent_id: string | null;
  readonly project_id: string;
  readonly project_name: string;
  readonly project_prefix: string;
  readonly ticket_no: string;
  readonly due_date: string | null;
  readonly estimated_hours: number | null;
  readonly actual_hours: number | null;
  readonly tags: readonly string[];
  readonly metadata: TaskSnapshot['metadata'];
  readonly outcome: TaskOutcome | null;
  readonly error_message: string | null;
  readonly resolution: string | null;
  readonly feedback_rating: number | null;
  readonly feedback_notes: string | null;
  readonly retry_count: string;
  readonly completed_at: string | null;
  readonly progress: number | null;
  readonly last_state: string | null;
  readonly gate: GateState;
  readonly gate_override: TaskSnapshot['gateOverride'];
  readonly created_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly revision: string;
  readonly lease_id: string | null;
  readonly lease_holder: string | null;
  readonly lease_agent_id: string | null;
  readonly lease_epoch: number | null;
  readonly lease_seconds: number | null;
  readonly lease_expires_at: number | null;
  readonly comment_count: number;
}

export function taskOf(row: TaskRecord): TaskRow {
  return {
    task: {
      taskId: Number(row.task_id),
      title: row.title,
      description: row.description,
      status: row.status,
      priority: row.priority,
      assignedTo: row.assigned_to,
      assignedAgentId: numberOf(row.assigned_agent_id),
      projectId: Number(row.project_id),
      projectName: row.project_name,
      projectPrefix: row.project_prefix,
      ticketNo: Number(row.ticket_no),
      dueDate: numberOf(row.due_date),
      estimatedHours: row.estimated_hours,
      actualHours: row.actual_hours,
      tags: row.tags,
      metadata: row.metadata,
      outcome: row.outcome,
      errorMessage: row.error_message,
      resolution: row.resolution,
      feedbackRating: row.feedback_rating,
      feedbackNotes: row.feedback_notes,
      retryCount: Number(row.retry_count),
      completedAt: numberOf(row.completed_at),
      progress: row.progress,
      lastState: row.last_state,
      gate: row.gate,
      gateOverride: row.gate_override,
      createdBy: row.created_by,
      createdAt: row.created_at.toISOString(),
    },
    workspaceId: row.workspace_id,
    updatedAt: row.updated_at.toISOString(),
    revision: BigInt(row.revision),
    lease: leaseOf(row),
    leaseExpiresAt: row.lease_expires_at,
    commentCount: row.comment_count,
  };
}

function leaseOf(row: TaskRecord): TaskLeaseRow | null {
  if (row.lease_id === null || row.lease_holder === null) return null;
  return {
    leaseId: row.lease_id,
    holder: row.lease_holder,
    holderAgentId: numberOf(row.lease_agent_id),
    epoch: row.lease_epoch ?? 0,
    leaseSeconds: row.lease_seconds ?? 0,
  };
}

export function numberOf(value: string | null): number | null {
  return value === null ? null : Number(value);
}
