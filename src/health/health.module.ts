import { Module } from '@nestjs/common';
import { EventStore } from '../platform/event-store/event-store.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { Database } from '../platform/read-models/database.js';
import { Drain } from '../platform/http/drain.js';
import { HealthController } from './health.controller.js';
import { ProjectionStates } from './projection-states.js';
import { StoredProjectionStates } from './stored-projection-states.js';
import { ReadinessCheck } from './readiness.js';
import { StatusController } from './status.controller.js';

/**
 * `/api/health`, `/api/health/ready`, `/api/status`, `/api/projections`, `/api/index`. Needs the global modules of the
 * event store, the read models and the core.
 */
@Module({
  controllers: [HealthController, StatusController],
  providers: [
    {
      provide: ReadinessCheck,
      useFactory: (store: EventStore, drain: Drain, database: Database, projections: ProjectionStates) =>
        new ReadinessCheck({ store, drain, database, projections }),
      inject: [EventStore, Drain, Database, ProjectionStates],
    },
    {
      provide: ProjectionStates,
      useFactory: (config: Config, store: EventStore, generation: LogGeneration, clock: Clock) =>
        new StoredProjectionStates(config.databaseUrl, store, generation, clock),
      inject: [CONFIG, EventStore, LogGeneration, Clock],
    },
  ],
})
export class HealthModule {}
