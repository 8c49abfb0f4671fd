import type { ProjectionTables } from '../engine/projection.js';

export const activitiesTables: ProjectionTables = {
  list: [
    { view: 'activities', key: ['id'] },
    { view: 'activity_agents', key: ['agent_id', 'activity_id'] },
    { view: 'activity_counts', key: ['workspace_id', 'type', 'entity_type', 'admin_only'] },
  ],

  create: (v) => `
    create table activities_v${v} (
      -- the commit position of the fact
      id bigint primary key,
      workspace_id integer not null,
      type text not null,
      entity_type text not null,
      entity_id bigint,
      actor text not null,
      description text not null,
      data json,
      admin_only boolean not null,
      -- whose work it is that waits: agent:<id>, or name:<name> when nobody held the name
      urgent_for text,
      created_at timestamptz not null
    );

    -- which agents a fact is about, or done by
    create table activity_agents_v${v} (
      agent_id bigint not null,
      activity_id bigint not null,
      primary key (agent_id, activity_id)
    );

    -- how many there are of each kind, so that the total of a list costs no scan
    create table activity_counts_v${v} (
      workspace_id integer not null,
      type text not null,
      entity_type text not null,
      admin_only boolean not null,
      activities bigint not null,
      primary key (workspace_id, type, entity_type, admin_only)
    ) with (fillfactor = 50);
  `,

  index: (v) => `
    create index if not exists activities_v${v}_newest on activities_v${v} (workspace_id, id);
    create index if not exists activities_v${v}_type on activities_v${v} (workspace_id, type, id);
    create index if not exists activities_v${v}_actor on activities_v${v} (workspace_id, actor, id);
    create index if not exists activities_v${v}_time on activities_v${v} (workspace_id, created_at);
    create index if not exists activities_v${v}_urgent on activities_v${v} (workspace_id, urgent_for, created_at)
      where urgent_for is not null;
    create index if not exists activities_v${v}_waiting on activities_v${v} (entity_id) where urgent_for is not null;
  `,
};
