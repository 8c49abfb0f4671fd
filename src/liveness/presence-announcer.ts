import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';
import { ServicePresence } from './service-presence.js';

const EVERY_MS = 5_000;

/** Lets the expiry monitor know that this api process hears its agents. */
@Injectable()
export class PresenceAnnouncer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly job = new ReadModelJob();

  constructor(
    private readonly database: Database,
    private readonly presence: ServicePresence,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.job.start(this.database, {
      everyMs: EVERY_MS,
      run: () => this.presence.announce(),
      onError: (error) => this.logger.debug({ err: error }, 'the presence of this process could not be announced'),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job.stop();
  }
}
