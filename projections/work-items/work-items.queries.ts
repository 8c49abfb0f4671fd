import type { Position } from '../../src/platform/event-store/position.js';
import type { NotificationType } from '../../src/notifications/notifications.events.js';
import type { TaskPriority, TaskSnapshot, TaskStatus } from '../../src/tasks/tasks.events.js';
import type { SqlReader } from '../engine/sql.js';
import { recipientKey } from '../notifications/notifications.fold.js';

/** How many there are, and the first of them. */
export interface Section<Item> {
  readonly count: number;
  readonly items: readonly Item[];
}

/** Times are unix seconds. */
export interface MentionItem {
  readonly id: number;
  readonly comment_id: number;
  readonly task_id: number;
  readonly task_title: string;
  readonly author: string;
  readonly content: string;
  readonly created_at: number;
}

export interface AssignedTaskItem {
  readonly id: number;
  readonly title: string;
  readonly status: TaskStatus;
  readonly priority: TaskPriority;
  readonly due_date: number | null;
  readonly project_prefix: string;
  readonly ticket_no: number;
  readonly metadata: TaskSnapshot['metadata'];
  readonly lease_seconds: number | null;
  /** Whose beats renew the lease. */
  readonly lease_agent_id: number | null;
  /** Last sign of life on the task itself. */
  readonly lease_renewed_at: number | null;
  /** Last beat of the holder that is known. */
  readonly last_seen: number | null;
}

export interface NotificationItem {
  readonly id: number;
  readonly type: NotificationType;
  readonly title: string;
  readonly message: string;
  readonly created_at: number;
}

export interface UrgentActivityItem {
  readonly id: number;
  readonly type: string;
  readonly description: string;
  readonly created_at: number;
}

export interface WorkItemSections {
  /** The least checkpoint of the tables, of the same snapshot. */
  readonly checkpoint: Position;
  readonly mentions: Section<MentionItem>;
  readonly assignedTasks: Section<AssignedTaskItem>;
  readonly notifications: Section<NotificationItem>;
  readonly urgentActivities: Section<UrgentActivityItem>;
  /** Ms since 1970 at which something leaves the last hours, and the sections change without a fact. */
  readonly changesAt: number | null;
}

export interface WorkingAgent {
  readonly workspaceId: number;
  readonly agentId: number;
  readonly name: string;
}

/** Mentions and urgent activities count so long. */
export const RECENT_MS = 4 * 3_600_000;

const SHOWN = { mentions: 10, tasks: 10, notifications: 5, activities: 5 } as const;

const OWN = 'workspace_id = $1 and recipient_key in ($2, $3) and read_at is null and deleted_at is null';
const IS_RECENT_MENTION = "type = 'mention' and source_type = 'comment' and created_at > $4";

const NOTIFICATION_WALK = (key: string): string => `
  (select id, type, title, message, created_at, position from notifications
    where workspace_id = $1 and recipient_key = ${key} and read_at is null and deleted_at is null
      and not (${IS_RECENT_MENTION})
    order by position desc limit ${SHOWN.notifications})`;

// As the indexes of the queue have it: each walk stops after the items that may be shown.
const TASK_ORDER = 'priority_rank, coalesce(due_date, 9000000000000), created_at, task_id';
const TASK_WALK = (status: string, whose: string): string => `
  (select * from tasks
    where workspace_id = $1 and deleted_at is null and status = '${status}' and ${whose}
    order by ${TASK_ORDER} limit ${SHOWN.tasks})`;
const BY_ID = 'assigned_agent_id = $5::bigint';
const BY_NAME = 'assigned_agent_id is null and assigned_to = $6';

const seconds = (column: string): string => `floor(extract(epoch from ${column}))::bigint`;

