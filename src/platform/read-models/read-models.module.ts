import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import { ActivityQueries } from '../../../projections/activities/activities.queries.js';
import { AgentMemoryQueries } from '../../../projections/agent-memory/agent-memory.queries.js';
import { AgentStatusQueries } from '../../../projections/agent-status/agent-status.queries.js';
import { CostQueries } from '../../../projections/cost/cost.queries.js';
import { BudgetQueries } from '../../../projections/budgets/budgets.queries.js';
import { PriceImpactQueries } from '../../../projections/cost/price-impact.queries.js';
import { ProvenanceQueries } from '../../../projections/cost/provenance.queries.js';
import { SliceQueries } from '../../../projections/cost/slice.queries.js';
import { CallbacksQueries } from '../../../projections/callbacks/callbacks.queries.js';
import { connector } from '../../../projections/engine/index.js';
import { KeysQueries } from '../../../projections/keys/keys.queries.js';
import { LivenessQueries } from '../../../projections/liveness/liveness.queries.js';
import { OrphanedTaskQueries } from '../../../projections/tasks/orphaned-tasks.queries.js';
import { TaskCandidateQueries } from '../../../projections/tasks/task-candidates.queries.js';
import { TaskLeaseQueries } from '../../../projections/tasks/task-leases.queries.js';
import { TaskOutcomeQueries } from '../../../projections/tasks/task-outcomes.queries.js';
import { AgentTaskQueries } from '../../../projections/tasks/agent-tasks.queries.js';
import { TaskQueries } from '../../../projections/tasks/tasks.queries.js';
import { NotificationQueries } from '../../../projections/notifications/notifications.queries.js';
import { ProjectQueries } from '../../../projections/projects/projects.queries.js';
import { TokenUsageQueries } from '../../../projections/token-usage/token-usage.queries.js';
import { WebhooksQueries } from '../../../projections/webhooks/webhooks.queries.js';
import { WorkItemQueries } from '../../../projections/work-items/work-items.queries.js';
import { DatabaseProbe, ProjectionStates } from '../../health/health-source.js';
import { CONFIG, type Config } from '../config/config.js';
import { EventStore } from '../event-store/event-store.js';
import { LogGeneration } from '../event-store/log-generation.js';
import { LOG_ADVANCED, type LogAdvanced } from '../hints/hints.js';
import { Logger } from '../telemetry/logger.js';
import { ReadModelProgress } from './consistency.js';
import { Database } from './database.js';
import { PostgresReadModelProgress } from './postgres-progress.js';
import { PostgresProbe, StoredProjectionStates } from './read-model-health.js';
import { allMigrations } from '../../../projections/all.migrations.js';

const POOL_SIZE = 10;
const STATEMENT_TIMEOUT_MS = 10_000;

