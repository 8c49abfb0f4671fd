import type { SqlTransaction } from '../engine/sql.js';
import {
  arraysOf,
  circumstanceColumns,
  type Column,
  identity,
  leaseSet,
  moveColumns,
  namesOf,
  originColumns,
  plain,
  snapshotColumns,
  text,
  touched,
  unnest,
  type WholeChange,
} from './task-columns.js';
import type { AddedComment, GivenReview, TaskChange, TaskChanges } from './tasks.fold.js';

export async function writeTasks(
  transaction: SqlTransaction,
  { tasks, comments, reviews }: TaskChanges,
  version: number,
): Promise<void> {
  const rows = [...tasks.values()].sort((a, b) => a.taskId - b.taskId);
  const whole = rows.filter(isWhole);
  const spent = [
    await createTasks(
      transaction,
      whole.filter((row) => row.isCreation),
      version,
    ),
    await changeTasks(
      transaction,
      whole.filter((row) => !row.isCreation),
      version,
    ),
    await moveTasks(
      transaction,
      rows.filter((row) => row.snapshot === undefined),
      version,
    ),
  ];
  await forgetSpent(transaction, spent.flat(), version);
  await addComments(transaction, comments, version);
  await addReviews(transaction, reviews, version);
}

const isWhole = (row: TaskChange): row is WholeChange => row.snapshot !== undefined;

const createdColumns: readonly Column<WholeChange>[] = [
  ...identity,
  ...originColumns,
  ...snapshotColumns,
  ...circumstanceColumns,
];

function createTasks(transaction: SqlTransaction, rows: readonly WholeChange[], v: number): Promise<Spent[]> {
  return counted(transaction, createdColumns, rows, {
    name: `tasks_create_v${v}`,
    v,
    before: 'false',
    change: `
      insert into tasks_v${v} as t (${namesOf(createdColumns)}) select * from u
      on conflict (task_id) do nothing`,
  });
}

const changedColumns: readonly Column<WholeChange>[] = [
  ...identity,
  ...snapshotColumns,
  ...circumstanceColumns,
  leaseSet,
];

function changeTasks(transaction: SqlTransaction, rows: readonly WholeChange[], v: number): Promise<Spent[]> {
  const assignments = snapshotColumns.map(({ name }) => `${name} = u.${name}`).join(', ');
  return counted(transaction, changedColumns, rows, {
    name: `tasks_change_v${v}`,
    v,
    before: OLDER,
    change: `
      update tasks_v${v} t set ${assignments}, ${CIRCUMSTANCES}
        from u where t.task_id = u.task_id and ${OLDER}`,
  });
}

const movedColumns: readonly Column<TaskChange>[] = [...identity, ...moveColumns, ...circumstanceColumns, leaseSet];

function moveTasks(transaction: SqlTransaction, rows: readonly TaskChange[], v: number): Promise<Spent[]> {
  const masked = (bit: number, column: string): string =>
    `${column} = case when u.mask & ${bit} <> 0 then u.${column} else t.${column} end`;
  return counted(transaction, movedColumns, rows, {
    name: `tasks_move_v${v}`,
    v,
    before: OLDER,
    change: `
      update tasks_v${v} t
         set status = coalesce(u.status, t.status),
             ${masked(touched.assignee, 'assigned_to')},
             ${masked(touched.assignee, 'assigned_agent_id')},
             ${masked(touched.completedAt, 'completed_at')},
             error_message = coalesce(u.error_message, t.error_message),
             gate = coalesce(u.gate, t.gate),
             ${CIRCUMSTANCES}
        from u where t.task_id = u.task_id and ${OLDER}`,
  });
}

const OLDER = 't.revision < u.revision';

const LEASE = ['lease_id', 'lease_holder', 'lease_agent_id', 'lease_epoch', 'lease_seconds'] as const;

const CIRCUMSTANCES = `
  ${LEASE.map((column) => `${column} = case when u.lease_set then u.${column} else t.${column} end`).join(', ')},
  lease_renewed_at =
    case when u.lease_set then u.lease_renewed_at
         when t.lease_id is not null then coalesce(u.lease_renewed_at, t.lease_renewed_at) end,
  updated_at = coalesce(u.updated_at, t.updated_at),
  deleted_at = coalesce(u.deleted_at, t.deleted_at),
  comment_count = t.comment_count + u.comment_count,
  interventions = t.interventions + u.interventions,
  revision = u.revision`;

/** A count that came down to nothing. `assigned_to` null: of the table without assignees. */
interface Spent {
  readonly workspace_id: number;
  readonly status: string;
  readonly priority: string;
  readonly project_id: string;
  readonly assigned_to: string | null;
  readonly assigned_agent_id: string | null;
}

const KIND = 'workspace_id, status, priority, project_id';
const KIND_BY_ASSIGNEE = 'workspace_id, assigned_to, assigned_agent_id, status, priority, project_id';

interface Counting {
  readonly name: string;
  readonly v: number;
  /** Which rows `change` touches. */
  readonly before: string;
  readonly change: string;
}

/**
 * Rows and counts in one statement: the counts move by the difference between the rows before and after it. The
 * checkpoint lets an event in once, so adding is exact.
 */
