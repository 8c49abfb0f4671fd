import { Inject, Module } from '@nestjs/common';
import { KeyRing } from '../keys/key-ring.js';
import { KeyringModule } from '../keys/keyring.module.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { Drain } from '../platform/http/drain.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { Database } from '../platform/read-models/database.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { HealthController } from './health.controller.js';
import { DatabaseProbe, ProjectionStates } from './health-source.js';
import { registerReadModelMetrics } from './read-model-metrics.js';
import { ReadinessCheck } from './readiness.js';
import { StatusController } from './status.controller.js';
import { WarmUp } from './warm-up.js';

const WARM_UP_BOUND_MS = 15_000;

/**
 * `/api/health`, `/api/health/ready`, `/api/status`, `/api/projections`, `/api/index`. Needs the global modules of the
 * core, the event store and the read models.
 */
@Module({
  imports: [KeyringModule],
  controllers: [HealthController, StatusController],
  providers: [
    {
      provide: WarmUp,
      useFactory: (tail: LogTail, database: Database, keys: KeyRing) =>
        new WarmUp([tail.started, database.start(), keys.loaded], WARM_UP_BOUND_MS),
      inject: [LogTail, Database, KeyRing],
    },
    {
      provide: ReadinessCheck,
      useFactory: (
        store: EventStore,
        drain: Drain,
        warmUp: WarmUp,
        database: DatabaseProbe,
        projections: ProjectionStates,
      ) => new ReadinessCheck({ store, drain, warmUp, database, projections }),
      inject: [EventStore, Drain, WarmUp, DatabaseProbe, ProjectionStates],
    },
  ],
})
export class HealthModule {
  constructor(@Inject(ProjectionStates) states: ProjectionStates, @Inject(Metrics) metrics: Metrics) {
    registerReadModelMetrics(states, metrics.registry);
  }
}
