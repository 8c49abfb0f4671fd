import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { RepeatingJob } from '../platform/clock/repeating-job.js';
import { Database } from '../platform/read-models/database.js';
import { Logger } from '../platform/telemetry/logger.js';
import { ServicePresence } from './service-presence.js';

const EVERY_MS = 5_000;

/** Lets the expiry monitor know that this api process hears its agents. */
@Injectable()
export class PresenceAnnouncer implements OnApplicationBootstrap, OnApplicationShutdown {
  private job: RepeatingJob | undefined;
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly presence: ServicePresence,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.start().then(() => this.begin());
  }

  private begin(): void {
    if (this.stopped) return;
    this.job = new RepeatingJob(
      EVERY_MS,
      () => this.presence.announce(),
      (error) => this.logger.debug({ err: error }, 'the presence of this process could not be announced'),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    await this.job?.stop();
  }
}
