import { storedStatus } from '../../../projections/engine/index.js';
import { DatabaseProbe, type ProjectionHealth, ProjectionStates } from '../../health/health-source.js';
import { LogGeneration } from '../event-store/log-generation.js';
import { positionText } from '../event-store/position-text.js';
import type { ProjectionName } from './consistency.js';
import type { Database } from './database.js';
import type { PostgresReadModelProgress } from './postgres-progress.js';

/** Pending work whose checkpoint has stood still for so long is as good as halted, whatever the projector believes. */
const STALLED_AFTER_SECONDS = 30;

export class PostgresProbe extends DatabaseProbe {
  constructor(private readonly database: Database) {
    super();
  }

  override async check(): Promise<void> {
    await this.database.query('select 1');
  }
}

/**
 * The projections by their tables, measured against the head of the store as this process sees it: a projector that is
 * dead, paused or cut off from the log shows as halted although its last word was that it had caught up.
 */
export class StoredProjectionStates extends ProjectionStates {
  constructor(
    private readonly database: Database,
    private readonly progress: PostgresReadModelProgress,
    private readonly generation: LogGeneration,
  ) {
    super();
  }

  override async all(): Promise<readonly ProjectionHealth[]> {
    const statuses = await storedStatus(this.database, this.progress.head);
    return Promise.all(
      statuses
        .filter((status) => status.isActive)
        .map(async (status): Promise<ProjectionHealth> => {
          const { lagSeconds } = await this.progress.consistencyOf([status.projection as ProjectionName]);
          const isStalled = lagSeconds > STALLED_AFTER_SECONDS && status.stillSeconds > STALLED_AFTER_SECONDS;
          return {
            name: status.projection,
            state: isStalled ? 'halted' : status.state,
            lagEvents: Number(status.lagEvents),
            lagSeconds: Math.round(lagSeconds * 1_000) / 1_000,
            ...(this.generation.isKnown ? { checkpoint: positionText(status.position, this.generation.current) } : {}),
          };
        }),
    );
  }
}
