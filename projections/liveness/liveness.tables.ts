import type { ProjectionTables } from '../engine/projection.js';

export const livenessTables: ProjectionTables = {
  list: [
    { view: 'liveness', key: ['agent_id'], volatile: ['renewed_at'] },
    { view: 'liveness_periods', key: ['connection_id', 'from_at'] },
  ],

  // One row an agent, rewritten at every beat: room on the page and no index on a changing column keep updates HOT.
  create: (v) => `
    create table liveness_v${v} (
      agent_id bigint primary key,
      workspace_id integer not null,
      status text not null,
      has_beaten boolean not null,
      connection_id uuid,
      epoch integer not null,
      last_seen timestamptz,
      last_activity text,
      last_activity_at timestamptz,
      last_beat_at timestamptz,
      period_from timestamptz,
      period_to timestamptz,
      beat_count integer not null,
      largest_gap_ms bigint not null,
      digest text not null,
      -- the clock of this database when it learned of the last sign of life: leases run on no other clock
      renewed_at timestamptz not null
    ) with (fillfactor = 70);

    -- periods of beats that are over and wait for their summary in the log
    create table liveness_periods_v${v} (
      connection_id uuid not null,
      from_at timestamptz not null,
      to_at timestamptz not null,
      agent_id bigint not null,
      workspace_id integer not null,
      beat_count integer not null,
      largest_gap_ms bigint not null,
      digest text not null,
      final boolean not null,
      primary key (connection_id, from_at)
    );
  `,

  index: () => '',
};
