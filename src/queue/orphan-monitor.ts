import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { OrphanedTaskQueries, type OrphanedTask } from '../../projections/tasks/orphaned-tasks.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { systemContext } from '../platform/command/command-context.js';
import { derivedId, Ids } from '../platform/ids/ids.js';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';
import { TaskDirectory } from '../tasks/task-directory.js';

const EVERY_MS = 2_000;
const BATCH = 500;

/**
 * Gives the open tasks of deleted agents to nobody, so that another agent may take them. A deleted agent never comes back,
 * and the task's own stream decides at the revision that the monitor saw: a read model that lags makes it late, never
 * wrong, and any number of monitors may run.
 */
@Injectable()
export class OrphanMonitor implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly job = new ReadModelJob();

  constructor(
    private readonly database: Database,
    private readonly queries: OrphanedTaskQueries,
    private readonly tasks: TaskDirectory,
    private readonly ids: Ids,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.job.start(this.database, {
      everyMs: EVERY_MS,
      run: async () => {
        await this.round();
      },
      onError: (error) => this.logger.warn({ err: error }, 'cannot look for tasks of deleted agents'),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job.stop();
  }

  /** One look. Resolves to how many tasks were given to nobody. */
  async round(): Promise<number> {
    const orphaned = await this.queries.orphaned(BATCH);
    const freed = await Promise.all(orphaned.map((task) => this.free(task)));
    return freed.filter(Boolean).length;
  }

  private async free({ taskId, workspaceId, revision, assignedTo, isInProgress }: OrphanedTask): Promise<boolean> {
    const now = this.clock.now();
    // Two monitors that see the same task write the same event.
    const commandId = derivedId('free-orphan', taskId, revision);
    const context = systemContext('queue', workspaceId, commandId, this.ids.newId(), now);
    try {
      const outcome = await this.tasks.execute(
        context,
        taskId,
        {
          type: 'ChangeTask',
          changes: { assignedTo: null, assignedAgentId: null, ...(isInProgress ? { status: 'inbox' } : {}) },
          by: { name: context.actor.name, agentId: null },
          at: Math.floor(now.getTime() / 1_000),
          mentions: [],
        },
        [revision],
      );
      const isFreed = outcome.kind === 'accepted' && outcome.events.length > 0 && !outcome.replayed;
      if (isFreed) this.logger.info({ taskId, assignedTo }, 'the agent of a task was deleted; the task is nobody’s');
      return isFreed;
    } catch (error) {
      // One task alone must not stop the others; the next look finds it again.
      this.logger.warn({ err: error, taskId }, 'a task of a deleted agent could not be freed yet');
      return false;
    }
  }
}
