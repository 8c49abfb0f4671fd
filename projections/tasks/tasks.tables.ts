import type { ProjectionTables } from '../engine/projection.js';
import { candidateIndexes } from './task-candidates.queries.js';
import { heldIndexes } from './task-leases.queries.js';

export const tasksTables: ProjectionTables = {
  list: [
    { view: 'tasks', key: ['task_id'] },
    { view: 'task_comments', key: ['comment_id'] },
    { view: 'task_reviews', key: ['review_id'] },
    { view: 'task_counts', key: ['workspace_id', 'status', 'priority', 'project_id'] },
    {
      view: 'task_counts_by_assignee',
      key: ['workspace_id', 'assigned_to', 'assigned_agent_id', 'status', 'priority', 'project_id'],
    },
  ],

  // Documents are `json`, not `jsonb`: they come back exactly as they were sent, and hold every escape of JSON.
  create: (v) => `
    create table tasks_v${v} (
      task_id bigint primary key,
      workspace_id integer not null,
      title text not null,
      description text,
      status text not null,
      priority text not null,
      -- 0 is the most urgent
      priority_rank smallint not null,
      assigned_to text,
      assigned_agent_id bigint,
      project_id bigint not null,
      project_name text not null,
      project_prefix text not null,
      ticket_no bigint not null,
      due_date bigint,
      estimated_hours float8,
      actual_hours float8,
      tags json not null,
      metadata json not null,
      outcome text,
      error_message text,
      resolution text,
      feedback_rating smallint,
      feedback_notes text,
      retry_count bigint not null,
      completed_at bigint,
      progress float8,
      last_state text,
      gate text not null,
      gate_override json,
      created_by text not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      deleted_at timestamptz,
      lease_id uuid,
      lease_holder text,
      lease_agent_id bigint,
      lease_epoch integer,
      lease_seconds integer,
      -- last sign of life on the task itself; beats of the agent stand in liveness
      lease_renewed_at timestamptz,
      comment_count integer not null,
      -- rejections and reassignments by somebody else than the one who has the task
      interventions integer not null,
      revision bigint not null
    ) with (fillfactor = 80);

    create table task_comments_v${v} (
      comment_id bigint primary key,
      task_id bigint not null,
      workspace_id integer not null,
      author text not null,
      author_agent_id bigint,
      content text not null,
      parent_id bigint,
      mentions json not null,
      created_at timestamptz not null,
      -- of the task's stream: ids of two processes do not rise with time
      revision bigint not null
    );

    create table task_reviews_v${v} (
      review_id bigint primary key,
      task_id bigint not null,
      workspace_id integer not null,
      reviewer text not null,
      actor text not null,
      verdict text not null,
      notes text not null,
      created_at timestamptz not null,
      revision bigint not null
    );

    -- how many tasks there are of each kind, so that the total of a list costs no scan; no row says none
    create table task_counts_v${v} (
      workspace_id integer not null,
      status text not null,
      priority text not null,
      project_id bigint not null,
      tasks bigint not null,
      primary key (workspace_id, status, priority, project_id)
    ) with (fillfactor = 70);

    -- the same of those that are assigned; assigned_agent_id 0: nobody had the name
    create table task_counts_by_assignee_v${v} (
      workspace_id integer not null,
      assigned_to text not null,
      assigned_agent_id bigint not null,
      status text not null,
      priority text not null,
      project_id bigint not null,
      tasks bigint not null,
      primary key (workspace_id, assigned_to, assigned_agent_id, status, priority, project_id)
    ) with (fillfactor = 70);
  `,

  // What lists filter by stands in every index, so that a page under two filters passes rows by without reading them.
  index: (v) => `
    create index if not exists tasks_v${v}_newest on tasks_v${v} (workspace_id, created_at, task_id)
      where deleted_at is null;
    create index if not exists tasks_v${v}_status on tasks_v${v} (workspace_id, status, created_at, task_id)
      include (priority, project_id)
      where deleted_at is null;
    create index if not exists tasks_v${v}_priority on tasks_v${v} (workspace_id, priority, created_at, task_id)
      include (status, project_id)
      where deleted_at is null;
    create index if not exists tasks_v${v}_project on tasks_v${v} (workspace_id, project_id, created_at, task_id)
      include (status, priority)
      where deleted_at is null;
    create index if not exists tasks_v${v}_assignee on tasks_v${v} (workspace_id, assigned_to, created_at, task_id)
      include (assigned_agent_id, status)
      where deleted_at is null and assigned_to is not null;
    create index if not exists tasks_v${v}_agent on tasks_v${v} (workspace_id, assigned_agent_id, created_at, task_id)
      include (status)
      where deleted_at is null and assigned_agent_id is not null;
    create index if not exists tasks_v${v}_lease on tasks_v${v} (lease_renewed_at)
      where lease_id is not null;
    create index if not exists tasks_v${v}_done on tasks_v${v} (workspace_id, completed_at)
      where status = 'done' and deleted_at is null;
    create index if not exists task_comments_v${v}_task on task_comments_v${v} (task_id, revision);
    create index if not exists task_reviews_v${v}_task on task_reviews_v${v} (task_id, revision);
    create index if not exists task_counts_by_assignee_v${v}_agent
      on task_counts_by_assignee_v${v} (workspace_id, assigned_agent_id);
    ${candidateIndexes(v)}
    ${heldIndexes(v)}
  `,
};
