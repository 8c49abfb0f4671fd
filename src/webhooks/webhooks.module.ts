import { Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { WebhooksQueries } from '../../projections/webhooks/webhooks.queries.js';
import { CommandModule } from '../platform/command/command.module.js';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { SecurityModule } from '../security/security.module.js';
import { DeliveryStreams } from './dispatch/delivery-stream.js';
import { WebhookSender } from './dispatch/webhook-sender.js';
import { KnownEndpoints } from './known-endpoints.js';
import { ManualDelivery } from './manual-delivery.js';
import { ResponseExcerpts } from './response-excerpts.js';
import { WebhookBalance } from './webhook-balance.js';
import { WebhookDeliveriesController } from './webhook-deliveries.controller.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookWriter } from './webhook-writer.js';
import { WebhookCommands } from './webhooks.commands.js';
import { WebhooksController } from './webhooks.controller.js';

const COUNT_EVERY_MS = 60_000;

/** Role `api`: endpoints, and what became of their messages. The messages go out in the role `reactors`. */
@Module({
  imports: [CommandModule, SecurityModule],
  controllers: [WebhooksController, WebhookDeliveriesController],
  providers: [
    DeliveryStreams,
    KnownEndpoints,
    ManualDelivery,
    WebhookBalance,
    WebhookCommands,
    WebhookSecrets,
    WebhookSender,
    WebhookWriter,
    {
      provide: ResponseExcerpts,
      inject: [Database],
      useFactory: (database: Database) => new ResponseExcerpts(database),
    },
  ],
})
export class WebhooksModule implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly job = new ReadModelJob();
  private readonly gauge: Gauge<'webhook'>;

  constructor(
    private readonly balances: WebhookBalance,
    private readonly queries: WebhooksQueries,
    @Inject(ResponseExcerpts) private readonly excerpts: ResponseExcerpts,
    private readonly database: Database,
    private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.gauge = new Gauge({
      name: 'webhook_balance_error',
      help: 'Messages of an endpoint that are neither delivered nor pending nor dead, or too many. Must be 0.',
      labelNames: ['webhook'],
      registers: [metrics.registry],
    });
  }

  onApplicationBootstrap(): void {
    this.job.start(this.database, {
      everyMs: COUNT_EVERY_MS,
      run: () => this.count(),
      onError: (error) => this.logger.debug({ err: error }, 'the balance of webhooks cannot be counted now'),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.job.stop();
    await this.excerpts.stop();
  }

  private async count(): Promise<void> {
    const active = await this.queries.active();
    this.gauge.reset();
    for (const { webhookId, workspaceId } of active) {
      const { error } = await this.balances.of(workspaceId, webhookId);
      this.gauge.set({ webhook: String(webhookId) }, error);
      if (error > 0) this.logger.error({ webhookId, error }, 'the balance of a webhook does not add up');
    }
  }
}
