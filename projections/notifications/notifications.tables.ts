import type { ProjectionTables } from '../engine/projection.js';

/**
 * `recipient_key` says whose a notification is: `agent:<id>`, or `name:<name>` when nobody held the name. An agent's own
 * are those under its id and those under its present name.
 */
export const notificationsTables: ProjectionTables = {
  list: [
    { view: 'notifications', key: ['id'] },
    { view: 'notification_counts', key: ['workspace_id', 'recipient_key'] },
  ],

  create: (v) => `
    create table notifications_v${v} (
      id bigint primary key,
      workspace_id integer not null,
      recipient_key text not null,
      recipient text not null,
      recipient_agent_id bigint,
      type text not null,
      title text not null,
      message text not null,
      source_type text not null,
      source_id bigint not null,
      task_id bigint not null,
      comment_id bigint,
      author text not null,
      excerpt text,
      task_title text not null,
      position bigint not null,
      created_at timestamptz not null,
      delivered_at timestamptz,
      read_at timestamptz,
      deleted_at timestamptz
    ) with (fillfactor = 80);

    -- deleted ones count as neither
    create table notification_counts_v${v} (
      workspace_id integer not null,
      recipient_key text not null,
      total bigint not null,
      unread bigint not null,
      primary key (workspace_id, recipient_key)
    ) with (fillfactor = 50);
  `,

  index: (v) => `
    create index if not exists notifications_v${v}_newest
      on notifications_v${v} (workspace_id, recipient_key, position desc) where deleted_at is null;
    create index if not exists notifications_v${v}_unread
      on notifications_v${v} (workspace_id, recipient_key, position desc) where read_at is null and deleted_at is null;
    create index if not exists notifications_v${v}_mentions
      on notifications_v${v} (workspace_id, recipient_key, created_at)
      where type = 'mention' and source_type = 'comment' and read_at is null and deleted_at is null;
    create index if not exists notifications_v${v}_undelivered
      on notifications_v${v} (workspace_id, recipient_key, position)
      where delivered_at is null and deleted_at is null;
  `,
};
