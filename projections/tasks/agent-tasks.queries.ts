import type { TaskPriority, TaskStatus } from '../../src/tasks/tasks.events.js';
import type { SqlReader } from '../engine/sql.js';

export interface TaskHolder {
  readonly id: number;
  readonly name: string;
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
}

interface GroupRecord {
  readonly id: string;
  readonly status: TaskStatus;
  readonly priority: TaskPriority;
  readonly tasks: string;
}
