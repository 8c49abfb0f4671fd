import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG, type Config } from '../platform/config/config.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { Logger } from '../platform/telemetry/logger.js';
import { HEARTBEAT_SHARDS, heartbeatStream } from './heartbeat-streams.js';

/** Gives the streams of raw beats their `$maxAge`. Every other stream is kept for ever. */
@Injectable()
export class HeartbeatRetention implements OnApplicationBootstrap {
  constructor(
    private readonly store: EventStore,
    @Inject(CONFIG) private readonly config: Config,
    private readonly logger: Logger,
  ) {}

  /** In the background: beats are accepted meanwhile, and the next start tries again. */
  onApplicationBootstrap(): void {
    this.apply().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'the retention of raw heartbeats could not be set; the next start tries again');
    });
  }

  private async apply(): Promise<void> {
    for (let shard = 0; shard < HEARTBEAT_SHARDS; shard += 1) {
      await this.store.setMaxAge(heartbeatStream(shard), this.config.heartbeatRetentionSeconds);
    }
  }
}
