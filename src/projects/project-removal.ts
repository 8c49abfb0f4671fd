import { Injectable } from '@nestjs/common';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { logEnd } from '../platform/event-store/log-end.js';
import type { Position } from '../platform/event-store/position.js';
import { notFound } from '../platform/http/errors.js';
import { ProjectDirectory } from './project-directory.js';
import type { ProjectHandle } from './project-handle.decider.js';
import { prefixesOf, type KnownProject } from './project.decider.js';
import { effectOf } from './projects.commands.js';
import { TaskMover, type Moved } from './task-mover.js';

const BOUND_MS = 10_000;

/**
 * Deletes a project: it takes no tasks from then on, those that it has move to `general`, and at last its slug and its
 * prefixes become free. Stopped anywhere, the next caller or the finisher goes on.
 */
@Injectable()
export class ProjectRemoval {
  constructor(
    private readonly directory: ProjectDirectory,
    private readonly mover: TaskMover,
    private readonly store: EventStore,
  ) {}

  /** Errors: 400 for general, 404 also for a project that is gone altogether. */
  async remove(context: CommandContext, projectId: number): Promise<Moved> {
    const before = await this.directory.byId(context.workspaceId, projectId);
    const general = await this.directory.general(context);
    const command = { type: 'DeleteProject', successorId: general.projectId } as const;
    const { project, position, replayed } = effectOf(await this.directory.execute(context, projectId, command));
    const isRepeat = before?.kind === 'deleted' && !replayed;
    if (isRepeat && !(await this.isUnfinished(context, project))) throw notFound('Project not found');
    return this.finish(context, project, position);
  }

  /** Moves the tasks of a deleted project and frees its handles. */
  async finish(context: CommandContext, project: KnownProject, deletedAt: Position | undefined): Promise<Moved> {
    const general = await this.directory.general(context);
    const moved = await this.mover.move(stepOf(context, 'tasks'), project.projectId, general, {
      since: deletedAt ?? (await logEnd(this.store)),
      boundMs: BOUND_MS,
    });
    if (moved.complete) {
      for (const handle of handlesOf(project)) await this.directory.release(context, project.projectId, handle);
    }
    return moved;
  }

  private async isUnfinished({ workspaceId }: CommandContext, project: KnownProject): Promise<boolean> {
    return this.directory.stillHolds(workspaceId, project.projectId, slugHandle(project));
  }
}

/** The slug goes last: as long as the project has it, its deletion is not finished. */
function handlesOf(project: KnownProject): readonly ProjectHandle[] {
  return [...prefixesOf(project).map((handle) => ({ kind: 'prefix', handle }) as const), slugHandle(project)];
}

function slugHandle({ slug }: KnownProject): ProjectHandle {
  return { kind: 'slug', handle: slug };
}
