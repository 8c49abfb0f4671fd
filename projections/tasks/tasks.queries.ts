import type { Recipient, TaskPriority, TaskStatus } from '../../src/tasks/tasks.events.js';
import type { SqlReader } from '../engine/sql.js';
import { LEASE_JOIN, numberOf, TASK_COLUMNS, taskOf, type TaskRecord, type TaskRow } from './task-rows.js';

export interface TaskFilter {
  readonly status?: TaskStatus;
  /** The name as it was assigned. */
  readonly assignedTo?: string;
  readonly priority?: TaskPriority;
  readonly projectId?: number;
  /** Only what belongs to this agent. */
  readonly agent?: { readonly id: number; readonly name: string };
}

export interface TaskPage {
  readonly rows: readonly TaskRow[];
  readonly total: number;
}

export interface CommentRow {
  readonly id: number;
  readonly taskId: number;
  readonly workspaceId: number;
  readonly author: string;
  readonly authorAgentId: number | null;
  readonly content: string;
  readonly parentId: number | null;
  readonly mentions: readonly Recipient[];
  readonly createdAt: Date;
}

export interface ReviewRow {
  readonly id: number;
  readonly taskId: number;
  readonly reviewer: string;
  /** Who sent the review, whatever name it bears. */
  readonly actor: string;
  readonly verdict: 'approved' | 'rejected';
  readonly notes: string;
  readonly createdAt: Date;
}

const REVIEWS_SHOWN = 10;

/**
 * Tasks as the log has them. Every method takes the caller's workspace; another workspace's row is as absent as one that
 * never was. Deleted tasks are left out.
 */
export class TaskQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Newest first. The total comes from the counts, whatever the filter. */
  async list(
    workspaceId: number,
    filter: TaskFilter,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<TaskPage> {
    const { conditions, sides, values } = conditionsOf(workspaceId, filter);
    const counts = sides.length > 0 || filter.assignedTo !== undefined ? 'task_counts_by_assignee' : 'task_counts';
    const [limitAt, offsetAt] = [`$${values.length + 1}`, `$${values.length + 2}`];
    const newest = (side: string): string => `
      (select created_at, task_id from tasks
        where deleted_at is null and ${[...conditions, side].join(' and ')}
        order by created_at desc, task_id desc limit ${limitAt}::bigint + ${offsetAt}::bigint)`;
    const rows = await this.sql.query<Counted>(
      `with page as (
         select task_id from (${(sides.length === 0 ? ['true'] : sides.map(taskSide)).map(newest).join(' union all ')}) x
          order by created_at desc, task_id desc limit ${limitAt}::bigint offset ${offsetAt}::bigint
       )
       select total, page.*
         from (
           select coalesce(sum(tasks), 0) as total from ${counts}
            where ${[...conditions, ...(sides.length === 0 ? [] : [`(${sides.map(countSide).join(' or ')})`])].join(' and ')}
         ) counted
         left join lateral (
           select ${TASK_COLUMNS} from page join tasks t on t.task_id = page.task_id ${LEASE_JOIN}
         ) page on true
        order by page.created_at desc, page.task_id desc`,
      [...values, limit, offset],
    );
    return { rows: rows.filter(isTaskRecord).map(taskOf), total: Number(rows[0]?.total ?? 0) };
  }

  async byId(workspaceId: number, taskId: number): Promise<TaskRow | undefined> {
    const [row] = await this.sql.query<TaskRecord>(
      `select ${TASK_COLUMNS} from tasks t ${LEASE_JOIN}
        where t.workspace_id = $1 and t.task_id = $2 and t.deleted_at is null`,
      [workspaceId, taskId],
    );
    return row === undefined ? undefined : taskOf(row);
  }

  /** Oldest first. */
  async comments(workspaceId: number, taskId: number): Promise<readonly CommentRow[]> {
    const rows = await this.sql.query<CommentRecord>(
      `select comment_id, task_id, workspace_id, author, author_agent_id, content, parent_id, mentions, created_at
         from task_comments where task_id = $2 and workspace_id = $1 order by revision`,
      [workspaceId, taskId],
    );
    return rows.map(commentOf);
  }

  /** The last ten, newest first. */
  async reviews(workspaceId: number, taskId: number): Promise<readonly ReviewRow[]> {
    const rows = await this.sql.query<ReviewRecord>(
      `select review_id, task_id, reviewer, actor, verdict, notes, created_at
         from task_reviews where task_id = $2 and workspace_id = $1 order by revision desc limit ${REVIEWS_SHOWN}`,
      [workspaceId, taskId],
    );
    return rows.map(reviewOf);
  }

  /** The last review of each of the tasks that has one. */
  async latestReviews(workspaceId: number, taskIds: readonly number[]): Promise<ReadonlyMap<number, ReviewRow>> {
    const rows = await this.sql.query<ReviewRecord>(
      `select r.*
         from unnest($2::bigint[]) as asked (task_id)
         join lateral (
           select review_id, task_id, reviewer, actor, verdict, notes, created_at
             from task_reviews where task_id = asked.task_id and workspace_id = $1
            order by revision desc limit 1
         ) r on true`,
      [workspaceId, [...new Set(taskIds)]],
    );
    return new Map(rows.map((row) => [Number(row.task_id), reviewOf(row)]));
  }
}

