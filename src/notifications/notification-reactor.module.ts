import { Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { Ids } from '../platform/ids/ids.js';
import { Numbers } from '../platform/numbers/numbers.js';
import { Logger } from '../platform/telemetry/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { NotificationReactor } from './notification-reactor.js';

/** Role `reactors`: raises notifications. */
@Module({
  providers: [
    {
      provide: NotificationReactor,
      inject: [EventStore, Numbers, Clock, Ids, Logger, Metrics],
      useFactory: (store: EventStore, numbers: Numbers, clock: Clock, ids: Ids, logger: Logger, metrics: Metrics) =>
        new NotificationReactor({ store, numbers, clock, ids, logger, registry: metrics.registry }),
    },
  ],
})
export class NotificationReactorModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(@Inject(NotificationReactor) private readonly reactor: NotificationReactor) {}

  onApplicationBootstrap(): void {
    this.reactor.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.reactor.stop();
  }
}
