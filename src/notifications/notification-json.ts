import type { NotificationRow } from '../../projections/notifications/notifications.queries.js';
import type { Json } from '../platform/event-store/stored-event.js';

/** A notification as the contract shows it. */
export function notificationJson(row: NotificationRow): { readonly [key: string]: Json } {
  return {
    id: row.id,
    recipient: row.recipient,
    type: row.type,
    title: row.title,
    message: row.message,
    source_type: row.sourceType,
    source_id: row.sourceId,
    read_at: seconds(row.readAt),
    delivered_at: seconds(row.deliveredAt),
    created_at: seconds(row.createdAt),
    workspace_id: row.workspaceId,
    source: sourceOf(row),
  };
}

/** Null when the task is gone, and its comments with it. */
function sourceOf({ task, sourceType, sourceId, taskId, author, excerpt }: NotificationRow): Json {
  if (task === null) return null;
  if (sourceType === 'task') return { type: 'task', id: sourceId, title: task.title, status: task.status };
  return {
    type: 'comment',
    id: sourceId,
    task_id: taskId,
    task_title: task.title,
    author,
    content_preview: excerpt,
  };
}

function seconds(at: Date | null): number | null {
  return at === null ? null : Math.floor(at.getTime() / 1_000);
}
