import { Inject, Module } from '@nestjs/common';
import { EventStore } from '../platform/event-store/event-store.js';
import { Drain } from '../platform/http/drain.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { HealthController } from './health.controller.js';
import { DatabaseProbe, ProjectionStates } from './health-source.js';
import { registerReadModelMetrics } from './read-model-metrics.js';
import { ReadinessCheck } from './readiness.js';
import { StatusController } from './status.controller.js';

/**
 * `/api/health`, `/api/health/ready`, `/api/status`, `/api/projections`, `/api/index`. Needs the global modules of the
 * core, the event store and the read models.
 */
@Module({
  controllers: [HealthController, StatusController],
  providers: [
    {
      provide: ReadinessCheck,
      useFactory: (store: EventStore, drain: Drain, database: DatabaseProbe, projections: ProjectionStates) =>
        new ReadinessCheck({ store, drain, database, projections }),
      inject: [EventStore, Drain, DatabaseProbe, ProjectionStates],
    },
  ],
})
export class HealthModule {
  constructor(@Inject(ProjectionStates) states: ProjectionStates, @Inject(Metrics) metrics: Metrics) {
    registerReadModelMetrics(states, metrics.registry);
  }
}
