import type { ProjectionTables } from '../engine/projection.js';

// A row-level count fits a bigint; sums do not: 1,025 reports of the largest allowed size overflow one.
const SUMS = `
  requests bigint not null,
  input_tokens numeric(30,0) not null,
  output_tokens numeric(30,0) not null,
  cache_read_tokens numeric(30,0) not null,
  cache_write_tokens numeric(30,0) not null`;

export const tokenUsageTables: ProjectionTables = {
  list: [
    { view: 'token_usage', key: ['id'] },
    { view: 'token_totals_by_agent', key: ['workspace_id', 'agent_name'] },
    { view: 'token_totals_by_model', key: ['workspace_id', 'model'] },
    { view: 'token_totals_by_session', key: ['workspace_id', 'session_id'] },
    { view: 'token_totals_by_day', key: ['workspace_id', 'day', 'agent_name', 'model'] },
  ],

  create: (v) => `
    -- one row a report, for ever; its key is the claim
    create table token_usage_v${v} (
      id uuid primary key,
      event_id text not null,
      content_digest text not null,
      shard integer not null,
      revision bigint not null,
      position bigint not null,
      workspace_id integer not null,
      recorded_at timestamptz not null,
      occurred_ms bigint not null,
      -- the same instant for people; years that PostgreSQL does not know are moved to its edge
      occurred_at timestamptz not null,
      agent_name text not null,
      agent_id bigint,
      model text not null,
      session_id text not null,
      operation text not null,
      task_id bigint,
      input_tokens bigint not null,
      output_tokens bigint not null,
      cache_read_tokens bigint not null,
      cache_write_tokens bigint not null,
      cache_write_1h_tokens bigint,
      reasoning_tokens bigint,
      provider text,
      service_class text,
      duration_ms bigint,
      reported_cost_usd numeric
    );

    create table token_totals_by_agent_v${v} (
      workspace_id integer not null,
      agent_name text not null, ${SUMS},
      primary key (workspace_id, agent_name)
    ) with (fillfactor = 70);

    create table token_totals_by_model_v${v} (
      workspace_id integer not null,
      model text not null, ${SUMS},
      primary key (workspace_id, model)
    ) with (fillfactor = 70);

    create table token_totals_by_session_v${v} (
      workspace_id integer not null,
      session_id text not null, ${SUMS},
      primary key (workspace_id, session_id)
    ) with (fillfactor = 70);

    -- day in UTC
    create table token_totals_by_day_v${v} (
      workspace_id integer not null,
      day date not null,
      agent_name text not null,
      model text not null, ${SUMS},
      primary key (workspace_id, day, agent_name, model)
    ) with (fillfactor = 70);
  `,

  index: (v) => `
    create index if not exists token_usage_v${v}_occurred on token_usage_v${v} (workspace_id, occurred_ms, id);
    create index if not exists token_usage_v${v}_agent on token_usage_v${v} (workspace_id, agent_name, occurred_ms);
  `,
};
