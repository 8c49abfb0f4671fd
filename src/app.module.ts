import { Module, type DynamicModule } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { ActivitiesModule } from './activities/activities.module.js';
import { AgentsModule } from './agents/agents.module.js';
import { allEventContracts } from './all.events.js';
import { AuditModule } from './audit/audit.module.js';
import { CostsModule } from './costs/costs.module.js';
import { BudgetsModule, BudgetWatchModule } from './budgets/budgets.module.js';
import { ConnectionsModule } from './connections/connections.module.js';
import { CallbacksModule } from './callbacks/callbacks.module.js';
import { CoreModule } from './core.module.js';
import { DocsApiModule } from './docs-api/docs-api.module.js';
import { FiguresModule } from './figures/figures.module.js';
import { HealthModule } from './health/health.module.js';
import { HeartbeatsModule } from './heartbeats/heartbeats.module.js';
import { ImportsModule } from './imports/imports.module.js';
import { KeysModule } from './keys/keys.module.js';
import { LiveModule } from './live/live.module.js';
import { LivenessModule, PresenceModule } from './liveness/liveness.module.js';
import { MentionsModule } from './mentions/mentions.module.js';
import { NotificationReactorModule } from './notifications/notification-reactor.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { RaisedNotificationsModule } from './notifications/raised-notifications.module.js';
import type { Config, ProcessRole } from './platform/config/config.js';
import { EventStoreModule } from './platform/event-store/event-store.module.js';
import { LogHintsModule } from './platform/hints/log-hints.module.js';
import { HttpModule } from './platform/http/http.module.js';
import { LogTailModule } from './platform/log-tail/log-tail.module.js';
import { RateLimitModule } from './platform/rate-limit/rate-limit.module.js';
import { ReadModelsModule } from './platform/read-models/read-models.module.js';
import { TelemetryModule } from './platform/telemetry/telemetry.module.js';
import { ProjectRemovalModule, ProjectsModule } from './projects/projects.module.js';
import { PriceKeepingModule, PricesModule } from './prices/prices.module.js';
import { ProjectorModule } from './projector/projector.module.js';
import { LeaseMonitorModule, QueueModule } from './queue/queue.module.js';
import { SecurityModule } from './security/security.module.js';
import { TasksModule } from './tasks/tasks.module.js';
import { TokensModule } from './tokens/tokens.module.js';
import { WebhookDispatchModule } from './webhooks/dispatch/webhook-dispatch.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

const modulesOf: Readonly<Record<ProcessRole, NonNullable<DynamicModule['imports']>>> = {
  api: [
    HttpModule,
    RateLimitModule,
    SecurityModule,
    LogTailModule,
    LogHintsModule,
    RaisedNotificationsModule,
    LiveModule,
    AuditModule,
    AgentsModule,
    KeysModule,
    ConnectionsModule,
    HeartbeatsModule,
    TasksModule,
    QueueModule,
    ProjectsModule,
    TokensModule,
    NotificationsModule,
    ActivitiesModule,
    MentionsModule,
    CostsModule,
    ImportsModule,
    CallbacksModule,
    WebhooksModule,
    FiguresModule,
    PricesModule,
    BudgetsModule,
    PresenceModule,
    HealthModule,
    DocsApiModule,
  ],
  projector: [ProjectorModule],
  reactors: [
    LivenessModule,
    LeaseMonitorModule,
    NotificationReactorModule,
    ProjectRemovalModule,
    PriceKeepingModule,
    BudgetWatchModule,
    WebhookDispatchModule,
  ],
};

/** One process of the system: what every role stands on, and what the roles of this process need. */
@Module({})
export class AppModule {
  static for(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        CoreModule.for(config),
        EventEmitterModule.forRoot(),
        TelemetryModule,
        EventStoreModule.forContracts(allEventContracts),
        ReadModelsModule,
        ...config.roles.flatMap((role) => modulesOf[role]),
      ],
    };
  }
}
