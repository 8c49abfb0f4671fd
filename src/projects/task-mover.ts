import { Injectable } from '@nestjs/common';
import { TaskQueries } from '../../projections/tasks/tasks.queries.js';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import { laterOf, type Position } from '../platform/event-store/position.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { logEnd } from '../platform/event-store/log-end.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import { TaskDirectory } from '../tasks/task-directory.js';
import { ProjectDirectory, type LivingProject } from './project-directory.js';

const PAGE = 200;
const AT_ONCE = 8;

export interface Moved {
  /** False when the time was up first: what is left is moved later. */
  readonly complete: boolean;
  readonly position: Position;
}

/**
 * Moves every task of a deleted project to another one: page by page from the read model, one change a task. It can stop
 * anywhere and be begun again, by several at once: a task that is there already is left alone.
 */
@Injectable()
export class TaskMover {
  constructor(
    private readonly store: EventStore,
    private readonly tasks: TaskDirectory,
    private readonly queries: TaskQueries,
    private readonly projects: ProjectDirectory,
    private readonly progress: ReadModelProgress,
  ) {}

  /** `since`: the read model must have passed it, so that it shows every task that was created before the deletion. */
  async move(
    context: CommandContext,
    fromProjectId: number,
    to: LivingProject,
    { since, boundMs }: { readonly since: Position; readonly boundMs: number },
  ): Promise<Moved> {
    const startedAt = performance.now();
    let reached = since;
    for (;;) {
      if (!(await this.progress.waitFor(['tasks'], reached))) return { complete: false, position: reached };
      const page = await this.queries.list(
        context.workspaceId,
        { projectId: fromProjectId },
        { limit: PAGE, offset: 0 },
      );
      if (page.rows.length === 0) return { complete: true, position: reached };
      for (let index = 0; index < page.rows.length; index += AT_ONCE) {
        if (performance.now() - startedAt > boundMs) return { complete: false, position: reached };
        const some = page.rows.slice(index, index + AT_ONCE);
        await Promise.all(some.map(({ task }) => this.moveOne(context, task.taskId, fromProjectId, to)));
      }
      // Not only our own changes: somebody else may have moved or deleted what the read model still showed.
      reached = laterOf(reached, await logEnd(this.store));
    }
  }

  private async moveOne(context: CommandContext, taskId: number, fromProjectId: number, to: LivingProject) {
    const known = await this.tasks.refresh(context.workspaceId, taskId);
    if (known?.task.snapshot.projectId !== fromProjectId) return;
    const ticketNo = await this.projects.nextTicket(to.projectId);
    const { projectId, name: projectName, ticketPrefix: projectPrefix } = to;
    // The number is in the step: a repeat takes another one, and its event must not pass for the first one's. A refusal
    // is a change of somebody else at the same moment; the next look at the read model shows what is left to do.
    await this.tasks.execute(
      stepOf(context, `move:${taskId}:${ticketNo}`),
      taskId,
      {
        type: 'ChangeTask',
        changes: { projectId, projectName, projectPrefix, ticketNo },
        by: { name: context.actor.name, agentId: null },
        at: Math.floor(context.receivedAt.getTime() / 1_000),
        mentions: [],
      },
      [known.revision],
    );
  }
}