const STATEMENT = `
  with mentions as materialized (
    select id, comment_id, task_id, task_title, author, coalesce(excerpt, '') as content, created_at, position
      from notifications where ${OWN} and ${IS_RECENT_MENTION}
  ),
  shown_mentions as (
    select id, comment_id, task_id, task_title, author, content, ${seconds('created_at')} as created_at
      from mentions order by position desc limit ${SHOWN.mentions}
  ),
  shown_notifications as (
    select id, type, title, message, ${seconds('created_at')} as created_at
      from (${NOTIFICATION_WALK('$2')} union all ${NOTIFICATION_WALK('$3')}) n
     order by position desc limit ${SHOWN.notifications}
  ),
  shown_tasks as (
    select t.task_id as id, t.title, t.status, t.priority, t.due_date, t.project_prefix, t.ticket_no, t.metadata,
           t.lease_seconds, t.lease_agent_id, ${seconds('t.lease_renewed_at')} as lease_renewed_at,
           ${seconds('l.last_seen')} as last_seen
      from (
        select * from (
          ${TASK_WALK('assigned', BY_ID)} union all ${TASK_WALK('assigned', BY_NAME)} union all
          ${TASK_WALK('in_progress', BY_ID)} union all ${TASK_WALK('in_progress', BY_NAME)}
        ) own order by ${TASK_ORDER} limit ${SHOWN.tasks}
      ) t
      left join liveness l on l.agent_id = t.lease_agent_id
     order by t.priority_rank, coalesce(t.due_date, 9000000000000), t.created_at, t.task_id
  ),
  task_total as (
    select coalesce(sum(tasks), 0) as total from task_counts_by_assignee
     where workspace_id = $1 and status in ('assigned', 'in_progress')
       and (assigned_agent_id = $5::bigint or (assigned_agent_id = 0 and assigned_to = $6))
  ),
  unread as (
    select coalesce(sum(unread), 0) as total from notification_counts
     where workspace_id = $1 and recipient_key in ($2, $3)
  ),
  urgent as materialized (
    select id, type, description, created_at from activities
     where workspace_id = $1 and urgent_for in ($2, $3) and created_at > $4
  ),
  shown_urgent as (
    select id, type, description, ${seconds('created_at')} as created_at
      from urgent order by id desc limit ${SHOWN.activities}
  )
  select p.commit_position, p.prepare_position,
         (select count(*) from mentions) as mention_count,
         least((select min(created_at) from mentions), (select min(created_at) from urgent)) as oldest,
         (select json_agg(m) from shown_mentions m) as mentions,
         (select total from task_total) as task_count,
         (select json_agg(t) from shown_tasks t) as assigned_tasks,
         (select total from unread) - (select count(*) from mentions) as notification_count,
         (select json_agg(n) from shown_notifications n) as notifications,
         (select count(*) from urgent) as urgent_count,
         (select json_agg(u) from shown_urgent u) as urgent_activities
    from (
      select commit_position, prepare_position from projection_progress
       where projection in ('tasks', 'notifications', 'activities')
       order by commit_position, prepare_position limit 1
    ) p`;

/** What an agent has to do, over the tables of tasks, notifications and activities, in one statement. */
export class WorkItemQueries {
  constructor(private readonly sql: SqlReader) {}

  /** As of `now`, which is only what counts as recent. */
  async of({ workspaceId, agentId, name }: WorkingAgent, now: Date): Promise<WorkItemSections> {
    const [row] = await this.sql.query<WorkRecord>(STATEMENT, [
      workspaceId,
      recipientKey(name, agentId),
      recipientKey(name, null),
      new Date(now.getTime() - RECENT_MS),
      agentId,
      name,
    ]);
    if (row === undefined) throw new Error('the work items have no checkpoint: the schema is not migrated');
    return {
      checkpoint: { commit: BigInt(row.commit_position), prepare: BigInt(row.prepare_position) },
      mentions: { count: Number(row.mention_count), items: row.mentions ?? [] },
      assignedTasks: { count: Number(row.task_count), items: row.assigned_tasks ?? [] },
      notifications: { count: Number(row.notification_count), items: row.notifications ?? [] },
      urgentActivities: { count: Number(row.urgent_count), items: row.urgent_activities ?? [] },
      changesAt: row.oldest === null ? null : row.oldest.getTime() + RECENT_MS,
    };
  }
}

interface WorkRecord {
  readonly commit_position: string;
  readonly prepare_position: string;
  readonly mention_count: string;
  readonly oldest: Date | null;
  readonly mentions: readonly MentionItem[] | null;
  readonly task_count: string;
  readonly assigned_tasks: readonly AssignedTaskItem[] | null;
  readonly notification_count: string;
  readonly notifications: readonly NotificationItem[] | null;
  readonly urgent_count: string;
  readonly urgent_activities: readonly UrgentActivityItem[] | null;
}
