import type { ProjectionTables } from '../engine/projection.js';

export const webhooksTables: ProjectionTables = {
  list: [
    { view: 'webhooks', key: ['webhook_id'] },
    { view: 'webhook_counters', key: ['webhook_id'] },
    { view: 'webhook_deliveries', key: ['delivery_id'] },
    { view: 'webhook_attempts', key: ['id'] },
  ],

  create: (v) => `
    create table webhooks_v${v} (
      webhook_id bigint primary key,
      workspace_id integer not null,
      name text not null,
      url text not null,
      events text not null,
      order_mode text not null,
      header_names text not null,
      enabled boolean not null,
      disabled_reason text,
      failing_since timestamptz,
      -- of the newest secret; null: messages are not signed
      secret_id integer,
      master_key_id text,
      created_by text not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      removed boolean not null
    );

    create table webhook_counters_v${v} (
      webhook_id bigint primary key,
      total bigint not null,
      successful bigint not null,
      failed bigint not null,
      consecutive_failures bigint not null,
      last_fired_at timestamptz not null,
      last_status integer
    ) with (fillfactor = 70);

    create table webhook_deliveries_v${v} (
      delivery_id uuid primary key,
      webhook_id bigint not null,
      event text not null,
      stream text not null,
      revision bigint not null,
      source_position bigint not null,
      counts boolean not null,
      -- 1 pending, 2 dead, 3 delivered: it never goes back
      state smallint not null,
      first_id bigint not null,
      last_id bigint not null
    ) with (fillfactor = 70);

    create table webhook_attempts_v${v} (
      id bigint primary key,
      event_id uuid not null,
      delivery_id uuid not null,
      webhook_id bigint not null,
      event text not null,
      run text not null,
      -- 1 failed, 2 dead, 3 delivered
      state smallint not null,
      attempt integer not null,
      status integer,
      error text,
      duration_ms integer,
      at timestamptz not null,
      next_attempt_at timestamptz
    );
  `,

  index: (v) => `
    create index if not exists webhooks_v${v}_by_workspace on webhooks_v${v} (workspace_id, webhook_id desc) where not removed;
    create index if not exists webhook_deliveries_v${v}_unfinished
      on webhook_deliveries_v${v} (webhook_id, state, source_position) where state < 3;
    create index if not exists webhook_deliveries_v${v}_balance
      on webhook_deliveries_v${v} (webhook_id, source_position, state) where counts;
    create index if not exists webhook_attempts_v${v}_by_webhook on webhook_attempts_v${v} (webhook_id, id desc);
  `,
};
