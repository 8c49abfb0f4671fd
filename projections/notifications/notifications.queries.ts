import type { NotificationSource, NotificationType } from '../../src/notifications/notifications.events.js';
import type { TaskStatus } from '../../src/tasks/tasks.events.js';
import type { SqlReader } from '../engine/sql.js';

export interface NotificationRow {
  readonly id: number;
  readonly workspaceId: number;
  readonly recipient: string;
  readonly recipientAgentId: number | null;
  readonly type: NotificationType;
  readonly title: string;
  readonly message: string;
  readonly sourceType: NotificationSource;
  readonly sourceId: number;
  readonly taskId: number;
  readonly commentId: number | null;
  readonly author: string;
  readonly excerpt: string | null;
  readonly taskTitle: string;
  readonly createdAt: Date;
  readonly deliveredAt: Date | null;
  readonly readAt: Date | null;
  /** The task as it is now; null when it is gone. */
  readonly task: { readonly title: string; readonly status: TaskStatus } | null;
}

/** Whose notifications: a name, and the agent that holds it now; null: nobody does. */
export interface Inbox {
  readonly recipient: string;
  readonly agentId: number | null;
}

export interface NotificationFilter {
  readonly unreadOnly?: boolean;
  readonly type?: NotificationType;
}

export interface NotificationPage {
  readonly rows: readonly NotificationRow[];
  readonly total: number;
  /** Of the whole inbox, whatever the filter. */
  readonly unread: number;
}

/** What marking a notification must know of it. */
export interface MarkableRow {
  readonly id: number;
  /** Its place in the log, for going on after it. */
  readonly position: bigint;
  readonly recipient: string;
  readonly recipientAgentId: number | null;
  readonly isRead: boolean;
  readonly isDelivered: boolean;
}

export interface Stretch {
  readonly after: bigint;
  readonly limit: number;
}

const COLUMNS = `
  n.id, n.workspace_id, n.recipient, n.recipient_agent_id, n.type, n.title, n.message, n.source_type, n.source_id,
  n.task_id, n.comment_id, n.author, n.excerpt, n.task_title, n.created_at, n.delivered_at, n.read_at,
  t.title as now_title, t.status as now_status`;

const WITH_TASK = 'left join tasks t on t.task_id = n.task_id and t.deleted_at is null';

const MARKABLE = 'id, position, recipient, recipient_agent_id, read_at, delivered_at';

/**
 * Notifications as the log has them, without the deleted ones. Every method takes the caller's workspace; another
 * workspace's row is as absent as one that never was.
 */
