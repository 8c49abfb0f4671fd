import type { ProjectionTables } from '../engine/projection.js';

export const callbacksTables: ProjectionTables = {
  list: [
    { view: 'callbacks', key: ['stream', 'revision'] },
    { view: 'callback_secrets', key: ['agent_id', 'secret_id'] },
    { view: 'callback_secret_uses', key: ['agent_id', 'secret_id'] },
    { view: 'callback_agents', key: ['agent_id'] },
  ],

  create: (v) => `
    create table callbacks_v${v} (
      stream text not null,
      revision bigint not null,
      position bigint not null,
      workspace_id integer not null,
      agent_id bigint not null,
      agent_name text not null,
      sender_id text,
      scheme text not null,
      type text not null,
      task_id bigint,
      accepted_at timestamptz not null,
      concluded_at timestamptz,
      task_status text,
      overruled text,
      primary key (stream, revision)
    );

    create table callback_secrets_v${v} (
      agent_id bigint not null,
      secret_id integer not null,
      issued_at timestamptz not null,
      valid_until timestamptz,
      ended_at timestamptz,
      primary key (agent_id, secret_id)
    );

    create table callback_secret_uses_v${v} (
      agent_id bigint not null,
      secret_id integer not null,
      use_count bigint not null,
      last_used_at timestamptz not null,
      primary key (agent_id, secret_id)
    ) with (fillfactor = 70);

    create table callback_agents_v${v} (
      agent_id bigint primary key,
      workspace_id integer not null,
      legacy_allowed boolean not null
    );
  `,

  // What waits for its effect is few rows of many.
  index: (v) => `
    create index if not exists callbacks_v${v}_open on callbacks_v${v} (accepted_at) where concluded_at is null;
    create index if not exists callbacks_v${v}_by_agent on callbacks_v${v} (agent_id, position desc);
  `,
};
