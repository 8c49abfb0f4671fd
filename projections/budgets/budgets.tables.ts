import type { ProjectionTables } from '../engine/projection.js';

export const budgetsTables: ProjectionTables = {
  list: [
    { view: 'budget', key: ['budget_id'] },
    { view: 'budget_threshold', key: ['budget_id', 'period', 'kind', 'percent'] },
  ],

  create: (v) => `
    create table budget_v${v} (
      budget_id uuid primary key,
      workspace_id integer not null,
      name text not null,
      -- whose cost counts; null: of everybody
      project_id bigint,
      agent_name text,
      task_id bigint,
      model text,
      period_kind text not null,
      period_days integer,
      zone text not null,
      limit_usd numeric(50,12) not null check (limit_usd > 0),
      soft_percents integer[] not null,
      is_hard boolean not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      deleted_at timestamptz,
      revision bigint not null
    );

    -- the last crossing of each threshold of each period; one that was never crossed has no row
    create table budget_threshold_v${v} (
      budget_id uuid not null,
      workspace_id integer not null,
      period text not null,
      kind text not null,
      percent integer not null,
      crossing bigint not null,
      is_reached boolean not null,
      changed_at timestamptz not null,
      limit_usd numeric(50,12) not null,
      spent_usd numeric(50,12) not null,
      unpriced_requests bigint not null,
      position bigint not null,
      revision bigint not null,
      primary key (budget_id, period, kind, percent)
    );
  `,

  index: (v) => `
    create index if not exists budget_v${v}_workspace on budget_v${v} (workspace_id, created_at desc)
      where deleted_at is null;
  `,
};