export class NotificationQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Newest first. */
  async list(
    workspaceId: number,
    inbox: Inbox,
    filter: NotificationFilter,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<NotificationPage> {
    const { byAgent, byName } = keysOf(inbox);
    const where = [
      ...(filter.unreadOnly === true ? ['read_at is null'] : []),
      ...(filter.type === undefined ? [] : ['type = $4']),
    ];
    const wanted = `deleted_at is null${where.map((condition) => ` and ${condition}`).join('')}`;
    const keys = [workspaceId, byAgent, byName];
    const values = filter.type === undefined ? keys : [...keys, filter.type];
    const [rows, counts] = await Promise.all([
      this.sql.query<NotificationRecord>(
        // Two ordered walks over one index, merged: the page costs the same however full the inbox is.
        `select ${COLUMNS} from (
           (select * from notifications where workspace_id = $1 and recipient_key = $2 and ${wanted}
             order by position desc limit ${limit + offset})
           union all
           (select * from notifications where workspace_id = $1 and recipient_key = $3 and ${wanted}
             order by position desc limit ${limit + offset})
         ) n ${WITH_TASK}
         order by n.position desc limit ${limit} offset ${offset}`,
        values,
      ),
      this.counts(workspaceId, inbox),
    ]);
    const total = await this.total(where, wanted, values, counts);
    return { rows: rows.map(notificationOf), total, unread: counts.unread };
  }

  /** Those of the ids that there are. */
  async byIds(workspaceId: number, ids: readonly number[]): Promise<readonly MarkableRow[]> {
    const rows = await this.sql.query<MarkableRecord>(
      `select ${MARKABLE} from notifications
        where workspace_id = $1 and id = any($2::bigint[]) and deleted_at is null order by position`,
      [workspaceId, [...ids]],
    );
    return rows.map(markableOf);
  }

  /** Not yet marked so and after a place of the log, oldest first. */
  async unmarked(
    workspaceId: number,
    inbox: Inbox,
    mark: 'read' | 'delivered',
    { after, limit }: Stretch,
  ): Promise<readonly MarkableRow[]> {
    return this.markable(workspaceId, inbox, `${mark === 'read' ? 'read_at' : 'delivered_at'} is null`, [after], limit);
  }

  /** Raised before an instant and after a place of the log, oldest first. */
  async before(
    workspaceId: number,
    inbox: Inbox,
    instant: Date,
    { after, limit }: Stretch,
  ): Promise<readonly MarkableRow[]> {
    return this.markable(workspaceId, inbox, 'created_at < $5', [after, instant], limit);
  }

  /** Oldest first. */
  async rowsOf(workspaceId: number, ids: readonly number[]): Promise<readonly NotificationRow[]> {
    const rows = await this.sql.query<NotificationRecord>(
      `select ${COLUMNS} from notifications n ${WITH_TASK}
        where n.workspace_id = $1 and n.id = any($2::bigint[]) and n.deleted_at is null order by n.position`,
      [workspaceId, [...ids]],
    );
    return rows.map(notificationOf);
  }

  private async markable(
    workspaceId: number,
    inbox: Inbox,
    condition: string,
    values: readonly unknown[],
    limit: number,
  ): Promise<readonly MarkableRow[]> {
    const { byAgent, byName } = keysOf(inbox);
    const rows = await this.sql.query<MarkableRecord>(
      `select ${MARKABLE} from notifications
        where workspace_id = $1 and recipient_key in ($2, $3) and position > $4 and deleted_at is null
          and ${condition}
        order by position limit ${limit}`,
      [workspaceId, byAgent, byName, ...values],
    );
    return rows.map(markableOf);
  }

  private async counts(
    workspaceId: number,
    inbox: Inbox,
  ): Promise<{ readonly total: number; readonly unread: number }> {
    const { byAgent, byName } = keysOf(inbox);
    const [row] = await this.sql.query<{ total: string; unread: string }>(
      `select coalesce(sum(total), 0) as total, coalesce(sum(unread), 0) as unread
         from notification_counts where workspace_id = $1 and recipient_key in ($2, $3)`,
      [workspaceId, byAgent, byName],
    );
    return { total: Number(row?.total ?? 0), unread: Number(row?.unread ?? 0) };
  }

  private async total(
    where: readonly string[],
    wanted: string,
    values: readonly unknown[],
    counts: { readonly total: number; readonly unread: number },
  ): Promise<number> {
    if (where.length === 0) return counts.total;
    if (where.length === 1 && where[0] === 'read_at is null') return counts.unread;
    const [row] = await this.sql.query<{ total: string }>(
      `select count(*) as total from notifications
        where workspace_id = $1 and recipient_key in ($2, $3) and ${wanted}`,
      values,
    );
    return Number(row?.total ?? 0);
  }
}

/** No notification has the key of an agent that does not exist. */
function keysOf({ recipient, agentId }: Inbox): { readonly byAgent: string; readonly byName: string } {
  return { byAgent: agentId === null ? '' : `agent:${agentId}`, byName: `name:${recipient}` };
}

interface MarkableRecord {
  readonly id: string;
  readonly position: string;
  readonly recipient: string;
  readonly recipient_agent_id: string | null;
  readonly read_at: Date | null;
  readonly delivered_at: Date | null;
}

interface NotificationRecord extends Omit<MarkableRecord, 'position'> {
  readonly workspace_id: number;
  readonly type: NotificationType;
  readonly title: string;
  readonly message: string;
  readonly source_type: NotificationSource;
  readonly source_id: string;
  readonly task_id: string;
  readonly comment_id: string | null;
  readonly author: string;
  readonly excerpt: string | null;
  readonly task_title: string;
  readonly created_at: Date;
  readonly now_title: string | null;
  readonly now_status: TaskStatus | null;
}

function markableOf(row: MarkableRecord): MarkableRow {
  return {
    id: Number(row.id),
    position: BigInt(row.position),
    recipient: row.recipient,
    recipientAgentId: numberOrNull(row.recipient_agent_id),
    isRead: row.read_at !== null,
    isDelivered: row.delivered_at !== null,
  };
}

function notificationOf(row: NotificationRecord): NotificationRow {
  return {
    id: Number(row.id),
    workspaceId: row.workspace_id,
    recipient: row.recipient,
    recipientAgentId: numberOrNull(row.recipient_agent_id),
    type: row.type,
    title: row.title,
    message: row.message,
    sourceType: row.source_type,
    sourceId: Number(row.source_id),
    taskId: Number(row.task_id),
    commentId: numberOrNull(row.comment_id),
    author: row.author,
    excerpt: row.excerpt,
    taskTitle: row.task_title,
    createdAt: row.created_at,
    deliveredAt: row.delivered_at,
    readAt: row.read_at,
    task: row.now_title === null || row.now_status === null ? null : { title: row.now_title, status: row.now_status },
  };
}

function numberOrNull(value: string | null): number | null {
  return value === null ? null : Number(value);
}
