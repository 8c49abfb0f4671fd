import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LivenessQueries, type DueLease } from '../../projections/liveness/liveness.queries.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { AgentCommand } from '../agents/agent.decider.js';
import { Clock } from '../platform/clock/clock.js';
import { systemContext } from '../platform/command/command-context.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { logEnd } from '../platform/event-store/log-end.js';
import { isAfter } from '../platform/event-store/position.js';
import { derivedId, Ids } from '../platform/ids/ids.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';
import { OutageHold } from './outage-hold.js';
import { ServicePresence } from './service-presence.js';

const EVERY_MS = 1_000;
const CATCH_UP_MS = 5_000;
const BATCH = 500;

/**
 * Closes connections that fell silent. It acts only on a read model that has passed the head of the log as it was before
 * the look at the leases: a lagging projector must not expire anybody. Any number of monitors may run, since the agent's
 * own stream decides, by the epoch, whether the connection is still the one that fell silent.
 */
@Injectable()
export class ExpiryMonitor implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly job = new ReadModelJob();
  private readonly hold: OutageHold;

  constructor(
    private readonly store: EventStore,
    private readonly database: Database,
    private readonly leases: LivenessQueries,
    private readonly progress: ReadModelProgress,
    private readonly directory: AgentDirectory,
    private readonly presence: ServicePresence,
    private readonly ids: Ids,
    private readonly clock: Clock,
    private readonly logger: Logger,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.hold = new OutageHold(performance.now());
  }

  onApplicationBootstrap(): void {
    this.job.start(this.database, {
      everyMs: EVERY_MS,
      run: async () => {
        await this.round();
      },
      onError: (error) => {
        this.hold.outage(performance.now());
        this.logger.warn({ err: error }, 'the expiry monitor cannot look at the leases; nobody expires meanwhile');
      },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job.stop();
  }

  /** One look. Resolves to how many agents were taken offline. */
  async round(): Promise<number> {
    if (!(await this.presence.apiIsHeard())) this.hold.outage(performance.now());
    const { connectionTimeoutSeconds, agentTimeoutSeconds } = this.config;
    const holdsConnections = !this.hold.allows(performance.now(), connectionTimeoutSeconds);
    const holdsAgents = !this.hold.allows(performance.now(), agentTimeoutSeconds);
    if (holdsConnections && holdsAgents) return 0;
    const lookedAt = await this.leases.databaseTime();
    const head = await logEnd(this.store);
    if (!(await this.progress.waitFor(['liveness'], head, CATCH_UP_MS))) return 0;
    const due = await this.leases.dueLeases(
      { connectionSeconds: connectionTimeoutSeconds, agentSeconds: agentTimeoutSeconds, limit: BATCH },
      lookedAt,
    );
    if (isAfter(head, due.checkpoint)) return 0;
    let taken = 0;
    for (const lease of [...(holdsConnections ? [] : due.connections), ...(holdsAgents ? [] : due.agents)]) {
      if (await this.takeOffline(lease)) taken += 1;
    }
    return taken;
  }

  private async takeOffline(lease: DueLease): Promise<boolean> {
    const { agentId, workspaceId, connectionId, epoch, silentSeconds } = lease;
    const command: AgentCommand =
      connectionId === null ? { type: 'TimeOutAgent' } : { type: 'ExpireConnection', connectionId, epoch };
    // The same expiry decided by two monitors carries the same ids: the second one is the first one again.
    const commandId = connectionId === null ? this.ids.newId() : derivedId('expire-connection', connectionId, epoch);
    const context = systemContext('liveness', workspaceId, commandId, this.ids.newId(), this.clock.now());
    const outcome = await this.directory.execute(context, agentId, command);
    const taken = outcome.kind === 'accepted' && outcome.events.length > 0 && !outcome.replayed;
    if (taken) this.logger.info({ agentId, connectionId, silentSeconds }, 'an agent fell silent and is offline now');
    return taken;
  }
}
