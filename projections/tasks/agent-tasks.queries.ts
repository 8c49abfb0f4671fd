import type { TaskPriority, TaskStatus } from '../../src/tasks/tasks.events.js';
import type { SqlReader } from '../engine/sql.js';

export interface TaskHolder {
  readonly id: number;
  readonly name: string;
}

/** Unix seconds; `from` is included, `until` is not. */
export interface TaskPeriod {
  readonly from: number;
  readonly until: number;
}

/** How an agent's tasks ended in a period. */
export interface TaskEnds {
  readonly completed: number;
  readonly failed: number;
}

export interface FailedTaskRow {
  readonly id: number;
  readonly title: string;
  readonly status: TaskStatus;
  readonly errorMessage: string | null;
  readonly updatedAt: Date;
}

export interface TaskGroup {
  readonly status: TaskStatus;
  readonly priority: TaskPriority;
  readonly tasks: number;
}

/** How many tasks agents have: those assigned to the agent, and those assigned to its name while nobody had the name. */
export class AgentTaskQueries {
  constructor(private readonly sql: SqlReader) {}

  /** By agent; an agent without tasks is not among them. */
  async groups(workspaceId: number, agents: readonly TaskHolder[]): Promise<ReadonlyMap<number, readonly TaskGroup[]>> {
    const rows = await this.sql.query<GroupRecord>(
      `select a.id, c.status, c.priority, sum(c.tasks) as tasks
         from unnest($2::bigint[], $3::text[]) as a (id, name)
         join task_counts_by_assignee c
           on c.workspace_id = $1
          and (c.assigned_agent_id = a.id or (c.assigned_agent_id = 0 and c.assigned_to = a.name))
        where c.tasks > 0
        group by a.id, c.status, c.priority`,
      [workspaceId, agents.map(({ id }) => id), agents.map(({ name }) => name)],
    );
    const groups = new Map<number, TaskGroup[]>();
    for (const { id, status, priority, tasks } of rows) {
      const group = { status, priority, tasks: Number(tasks) };
      const known = groups.get(Number(id));
      if (known === undefined) groups.set(Number(id), [group]);
      else known.push(group);
    }
    return groups;
  }

  async ends(workspaceId: number, agent: TaskHolder, period: TaskPeriod): Promise<TaskEnds> {
    const [row] = await this.sql.query<{ completed: string; failed: string }>(
      `select count(*) filter (where t.status = 'done' and t.completed_at >= $4 and t.completed_at < $5) as completed,
              count(*) filter (where ${FAILED} and ${CHANGED}) as failed
         from (${TASKS_OF_AGENT}) t`,
      [workspaceId, agent.id, agent.name, period.from, period.until],
    );
    return { completed: Number(row?.completed ?? 0), failed: Number(row?.failed ?? 0) };
  }

  /** Failed tasks that were changed in the period, the last changed first. */
  async failures(
    workspaceId: number,
    agent: TaskHolder,
    period: TaskPeriod,
    limit: number,
  ): Promise<readonly FailedTaskRow[]> {
    const rows = await this.sql.query<FailureRecord>(
      `select t.task_id, t.title, t.status, t.error_message, t.updated_at
         from (${TASKS_OF_AGENT}) t
        where ${FAILED} and ${CHANGED}
        order by t.updated_at desc, t.task_id desc limit $6`,
      [workspaceId, agent.id, agent.name, period.from, period.until, limit],
    );
    return rows.map((row) => ({
      id: Number(row.task_id),
      title: row.title,
      status: row.status,
      errorMessage: row.error_message,
      updatedAt: row.updated_at,
    }));
  }
}

const TASKS_OF_AGENT = `
  select * from tasks
   where workspace_id = $1 and assigned_agent_id = $2::bigint and deleted_at is null
  union all
  select * from tasks
   where workspace_id = $1 and assigned_to = $3 and assigned_agent_id is null and deleted_at is null`;
const FAILED = `(t.status = 'failed' or t.outcome = 'failed' or t.error_message is not null)`;
const CHANGED = 't.updated_at >= to_timestamp($4) and t.updated_at < to_timestamp($5)';

interface FailureRecord {
  readonly task_id: string;
  readonly title: string;
  readonly status: TaskStatus;
  readonly error_message: string | null;
  readonly updated_at: Date;
}

interface GroupRecord {
  readonly id: string;
  readonly status: TaskStatus;
  readonly priority: TaskPriority;
  readonly tasks: string;
}
