import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ProjectQueries } from '../../projections/projects/projects.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { systemContext } from '../platform/command/command-context.js';
import { Ids } from '../platform/ids/ids.js';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';
import { ProjectDirectory } from './project-directory.js';
import { ProjectRemoval } from './project-removal.js';

const EVERY_MS = 5_000;

/** Longer than the deleting request itself works on it. */
const LEFT_ALONE_SECONDS = 15;

/**
 * Moves what is left in deleted projects: after a crash, a deletion that took too long, or a task that was filed there
 * by a process that had not heard of the deletion yet. Any number of finishers may run.
 */
@Injectable()
export class RemovalFinisher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly job = new ReadModelJob();

  constructor(
    private readonly database: Database,
    private readonly queries: ProjectQueries,
    private readonly directory: ProjectDirectory,
    private readonly removal: ProjectRemoval,
    private readonly ids: Ids,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.job.start(this.database, {
      everyMs: EVERY_MS,
      run: () => this.round(),
      onError: (error) =>
        this.logger.warn({ err: error }, 'what is left in deleted projects could not be moved; trying again'),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job.stop();
  }

  /** One look. */
  async round(leftAloneSeconds = LEFT_ALONE_SECONDS): Promise<void> {
    for (const { projectId, workspaceId } of await this.queries.deletedWithTasks(leftAloneSeconds)) {
      const project = await this.directory.byId(workspaceId, projectId);
      if (project?.kind !== 'deleted') continue;
      const context = systemContext('projects', workspaceId, this.ids.newId(), this.ids.newId(), this.clock.now());
      await this.removal.finish(context, project, undefined);
      this.logger.info({ projectId, workspaceId }, 'moved what was left in a deleted project');
    }
  }
}
