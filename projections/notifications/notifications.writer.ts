import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import { recipientKey, type NotificationChanges, type RaisedRow } from './notifications.fold.js';

export async function writeNotifications(
  transaction: SqlTransaction,
  { raised, marks }: NotificationChanges,
  version: number,
): Promise<void> {
  await insertRaised(transaction, [...raised.values()].sort(byId), version);
  await writeMarks(transaction, marks, version);
}

function byId(one: RaisedRow, other: RaisedRow): number {
  return one.data.notificationId - other.data.notificationId;
}

async function insertRaised(transaction: SqlTransaction, rows: readonly RaisedRow[], v: number): Promise<void> {
  if (rows.length === 0) return;
  const data = rows.map((row) => row.data);
  await transaction.run({
    name: `notifications_insert_v${v}`,
    text: `
      with fresh as (
        insert into notifications_v${v} (
          id, workspace_id, recipient_key, recipient, recipient_agent_id, type, title, message, source_type, source_id,
          task_id, comment_id, author, excerpt, task_title, position, created_at)
        select * from unnest(
          $1::bigint[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
          $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::text[], $16::bigint[],
          $17::timestamptz[])
        on conflict (id) do nothing
        returning workspace_id, recipient_key
      )
      insert into notification_counts_v${v} as c (workspace_id, recipient_key, total, unread)
      select workspace_id, recipient_key, count(*), count(*) from fresh
       group by workspace_id, recipient_key
       order by workspace_id, recipient_key
      on conflict (workspace_id, recipient_key)
      do update set total = c.total + excluded.total, unread = c.unread + excluded.unread`,
    values: [
      plainArray(data.map((row) => row.notificationId)),
      plainArray(rows.map((row) => row.workspaceId)),
      textArray(data.map((row) => recipientKey(row.recipient, row.recipientAgentId))),
      textArray(data.map((row) => row.recipient)),
      plainArray(data.map((row) => row.recipientAgentId)),
      textArray(data.map((row) => row.type)),
      textArray(data.map((row) => row.title)),
      textArray(data.map((row) => row.message)),
      textArray(data.map((row) => row.sourceType)),
      plainArray(data.map((row) => row.sourceId)),
      plainArray(data.map((row) => row.taskId)),
      plainArray(data.map((row) => row.commentId)),
      textArray(data.map((row) => row.author)),
      textArray(data.map((row) => row.excerpt)),
      textArray(data.map((row) => row.taskTitle)),
      plainArray(rows.map((row) => row.position)),
      textArray(rows.map((row) => row.at)),
    ],
  });
}

/** The first mark of a kind stands; the counters follow what the marks changed. */
async function writeMarks(transaction: SqlTransaction, marks: NotificationChanges['marks'], v: number): Promise<void> {
  if (marks.size === 0) return;
  const rows = [...marks].sort(([one], [other]) => one - other);
  await transaction.run({
    name: `notifications_mark_v${v}`,
    text: `
      with marked as (
        update notifications_v${v} n
           set delivered_at = coalesce(n.delivered_at, u.delivered_at),
               read_at = coalesce(n.read_at, u.read_at),
               deleted_at = coalesce(n.deleted_at, u.deleted_at)
          from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[])
                 as u (id, delivered_at, read_at, deleted_at)
          join notifications_v${v} before on before.id = u.id
         where n.id = u.id
        returning n.workspace_id, n.recipient_key,
                  before.deleted_at is null and n.deleted_at is not null as gone,
                  before.deleted_at is null and before.read_at is null
                    and (n.read_at is not null or n.deleted_at is not null) as no_longer_unread
      ),
      less as (
        select workspace_id, recipient_key, count(*) filter (where gone) as total,
               count(*) filter (where no_longer_unread) as unread
          from marked group by workspace_id, recipient_key
      )
      update notification_counts_v${v} c
         set total = c.total - less.total, unread = c.unread - less.unread
        from less
       where c.workspace_id = less.workspace_id and c.recipient_key = less.recipient_key
         and (less.total > 0 or less.unread > 0)`,
    values: [
      plainArray(rows.map(([id]) => id)),
      textArray(rows.map(([, mark]) => mark.deliveredAt ?? null)),
      textArray(rows.map(([, mark]) => mark.readAt ?? null)),
      textArray(rows.map(([, mark]) => mark.deletedAt ?? null)),
    ],
  });
}
