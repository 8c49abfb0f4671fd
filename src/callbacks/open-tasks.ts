import { Injectable } from '@nestjs/common';
import { TaskQueries } from '../../projections/tasks/tasks.queries.js';
import { TaskDirectory } from '../tasks/task-directory.js';
import { isAssignedTo } from '../tasks/task.state.js';
import type { TaskStatus } from '../tasks/tasks.events.js';

const OPEN: readonly TaskStatus[] = ['assigned', 'in_progress'];
/** More than one is a conflict already. */
const ENOUGH = 10;

/** The tasks that an agent has to do or is doing: found in the read model, looked up in their own streams. */
@Injectable()
export class OpenTasks {
  constructor(
    private readonly queries: TaskQueries,
    private readonly tasks: TaskDirectory,
  ) {}

  async of(
    workspaceId: number,
    agent: { readonly agentId: number; readonly name: string },
  ): Promise<readonly number[]> {
    const pages = await Promise.all(
      OPEN.map((status) =>
        this.queries.list(
          workspaceId,
          { status, agent: { id: agent.agentId, name: agent.name } },
          { limit: ENOUGH, offset: 0 },
        ),
      ),
    );
    const ids = [...new Set(pages.flatMap(({ rows }) => rows.map(({ task }) => task.taskId)))];
    const known = await Promise.all(ids.map((id) => this.tasks.refresh(workspaceId, id)));
    return known
      .flatMap((each) => each ?? [])
      .filter(({ task: { snapshot } }) => OPEN.includes(snapshot.status) && isAssignedTo(snapshot, agent))
      .map(({ task }) => task.snapshot.taskId);
  }
}
