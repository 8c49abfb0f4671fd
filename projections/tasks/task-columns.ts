import { taskPriorities, type TaskSnapshot } from '../../src/tasks/tasks.events.js';
import { plainArray, textArray } from '../engine/pg-array.js';
import type { TaskChange } from './tasks.fold.js';

/** A column of a set-based statement: its name, its type, and the array of its values. */
export interface Column<Row> {
  readonly name: string;
  readonly type: string;
  readonly array: (rows: readonly Row[]) => string;
}

type Plain = string | number | bigint | boolean | null;

export function plain<Row>(name: string, type: string, valueOf: (row: Row) => Plain): Column<Row> {
  return { name, type, array: (rows) => plainArray(rows.map(valueOf)) };
}

export function text<Row>(name: string, type: string, valueOf: (row: Row) => string | null): Column<Row> {
  return { name, type, array: (rows) => textArray(rows.map(valueOf)) };
}

/** `select * from unnest(…) as u (…)`, with the parameters in the order of the columns. */
export function unnest<Row>(columns: readonly Column<Row>[]): string {
  const parameters = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  return `unnest(${parameters}) as u (${namesOf(columns)})`;
}

export function namesOf<Row>(columns: readonly Column<Row>[]): string {
  return columns.map(({ name }) => name).join(', ');
}

export function arraysOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): readonly string[] {
  return columns.map(({ array }) => array(rows));
}

/** A change that holds the whole picture of its task. */
export type WholeChange = TaskChange & { readonly snapshot: TaskSnapshot };

export const identity: readonly Column<TaskChange>[] = [
  plain('task_id', 'bigint', ({ taskId }) => taskId),
  plain('revision', 'bigint', ({ revision }) => revision),
];

/** What only the creation says. */
export const originColumns: readonly Column<WholeChange>[] = [
  plain('workspace_id', 'integer', ({ workspaceId }) => workspaceId),
  text('created_by', 'text', ({ snapshot }) => snapshot.createdBy),
  text('created_at', 'timestamptz', ({ snapshot }) => snapshot.createdAt),
];

export const snapshotColumns: readonly Column<WholeChange>[] = [
  text('title', 'text', ({ snapshot }) => snapshot.title),
  text('description', 'text', ({ snapshot }) => snapshot.description),
  text('status', 'text', ({ snapshot }) => snapshot.status),
  text('priority', 'text', ({ snapshot }) => snapshot.priority),
  plain('priority_rank', 'smallint', ({ snapshot }) => taskPriorities.indexOf(snapshot.priority)),
  text('assigned_to', 'text', ({ snapshot }) => snapshot.assignedTo),
  plain('assigned_agent_id', 'bigint', ({ snapshot }) => snapshot.assignedAgentId),
  plain('project_id', 'bigint', ({ snapshot }) => snapshot.projectId),
  text('project_name', 'text', ({ snapshot }) => snapshot.projectName),
  text('project_prefix', 'text', ({ snapshot }) => snapshot.projectPrefix),
  plain('ticket_no', 'bigint', ({ snapshot }) => snapshot.ticketNo),
  plain('due_date', 'bigint', ({ snapshot }) => snapshot.dueDate),
  plain('estimated_hours', 'float8', ({ snapshot }) => snapshot.estimatedHours),
  plain('actual_hours', 'float8', ({ snapshot }) => snapshot.actualHours),
  text('tags', 'json', ({ snapshot }) => JSON.stringify(snapshot.tags)),
  text('metadata', 'json', ({ snapshot }) => JSON.stringify(snapshot.metadata)),
  text('outcome', 'text', ({ snapshot }) => snapshot.outcome),
  text('error_message', 'text', ({ snapshot }) => snapshot.errorMessage),
  text('resolution', 'text', ({ snapshot }) => snapshot.resolution),
  plain('feedback_rating', 'smallint', ({ snapshot }) => snapshot.feedbackRating),
  text('feedback_notes', 'text', ({ snapshot }) => snapshot.feedbackNotes),
  plain('retry_count', 'bigint', ({ snapshot }) => snapshot.retryCount),
  plain('completed_at', 'bigint', ({ snapshot }) => snapshot.completedAt),
  plain('progress', 'float8', ({ snapshot }) => snapshot.progress),
  text('last_state', 'text', ({ snapshot }) => snapshot.lastState),
  text('gate', 'text', ({ snapshot }) => snapshot.gate),
  text('gate_override', 'json', ({ snapshot }) =>
    snapshot.gateOverride === null ? null : JSON.stringify(snapshot.gateOverride),
  ),
];

/** Fields that a move may set to nothing say by a bit whether they were touched at all. */
export const touched = { assignee: 1, completedAt: 2 } as const;

export const moveColumns: readonly Column<TaskChange>[] = [
  plain('mask', 'integer', ({ moved }) => maskOf(moved)),
  text('status', 'text', ({ moved }) => moved.status ?? null),
  text('assigned_to', 'text', ({ moved }) => moved.assignedTo ?? null),
  plain('assigned_agent_id', 'bigint', ({ moved }) => moved.assignedAgentId ?? null),
  plain('completed_at', 'bigint', ({ moved }) => moved.completedAt ?? null),
  text('error_message', 'text', ({ moved }) => moved.errorMessage ?? null),
  text('gate', 'text', ({ moved }) => moved.gate ?? null),
];

function maskOf(moved: TaskChange['moved']): number {
  let mask = 0;
  if (moved.assignedTo !== undefined) mask |= touched.assignee;
  if (moved.completedAt !== undefined) mask |= touched.completedAt;
  return mask;
}

/** Times, the lease and the counts; the same for rows that are made and rows that change. */
export const circumstanceColumns: readonly Column<TaskChange>[] = [
  text('updated_at', 'timestamptz', ({ updatedAt }) => updatedAt ?? null),
  text('deleted_at', 'timestamptz', ({ deletedAt }) => deletedAt ?? null),
  plain('lease_id', 'uuid', ({ lease }) => lease?.leaseId ?? null),
  text('lease_holder', 'text', ({ lease }) => lease?.holder ?? null),
  plain('lease_agent_id', 'bigint', ({ lease }) => lease?.holderAgentId ?? null),
  plain('lease_epoch', 'integer', ({ lease }) => lease?.epoch ?? null),
  plain('lease_seconds', 'integer', ({ lease }) => lease?.leaseSeconds ?? null),
  text('lease_renewed_at', 'timestamptz', ({ leaseRenewedAt }) => leaseRenewedAt ?? null),
  plain('comment_count', 'integer', ({ comments }) => comments),
  plain('interventions', 'integer', ({ interventions }) => interventions),
];

/** Whether the lease is another one now, or none. */
export const leaseSet: Column<TaskChange> = plain('lease_set', 'boolean', ({ lease }) => lease !== undefined);