/** The read side of a process: pool, migrations, read-your-writes, and the queries of every projection. */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [CONFIG, Logger],
      useFactory: ({ databaseUrl }: Config, logger: Logger) =>
        new Database(
          {
            url: databaseUrl,
            poolSize: POOL_SIZE,
            statementTimeoutMs: STATEMENT_TIMEOUT_MS,
            migrations: allMigrations,
          },
          connector(databaseUrl, 'migrations'),
          logger,
        ),
    },
    {
      provide: PostgresReadModelProgress,
      inject: [CONFIG, EventStore, Logger],
      useFactory: ({ databaseUrl }: Config, store: EventStore, logger: Logger) =>
        new PostgresReadModelProgress(connector(databaseUrl, 'progress'), store, logger),
    },
    { provide: ReadModelProgress, useExisting: PostgresReadModelProgress },
    {
      provide: DatabaseProbe,
      inject: [Database],
      useFactory: (database: Database) => new PostgresProbe(database),
    },
    {
      provide: ProjectionStates,
      inject: [Database, PostgresReadModelProgress, LogGeneration],
      useFactory: (database: Database, progress: PostgresReadModelProgress, generation: LogGeneration) =>
        new StoredProjectionStates(database, progress, generation),
    },
    {
      provide: ActivityQueries,
      inject: [Database],
      useFactory: (database: Database) => new ActivityQueries(database),
    },
    {
      provide: AgentMemoryQueries,
      inject: [Database],
      useFactory: (database: Database) => new AgentMemoryQueries(database),
    },
    {
      provide: AgentTaskQueries,
      inject: [Database],
      useFactory: (database: Database) => new AgentTaskQueries(database),
    },
    {
      provide: AgentStatusQueries,
      inject: [Database],
      useFactory: (database: Database) => new AgentStatusQueries(database),
    },
    {
      provide: LivenessQueries,
      inject: [Database],
      useFactory: (database: Database) => new LivenessQueries(database),
    },
    {
      provide: NotificationQueries,
      inject: [Database],
      useFactory: (database: Database) => new NotificationQueries(database),
    },
    {
      provide: ProjectQueries,
      inject: [Database],
      useFactory: (database: Database) => new ProjectQueries(database),
    },
    {
      provide: CallbacksQueries,
      inject: [Database],
      useFactory: (database: Database) => new CallbacksQueries(database),
    },
    {
      provide: KeysQueries,
      inject: [Database],
      useFactory: (database: Database) => new KeysQueries(database),
    },
    {
      provide: CostQueries,
      inject: [Database],
      useFactory: (database: Database) => new CostQueries(database),
    },
    {
      provide: SliceQueries,
      inject: [Database],
      useFactory: (database: Database) => new SliceQueries(database),
    },
    {
      provide: ProvenanceQueries,
      inject: [Database],
      useFactory: (database: Database) => new ProvenanceQueries(database),
    },
    {
      provide: TokenUsageQueries,
      inject: [Database],
      useFactory: (database: Database) => new TokenUsageQueries(database),
    },
    {
      provide: TaskQueries,
      inject: [Database],
      useFactory: (database: Database) => new TaskQueries(database),
    },
    {
      provide: WebhooksQueries,
      inject: [Database],
      useFactory: (database: Database) => new WebhooksQueries(database),
    },
    {
      provide: WorkItemQueries,
      inject: [Database],
      useFactory: (database: Database) => new WorkItemQueries(database),
    },
    {
      provide: TaskOutcomeQueries,
      inject: [Database],
      useFactory: (database: Database) => new TaskOutcomeQueries(database),
    },
    {
      provide: OrphanedTaskQueries,
      inject: [Database],
      useFactory: (database: Database) => new OrphanedTaskQueries(database),
    },
    {
      provide: TaskCandidateQueries,
      inject: [Database],
      useFactory: (database: Database) => new TaskCandidateQueries(database),
    },
    {
      provide: TaskLeaseQueries,
      inject: [Database],
      useFactory: (database: Database) => new TaskLeaseQueries(database),
    },
    {
      provide: BudgetQueries,
      inject: [Database],
      useFactory: (database: Database) => new BudgetQueries(database),
    },
    {
      provide: PriceImpactQueries,
      inject: [Database],
      useFactory: (database: Database) => new PriceImpactQueries(database),
    },
  ],
  exports: [
    Database,
    PostgresReadModelProgress,
    ReadModelProgress,
    DatabaseProbe,
    ProjectionStates,
    ActivityQueries,
    AgentMemoryQueries,
    AgentStatusQueries,
    AgentTaskQueries,
    CallbacksQueries,
    KeysQueries,
    LivenessQueries,
    NotificationQueries,
    ProjectQueries,
    TokenUsageQueries,
    CostQueries,
    ProvenanceQueries,
    SliceQueries,
    TaskQueries,
    TaskOutcomeQueries,
    WebhooksQueries,
    WorkItemQueries,
    OrphanedTaskQueries,
    TaskCandidateQueries,
    TaskLeaseQueries,
    BudgetQueries,
    PriceImpactQueries,
  ],
})
export class ReadModelsModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly database: Database,
    private readonly progress: PostgresReadModelProgress,
  ) {}

  onModuleInit(): void {
    // Not awaited: the process starts and answers while the database is away.
    void this.database.start().then(() => this.progress.start());
  }

  @OnEvent(LOG_ADVANCED)
  onLogAdvanced({ position }: LogAdvanced): void {
    this.progress.noteHead(position);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.progress.stop();
    await this.database.close();
  }
}
