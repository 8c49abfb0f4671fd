import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LivenessQueries, type DueSummary } from '../../projections/liveness/liveness.queries.js';
import type { HeartbeatsSummarised } from '../connections/connections.events.js';
import { Clock } from '../platform/clock/clock.js';
import { metadataOf, systemContext } from '../platform/command/command-context.js';
import { EventStore, isReadable } from '../platform/event-store/event-store.js';
import { RevisionConflict } from '../platform/event-store/event-store.errors.js';
import { derivedId } from '../platform/ids/ids.js';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';

const EVERY_MS = 5_000;
const BATCH = 200;

/**
 * Writes the permanent proof of liveness: one summary per connection and period, before the raw beats are removed by
 * their retention. A summary is identified by its connection and the last beat that it covers, so it stands there once.
 */
@Injectable()
export class SummaryWriter implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly job = new ReadModelJob();

  constructor(
    private readonly store: EventStore,
    private readonly database: Database,
    private readonly liveness: LivenessQueries,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.job.start(this.database, {
      everyMs: EVERY_MS,
      run: () => this.round(),
      onError: (error) => this.logger.warn({ err: error }, 'summaries of beats could not be written; trying again'),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job.stop();
  }

  async round(): Promise<void> {
    for (const due of await this.liveness.dueSummaries(BATCH)) await this.write(due);
  }

  private async write({ workspaceId, ...data }: DueSummary): Promise<void> {
    const event: HeartbeatsSummarised = { type: 'HeartbeatsSummarised', data };
    const id = derivedId('heartbeats-summarised', data.connectionId, data.to);
    const stream = `connection-${data.connectionId}`;
    const [last] = (await this.store.readStreamBackwards(stream, { max: 1 })) ?? [];
    if (last === undefined || last.id === id || (isReadable(last) && covers(last.data, data.to))) return;
    const context = systemContext('liveness', workspaceId, id, id, this.clock.now());
    await this.store
      .append(stream, [{ ...event, id, metadata: metadataOf(context) }], last.revision)
      .catch((error: unknown) => {
        if (!(error instanceof RevisionConflict)) throw error;
      });
  }
}

function covers(data: object, until: string): boolean {
  return 'to' in data && typeof data.to === 'string' && data.to >= until;
}
