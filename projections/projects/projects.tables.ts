import type { ProjectionTables } from '../engine/projection.js';

export const projectsTables: ProjectionTables = {
  list: [
    { view: 'projects', key: ['project_id'] },
    { view: 'project_agents', key: ['project_id', 'agent_id'] },
  ],

  create: (v) => `
    create table projects_v${v} (
      project_id bigint primary key,
      workspace_id integer not null,
      slug text not null,
      name text not null,
      ticket_prefix text not null,
      description text,
      github_repo text,
      deadline bigint,
      color text,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      archived_at timestamptz,
      deleted_at timestamptz,
      revision bigint not null
    );

    -- who worked for a project: a removed agent keeps its row, so that an older fact cannot bring it back
    create table project_agents_v${v} (
      project_id bigint not null,
      agent_id bigint not null,
      workspace_id integer not null,
      agent_name text not null,
      role text not null,
      assigned_at timestamptz not null,
      removed_at timestamptz,
      revision bigint not null,
      primary key (project_id, agent_id)
    );
  `,

  index: (v) => `
    create index if not exists projects_v${v}_newest on projects_v${v} (workspace_id, created_at desc, project_id desc);
  `,
};