async function counted<Row>(
  transaction: SqlTransaction,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { name, v, before, change }: Counting,
): Promise<Spent[]> {
  if (rows.length === 0) return [];
  return transaction.run<Spent>({
    name,
    text: `
      with u as materialized (select * from ${unnest(columns)}),
      before as (
        select t.workspace_id, t.status, t.priority, t.project_id, t.assigned_to, t.assigned_agent_id
          from tasks_v${v} t join u on u.task_id = t.task_id
         where ${before} and t.deleted_at is null
      ),
      changed as (
        ${change}
        returning t.workspace_id, t.status, t.priority, t.project_id, t.assigned_to, t.assigned_agent_id, t.deleted_at
      ),
      steps as materialized (
        select ${KIND}, assigned_to, coalesce(assigned_agent_id, 0) as assigned_agent_id, sum(step) as step
          from (
            select ${KIND}, assigned_to, assigned_agent_id, -1 as step from before
            union all
            select ${KIND}, assigned_to, assigned_agent_id, 1 from changed where deleted_at is null
          ) one
         group by ${KIND}, 5, 6
        having sum(step) <> 0
      ),
      counts as (${addSteps(`task_counts_v${v}`, KIND, '')}),
      by_assignee as (
        ${addSteps(`task_counts_by_assignee_v${v}`, KIND_BY_ASSIGNEE, 'where assigned_to is not null')}
      )
      select ${KIND}, null as assigned_to, null as assigned_agent_id from counts where tasks = 0
      union all
      select ${KIND}, assigned_to, assigned_agent_id from by_assignee where tasks = 0`,
    values: arraysOf(columns, rows),
  });
}

function addSteps(table: string, key: string, where: string): string {
  return `
    insert into ${table} as c (${key}, tasks)
    select ${key}, sum(step) from steps ${where} group by ${key} having sum(step) <> 0 order by ${key}
    on conflict (${key}) do update set tasks = c.tasks + excluded.tasks
    returning ${key}, tasks`;
}

/** A kind without tasks has no row, as if there had never been one. */
async function forgetSpent(transaction: SqlTransaction, spent: readonly Spent[], v: number): Promise<void> {
  const ofKind = spent.filter((row) => row.assigned_to === null);
  const ofAssignee = spent.filter((row) => row.assigned_to !== null);
  if (ofKind.length > 0) {
    await transaction.run({
      name: `task_counts_forget_v${v}`,
      text: `
        delete from task_counts_v${v} c using ${unnest(kindColumns)}
         where (c.workspace_id, c.status, c.priority, c.project_id)
             = (u.workspace_id, u.status, u.priority, u.project_id)
           and c.tasks = 0`,
      values: arraysOf(kindColumns, ofKind),
    });
  }
  if (ofAssignee.length > 0) {
    await transaction.run({
      name: `task_counts_by_assignee_forget_v${v}`,
      text: `
        delete from task_counts_by_assignee_v${v} c using ${unnest(assigneeColumns)}
         where (c.workspace_id, c.assigned_to, c.assigned_agent_id, c.status, c.priority, c.project_id)
             = (u.workspace_id, u.assigned_to, u.assigned_agent_id, u.status, u.priority, u.project_id)
           and c.tasks = 0`,
      values: arraysOf(assigneeColumns, ofAssignee),
    });
  }
}

const kindColumns: readonly Column<Spent>[] = [
  plain('workspace_id', 'integer', (row) => row.workspace_id),
  text('status', 'text', (row) => row.status),
  text('priority', 'text', (row) => row.priority),
  plain('project_id', 'bigint', (row) => row.project_id),
];

const assigneeColumns: readonly Column<Spent>[] = [
  ...kindColumns,
  text('assigned_to', 'text', (row) => row.assigned_to),
  plain('assigned_agent_id', 'bigint', (row) => row.assigned_agent_id),
];

const commentColumns: readonly Column<AddedComment>[] = [
  plain('comment_id', 'bigint', (row) => row.commentId),
  plain('task_id', 'bigint', (row) => row.taskId),
  plain('workspace_id', 'integer', (row) => row.workspaceId),
  text('author', 'text', (row) => row.author),
  plain('author_agent_id', 'bigint', (row) => row.authorAgentId),
  text('content', 'text', (row) => row.content),
  plain('parent_id', 'bigint', (row) => row.parentId),
  text('mentions', 'json', (row) => JSON.stringify(row.mentions)),
  text('created_at', 'timestamptz', (row) => row.at),
  plain('revision', 'bigint', (row) => row.revision),
];

async function addComments(transaction: SqlTransaction, rows: readonly AddedComment[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `task_comments_add_v${v}`,
    text: `
      insert into task_comments_v${v} (${namesOf(commentColumns)}) select * from ${unnest(commentColumns)}
      on conflict (comment_id) do nothing`,
    values: arraysOf(commentColumns, rows),
  });
}

const reviewColumns: readonly Column<GivenReview>[] = [
  plain('review_id', 'bigint', (row) => row.reviewId),
  plain('task_id', 'bigint', (row) => row.taskId),
  plain('workspace_id', 'integer', (row) => row.workspaceId),
  text('reviewer', 'text', (row) => row.reviewer),
  text('actor', 'text', (row) => row.actor),
  text('verdict', 'text', (row) => row.verdict),
  text('notes', 'text', (row) => row.notes),
  text('created_at', 'timestamptz', (row) => row.at),
  plain('revision', 'bigint', (row) => row.revision),
];

async function addReviews(transaction: SqlTransaction, rows: readonly GivenReview[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `task_reviews_add_v${v}`,
    text: `
      insert into task_reviews_v${v} (${namesOf(reviewColumns)}) select * from ${unnest(reviewColumns)}
      on conflict (review_id) do nothing`,
    values: arraysOf(reviewColumns, rows),
  });
}
