import type { SqlReader } from '../engine/sql.js';

export interface ProjectRow {
  readonly id: number;
  readonly workspaceId: number;
  readonly slug: string;
  readonly name: string;
  readonly ticketPrefix: string;
  readonly status: 'active' | 'archived';
  readonly description: string | null;
  readonly githubRepo: string | null;
  readonly deadline: number | null;
  readonly color: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly taskCount: number;
  readonly agents: readonly ProjectAgentRow[];
}

/** An agent under the name that it goes by now. Deleted agents are left out. */
export interface ProjectAgentRow {
  readonly agentId: number;
  readonly name: string;
  readonly role: string;
  /** Unix seconds. */
  readonly assignedAt: number;
}

export interface ProjectPage {
  readonly rows: readonly ProjectRow[];
  readonly total: number;
}

const DETAILS = `
  coalesce((
    select sum(c.tasks) from task_counts c where c.workspace_id = p.workspace_id and c.project_id = p.project_id
  ), 0) as task_count,
  coalesce((
    select json_agg(json_build_object('agentId', m.agent_id, 'name', a.name, 'role', m.role,
                                      'assignedAt', floor(extract(epoch from m.assigned_at)))
                    order by m.assigned_at, m.agent_id)
      from project_agents m
      join agents a on a.agent_id = m.agent_id
     where m.project_id = p.project_id and m.removed_at is null and a.retired_at is null
  ), '[]') as agents`;

/**
 * Projects and who works for them. Every method takes the caller's workspace; deleted projects and those of another
 * workspace are as absent as ones that never were.
 */
export class ProjectQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Newest first. */
  async list(
    workspaceId: number,
    filter: { readonly archived: boolean },
    paging: { readonly limit: number; readonly offset: number },
  ): Promise<ProjectPage> {
    const rows = await this.sql.query<Counted>(
      `with wanted as (
         select project_id from projects
          where workspace_id = $1 and deleted_at is null and ($2 or archived_at is null)
       )
       select t.total, page.*
         from (select count(*) as total from wanted) t
         left join lateral (
           select p.*, ${DETAILS}
             from wanted w join projects p on p.project_id = w.project_id
            order by p.created_at desc, p.project_id desc limit $3 offset $4
         ) page on true
        order by page.created_at desc, page.project_id desc`,
      [workspaceId, filter.archived, paging.limit, paging.offset],
    );
    return { rows: rows.filter(isProject).map(projectOf), total: Number(rows[0]?.total ?? 0) };
  }

  async byId(workspaceId: number, projectId: number): Promise<ProjectRow | undefined> {
    const [row] = await this.sql.query<ProjectRecord>(
      `select p.*, ${DETAILS} from projects p
        where p.workspace_id = $1 and p.project_id = $2 and p.deleted_at is null`,
      [workspaceId, projectId],
    );
    return row === undefined ? undefined : projectOf(row);
  }

  /** Projects of every workspace that were deleted this long ago and still have tasks. */
  async deletedWithTasks(
    seconds: number,
  ): Promise<readonly { readonly projectId: number; readonly workspaceId: number }[]> {
    const rows = await this.sql.query<Pick<ProjectRecord, 'project_id' | 'workspace_id'>>(
      `select p.project_id, p.workspace_id from projects p
        where p.deleted_at <= clock_timestamp() - make_interval(secs => $1)
          and exists (
            select from task_counts c
             where c.workspace_id = p.workspace_id and c.project_id = p.project_id and c.tasks > 0
          )
        order by p.project_id`,
      [seconds],
    );
    return rows.map((row) => ({ projectId: Number(row.project_id), workspaceId: row.workspace_id }));
  }
}

interface ProjectRecord {
  readonly project_id: string;
  readonly workspace_id: number;
  readonly slug: string;
  readonly name: string;
  readonly ticket_prefix: string;
  readonly description: string | null;
  readonly github_repo: string | null;
  readonly deadline: string | null;
  readonly color: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly archived_at: Date | null;
  readonly task_count: string;
  readonly agents: readonly ProjectAgentRow[];
}

// An empty page is one row that holds only the total.
interface Counted {
  readonly total: string;
}

const isProject = (row: Counted): row is Counted & ProjectRecord => 'project_id' in row && row.project_id !== null;

function projectOf(row: ProjectRecord): ProjectRow {
  return {
    id: Number(row.project_id),
    workspaceId: row.workspace_id,
    slug: row.slug,
    name: row.name,
    ticketPrefix: row.ticket_prefix,
    status: row.archived_at === null ? 'active' : 'archived',
    description: row.description,
    githubRepo: row.github_repo,
    deadline: row.deadline === null ? null : Number(row.deadline),
    color: row.color,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    taskCount: Number(row.task_count),
    agents: row.agents,
  };
}
