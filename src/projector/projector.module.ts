import { Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { projectionsFor } from '../../projections/all.projections.js';
import { connector, ProjectionEngine } from '../../projections/engine/index.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { Database } from '../platform/read-models/database.js';
import { Logger } from '../platform/telemetry/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';

/** The role `projector`: feeds every projection while this process holds the lease. */
@Module({
  providers: [
    {
      provide: ProjectionEngine,
      inject: [CONFIG, EventStore, Logger, Metrics, Clock],
      useFactory: (
        { databaseUrl, reportingZones }: Config,
        store: EventStore,
        logger: Logger,
        metrics: Metrics,
        clock: Clock,
      ) =>
        new ProjectionEngine({
          store,
          connect: connector(databaseUrl, 'projector'),
          projections: projectionsFor({ reportingZones }),
          logger,
          registry: metrics.registry,
          clock,
        }),
    },
  ],
  exports: [ProjectionEngine],
})
export class ProjectorModule implements OnApplicationBootstrap, OnModuleDestroy {
  private stopped = false;

  constructor(
    @Inject(ProjectionEngine) private readonly engine: ProjectionEngine,
    private readonly database: Database,
  ) {}

  onApplicationBootstrap(): void {
    // Not before the schema is there; not awaited, since the process lives while the database is away.
    void this.database.start().then(() => {
      if (!this.stopped) this.engine.start();
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.engine.stop();
  }
}
