import type { ProjectionTables } from '../engine/projection.js';

export const agentStatusTables: ProjectionTables = {
  list: [
    { view: 'agents', key: ['agent_id'] },
    { view: 'connections', key: ['connection_id'] },
  ],

  // Documents are `json`, not `jsonb`: they come back exactly as they were sent, and hold every escape of JSON.
  create: (v) => `
    create table agents_v${v} (
      agent_id bigint primary key,
      workspace_id integer not null,
      name text not null,
      role text not null,
      status text not null,
      source text not null,
      session_key text,
      soul_content text,
      config json not null,
      runtime_type text,
      last_activity text,
      last_activity_at timestamptz,
      connection_id uuid,
      epoch integer not null default 0,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      retired_at timestamptz,
      revision bigint not null
    ) with (fillfactor = 80);

    create table connections_v${v} (
      connection_id uuid primary key,
      number bigint not null,
      agent_id bigint not null,
      workspace_id integer not null,
      tool_name text not null,
      tool_version text,
      metadata json,
      epoch integer not null,
      opened_at timestamptz not null,
      last_beat_at timestamptz,
      closed_at timestamptz,
      close_reason text,
      replaced_by uuid,
      updated_at timestamptz not null,
      revision bigint not null
    ) with (fillfactor = 80);
  `,

  index: (v) => `
    create index if not exists agents_v${v}_name on agents_v${v} (workspace_id, name);
    create index if not exists connections_v${v}_newest on connections_v${v} (workspace_id, number desc);
    create index if not exists connections_v${v}_agent on connections_v${v} (agent_id, number desc);
  `,
};
