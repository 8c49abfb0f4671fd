import { Module } from '@nestjs/common';
import { EventStore } from '../platform/event-store/event-store.js';
import { Drain } from '../platform/http/drain.js';
import { OptionalPorts } from '../platform/http/optional-ports.js';
import { HealthController } from './health.controller.js';
import { DatabaseProbe, ProjectionStates } from './health-source.js';
import { ReadinessCheck } from './readiness.js';
import { StatusController } from './status.controller.js';

/**
 * `/api/health`, `/api/health/ready`, `/api/status`, `/api/projections`, `/api/index`. Needs global `EventStore`,
 * `CONFIG`, `Clock`; looks for `DatabaseProbe` and `ProjectionStates` anywhere in the application.
 */
@Module({
  controllers: [HealthController, StatusController],
  providers: [
    {
      provide: ReadinessCheck,
      useFactory: (store: EventStore, drain: Drain, ports: OptionalPorts) =>
        new ReadinessCheck({
          store,
          drain,
          database: () => ports.find(DatabaseProbe),
          projections: () => ports.find(ProjectionStates),
        }),
      inject: [EventStore, Drain, OptionalPorts],
    },
  ],
})
export class HealthModule {}
