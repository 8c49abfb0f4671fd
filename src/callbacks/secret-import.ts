import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { RegisteredAgent } from '../agents/agent.decider.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { Clock } from '../platform/clock/clock.js';
import { conflict } from '../platform/http/errors.js';
import { Database } from '../platform/read-models/database.js';
import { ReadModelJob } from '../platform/read-models/read-model-job.js';
import { Logger } from '../platform/telemetry/logger.js';
import { CallbackSecrets, type CallbackSecretOutcome } from './callback-secrets.js';
import { type ImportedSecret, ImportedSecrets } from './imported-secrets.js';

const SWEEP_EVERY_MS = 600_000;

/** Takes secrets that were made elsewhere, for one agent each, and lets go of those that ended. */
@Injectable()
export class SecretImport implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly job = new ReadModelJob();

  constructor(
    private readonly secrets: CallbackSecrets,
    private readonly imported: ImportedSecrets,
    private readonly agents: AgentDirectory,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.job.start(this.database, {
      everyMs: SWEEP_EVERY_MS,
      run: () => this.sweep(),
      onError: (error) => this.logger.warn({ err: error }, 'imported secrets that ended cannot be removed now'),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job.stop();
  }

  /** Errors: 409 for a secret that is live already, whoever has it. */
  async issue(
    context: CommandContext,
    { agentId, name: agentName }: RegisteredAgent,
    secret: string,
    previousValidUntil: string,
  ): Promise<CallbackSecretOutcome> {
    const fingerprint = this.imported.fingerprintOf(secret);
    for (const known of await this.imported.find(secret)) {
      const isOwn = known.agentId === agentId && known.workspaceId === context.workspaceId;
      if (await this.isInUse(known)) throw isOwn ? conflict(ALREADY) : conflict(ELSEWHERE);
      await this.imported.forget(known.fingerprint);
    }
    if (!(await this.imported.keep(context.workspaceId, agentId, secret))) throw conflict(ELSEWHERE);
    const outcome = await this.secrets.execute(context, {
      type: 'IssueSecret',
      agentId,
      agentName,
      masterKeyId: this.secrets.masterKeyId,
      previousValidUntil,
      now: context.receivedAt.toISOString(),
      fingerprint,
    });
    if (outcome.kind !== 'accepted') await this.imported.forget(fingerprint);
    return outcome;
  }

  /** Removes what nobody signs with any more. */
  async sweep(): Promise<void> {
    for (const known of await this.imported.all()) {
      if (!(await this.isInUse(known))) await this.imported.forget(known.fingerprint);
    }
  }

  private async isInUse(known: ImportedSecret): Promise<boolean> {
    const agent = await this.agents.active(known.workspaceId, String(known.agentId));
    return agent !== undefined && this.secrets.isLive(known, this.clock.now());
  }
}

const ALREADY = 'The agent has this secret already';
const ELSEWHERE = 'The secret signs for another agent; each agent needs its own';
