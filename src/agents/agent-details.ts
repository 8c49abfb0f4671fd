import { Injectable } from '@nestjs/common';
import { AgentMemoryQueries } from '../../projections/agent-memory/agent-memory.queries.js';
import { AgentTaskQueries, type TaskGroup, type TaskHolder } from '../../projections/tasks/agent-tasks.queries.js';

/** What an agent's own stream does not hold. */
export interface AgentDetail {
  readonly taskStats: ReturnType<typeof taskStatsOf>;
  readonly workingMemory: string;
}

/** Nothing is known about it: no tasks, an empty memory. */
export const noDetail: AgentDetail = { taskStats: taskStatsOf([]), workingMemory: '' };

/** Tasks and memories of agents, from their read models. */
@Injectable()
export class AgentDetails {
  constructor(
    private readonly tasks: AgentTaskQueries,
    private readonly memories: AgentMemoryQueries,
  ) {}

  async of(workspaceId: number, agents: readonly TaskHolder[]): Promise<(agent: TaskHolder) => AgentDetail> {
    const ids = agents.map(({ id }) => id);
    const [groups, memories] = await Promise.all([
      this.tasks.groups(workspaceId, agents),
      this.memories.of(workspaceId, ids),
    ]);
    return ({ id }) => ({
      taskStats: taskStatsOf(groups.get(id) ?? []),
      workingMemory: memories.get(id)?.content ?? '',
    });
  }
}

/** HTTP contract, section 10. */
export function taskStatsOf(groups: readonly TaskGroup[]) {
  const count = (status?: TaskGroup['status']) =>
    groups.reduce((sum, group) => (status === undefined || group.status === status ? sum + group.tasks : sum), 0);
  const done = count('done');
  return {
    total: count(),
    assigned: count('assigned'),
    in_progress: count('in_progress'),
    quality_review: count('quality_review'),
    done,
    completed: done,
  };
}
