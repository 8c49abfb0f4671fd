import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CallbacksQueries } from '../../projections/callbacks/callbacks.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';
import { CallbackCommands } from './callbacks.commands.js';
import { CallbackStreams } from './callback-streams.js';

const EVERY_MS = 2_000;
/** Longer than a request under way takes to go on by itself. */
const LEFT_ALONE_MS = 10_000;
const BATCH = 100;

/** Goes on with callbacks that were accepted by a process that died before they took effect. */
@Injectable()
export class CallbackFinisher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly job = new ReadModelJob();

  constructor(
    private readonly database: Database,
    private readonly queries: CallbacksQueries,
    private readonly streams: CallbackStreams,
    private readonly commands: CallbackCommands,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.job.start(this.database, {
      everyMs: EVERY_MS,
      run: async () => {
        await this.round();
      },
      onError: (error) => this.logger.warn({ err: error }, 'callbacks that were left alone cannot be finished now'),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job.stop();
  }

  /** One look. Resolves to how many took effect. */
  async round(leftAloneMs = LEFT_ALONE_MS): Promise<number> {
    const before = new Date(this.clock.now().getTime() - leftAloneMs);
    let finished = 0;
    for (const { stream } of await this.queries.open(before, BATCH)) {
      const stored = await this.streams.newestIn(stream);
      if (stored === undefined || stored.result !== undefined) continue;
      await this.commands.finish(stored.accepted);
      finished += 1;
    }
    if (finished > 0) this.logger.info({ finished }, 'callbacks that were left alone took effect');
    return finished;
  }
}
