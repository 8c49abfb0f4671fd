import type { ProjectionTables } from '../engine/projection.js';

export const agentMemoryTables: ProjectionTables = {
  list: [{ view: 'agent_memory', key: ['agent_id'] }],

  create: (v) => `
    create table agent_memory_v${v} (
      agent_id bigint primary key,
      workspace_id integer not null,
      content text not null,
      -- of the content in UTF-8
      bytes integer not null,
      updated_at timestamptz not null,
      revision bigint not null
    );
  `,

  index: () => '',
};