/** An agent has what was assigned to it, and what was assigned to its name while nobody had the name. */
interface Side {
  readonly nobody: boolean;
  readonly condition: string;
}

function conditionsOf(workspaceId: number, filter: TaskFilter) {
  const values: (string | number)[] = [];
  const bound = (value: string | number): string => `$${values.push(value)}`;
  const conditions = [`workspace_id = ${bound(workspaceId)}`];
  if (filter.status !== undefined) conditions.push(`status = ${bound(filter.status)}`);
  if (filter.assignedTo !== undefined) conditions.push(`assigned_to = ${bound(filter.assignedTo)}`);
  if (filter.priority !== undefined) conditions.push(`priority = ${bound(filter.priority)}`);
  if (filter.projectId !== undefined) conditions.push(`project_id = ${bound(filter.projectId)}::bigint`);
  const sides: Side[] =
    filter.agent === undefined
      ? []
      : [
          { nobody: false, condition: `assigned_agent_id = ${bound(filter.agent.id)}::bigint` },
          { nobody: true, condition: `assigned_to = ${bound(filter.agent.name)}` },
        ];
  return { conditions, sides, values };
}

function taskSide({ nobody, condition }: Side): string {
  return nobody ? `assigned_agent_id is null and ${condition}` : condition;
}

function countSide({ nobody, condition }: Side): string {
  return nobody ? `assigned_agent_id = 0 and ${condition}` : condition;
}

interface CommentRecord {
  readonly comment_id: string;
  readonly task_id: string;
  readonly workspace_id: number;
  readonly author: string;
  readonly author_agent_id: string | null;
  readonly content: string;
  readonly parent_id: string | null;
  readonly mentions: readonly Recipient[];
  readonly created_at: Date;
}

interface ReviewRecord {
  readonly review_id: string;
  readonly task_id: string;
  readonly reviewer: string;
  readonly actor: string;
  readonly verdict: ReviewRow['verdict'];
  readonly notes: string;
  readonly created_at: Date;
}

// An empty page is one row that holds only the total.
interface Counted {
  readonly total: string;
}

const isTaskRecord = (row: Counted): row is Counted & TaskRecord => 'task_id' in row && row.task_id !== null;

function commentOf(row: CommentRecord): CommentRow {
  return {
    id: Number(row.comment_id),
    taskId: Number(row.task_id),
    workspaceId: row.workspace_id,
    author: row.author,
    authorAgentId: numberOf(row.author_agent_id),
    content: row.content,
    parentId: numberOf(row.parent_id),
    mentions: row.mentions,
    createdAt: row.created_at,
  };
}

function reviewOf(row: ReviewRecord): ReviewRow {
  return {
    id: Number(row.review_id),
    taskId: Number(row.task_id),
    reviewer: row.reviewer,
    actor: row.actor,
    verdict: row.verdict,
    notes: row.notes,
    createdAt: row.created_at,
  };
}
