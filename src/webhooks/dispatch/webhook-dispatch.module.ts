import { Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { connector } from '../../../projections/engine/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { CONFIG, type Config } from '../../platform/config/config.js';
import { EventStore } from '../../platform/event-store/event-store.js';
import { LogGeneration } from '../../platform/event-store/log-generation.js';
import { Ids } from '../../platform/ids/ids.js';
import { Database } from '../../platform/read-models/database.js';
import { Logger } from '../../platform/telemetry/logger.js';
import { Metrics } from '../../platform/telemetry/metrics.js';
import { ResponseExcerpts } from '../response-excerpts.js';
import { WebhookSecrets } from '../webhook-secrets.js';
import { WebhookWriter } from '../webhook-writer.js';
import { DeliveryStreams } from './delivery-stream.js';
import { DispatchMetrics } from './dispatch-metrics.js';
import type { DispatchTools } from './dispatch-tools.js';
import { SoleDispatcher } from './sole-dispatcher.js';
import { WebhookDispatcher } from './webhook-dispatcher.js';
import { WebhookSender } from './webhook-sender.js';

const SAVE_EVERY_MS = 5_000;

/** Role `reactors`: tells webhooks. */
@Module({
  providers: [
    DeliveryStreams,
    WebhookSecrets,
    WebhookSender,
    WebhookWriter,
    {
      provide: DispatchMetrics,
      inject: [Metrics],
      useFactory: ({ registry }: Metrics) => new DispatchMetrics(registry),
    },
    {
      provide: ResponseExcerpts,
      inject: [Database],
      useFactory: (database: Database) => new ResponseExcerpts(database),
    },
  ],
})
export class WebhookDispatchModule implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly sole: SoleDispatcher;

  constructor(
    @Inject(CONFIG) config: Config,
    store: EventStore,
    generation: LogGeneration,
    streams: DeliveryStreams,
    sender: WebhookSender,
    writer: WebhookWriter,
    @Inject(ResponseExcerpts) private readonly excerpts: ResponseExcerpts,
    clock: Clock,
    ids: Ids,
    logger: Logger,
    metrics: DispatchMetrics,
  ) {
    const tools: DispatchTools = {
      store,
      generation,
      streams,
      sender,
      writer,
      excerpts,
      clock,
      ids,
      logger,
      metrics,
      random: Math.random,
      perSecond: config.webhookRate,
      factor: config.webhookRetryPermille / 1_000,
      saveEveryMs: SAVE_EVERY_MS,
    };
    const connect = connector(config.databaseUrl, 'webhooks');
    this.sole = new SoleDispatcher(connect, () => new WebhookDispatcher(tools), logger);
  }

  onApplicationBootstrap(): void {
    this.sole.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sole.stop();
    await this.excerpts.stop();
  }
}
