import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { TaskLeaseQueries, type DueTaskLease } from '../../projections/tasks/task-leases.queries.js';
import { OutageHold } from '../liveness/outage-hold.js';
import { ServicePresence } from '../liveness/service-presence.js';
import { Clock } from '../platform/clock/clock.js';
import { systemContext } from '../platform/command/command-context.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { logEnd } from '../platform/event-store/log-end.js';
import { isAfter } from '../platform/event-store/position.js';
import { derivedId, Ids } from '../platform/ids/ids.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';
import { TaskDirectory } from '../tasks/task-directory.js';

/** A task is to be back within a second of the end of its lease; the look itself takes a part of that. */
const EVERY_MS = 500;
const CATCH_UP_MS = 5_000;
const BATCH = 500;

/**
 * Gives tasks back whose holder fell silent. It acts only on read models that have passed the head of the log as it was
 * after the look at the clock: a lagging projector takes nobody's task. Any number of monitors may run, since the task's
 * own stream decides, at the revision that the monitor saw, whether it is still that lease, without a sign of life since.
 */
@Injectable()
export class LeaseMonitor implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly job = new ReadModelJob();
  private readonly hold = new OutageHold(performance.now());

  constructor(
    private readonly store: EventStore,
    private readonly database: Database,
    private readonly leases: TaskLeaseQueries,
    private readonly progress: ReadModelProgress,
    private readonly tasks: TaskDirectory,
    private readonly presence: ServicePresence,
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
      onError: (error) => {
        this.hold.outage(performance.now());
        this.logger.warn({ err: error }, 'the lease monitor cannot look at the leases; no task goes back meanwhile');
      },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job.stop();
  }

  /** One look. Resolves to how many tasks went back. */
  async round(): Promise<number> {
    if (!(await this.presence.apiIsHeard())) this.hold.outage(performance.now());
    const heardSeconds = this.hold.heardSeconds(performance.now());
    const { at, leases: suspects } = await this.leases.due(heardSeconds, BATCH);
    // What lags behind shows more leases as run out, never fewer: without a suspect there is nothing to wait for.
    if (suspects.length === 0) return 0;
    const head = await logEnd(this.store);
    if (!(await this.progress.waitFor(['tasks', 'liveness'], head, CATCH_UP_MS))) return 0;
    const due = await this.leases.due(heardSeconds, BATCH, at);
    if (isAfter(head, due.checkpoint)) return 0;
    const returned = await Promise.all(due.leases.map((lease) => this.expire(lease)));
    return returned.filter(Boolean).length;
  }

  private async expire({ taskId, workspaceId, leaseId, epoch, revision, holder, silentSeconds }: DueTaskLease) {
    // The same expiry decided by two monitors carries the same ids: the second one is the first one again.
    const commandId = derivedId('expire-lease', leaseId, epoch, revision);
    const context = systemContext('queue', workspaceId, commandId, this.ids.newId(), this.clock.now());
    try {
      const outcome = await this.tasks.execute(context, taskId, { type: 'ExpireLease', leaseId, epoch }, [revision]);
      const returned = outcome.kind === 'accepted' && outcome.events.length > 0 && !outcome.replayed;
      if (returned)
        this.logger.info({ taskId, holder, silentSeconds }, 'a lease ran out; the task is back in the queue');
      return returned;
    } catch (error) {
      // One task alone must not stop the others; the next look finds it again.
      this.logger.warn({ err: error, taskId }, 'a lease that ran out could not be ended yet');
      return false;
    }
  }
}
