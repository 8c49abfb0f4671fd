import { Inject, Injectable, Optional } from '@nestjs/common';
import { Aggregates } from '../platform/command/aggregates.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { DecisionLoop, type Outcome } from '../platform/command/decision-loop.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { DerivedSecrets } from '../platform/secrets/derived-secret.js';
import {
  callbackSecretsDecider,
  callbackSecretsStream,
  isLive,
  type CallbackSecretCommand,
  type CallbackSecretRefusal,
  type CallbackSecretState,
} from './callback-secrets.decider.js';
import type { CallbackSecretEvent } from './callbacks.events.js';
import { type ImportedSecret, ImportedSecrets } from './imported-secrets.js';
import type { Signer } from './signature/verify.js';

/** How long after its last proof the tail's word is taken for what memory holds. */
const TRUST_MS = 3_000;

export type CallbackSecretOutcome = Outcome<CallbackSecretState, CallbackSecretEvent, CallbackSecretRefusal>;

/** Which secrets sign for an agent, and the secrets themselves: derived when they are needed, stored nowhere. */
@Injectable()
export class CallbackSecrets {
  private readonly aggregates: Aggregates<CallbackSecretState, CallbackSecretEvent>;
  private readonly loop: DecisionLoop<CallbackSecretState, CallbackSecretEvent>;
  private readonly derived: DerivedSecrets;

  constructor(
    store: EventStore,
    @Inject(CONFIG) config: Config,
    private readonly imported: ImportedSecrets,
    @Optional() tail?: LogTail,
  ) {
    this.derived = new DerivedSecrets(config.secretKeys, 'mc/callback-secret/v1');
    const tailState = { isLive: () => tail?.isLive(TRUST_MS) ?? false };
    this.aggregates = new Aggregates(store, tailState, callbackSecretsDecider);
    this.loop = new DecisionLoop(store, this.aggregates, callbackSecretsDecider);
    tail?.onBatch((entries) => {
      for (const entry of entries) {
        if (!('unreadable' in entry) && entry.stream.startsWith('callbacksecrets-')) this.aggregates.apply(entry);
      }
    });
  }

  /** The master key that new secrets are derived from. */
  get masterKeyId(): string {
    return this.derived.masterKeyId;
  }

  execute(context: CommandContext, command: CallbackSecretCommand): Promise<CallbackSecretOutcome> {
    return this.loop.execute(callbackSecretsStream(command.agentId), context, ({ state }) =>
      callbackSecretsDecider.decide(command, state),
    );
  }

  async state(agentId: number): Promise<CallbackSecretState> {
    return (await this.aggregates.load(callbackSecretsStream(agentId))).state;
  }

  /** Who may sign for the agent at this instant. */
  async signerOf(workspaceId: number, agentId: number, now: Date): Promise<Signer> {
    const { secrets, legacyAllowed } = await this.state(agentId);
    const instant = now.toISOString();
    const live = secrets.filter((secret) => isLive(secret, instant));
    const known = await Promise.all(
      live.map(async ({ secretId, masterKeyId, fingerprint }) => {
        const shown =
          fingerprint === null
            ? this.shown(workspaceId, agentId, secretId, masterKeyId)
            : await this.imported.open(fingerprint);
        return shown === undefined ? [] : [{ id: String(secretId), shown, imported: fingerprint !== null }];
      }),
    );
    return { legacyAllowed, secrets: known.flat() };
  }

  /** Whether an agent has this imported secret, and it signs at this instant. */
  async isLive({ agentId, fingerprint }: ImportedSecret, now: Date): Promise<boolean> {
    const { secrets } = await this.state(agentId);
    return secrets.some((each) => each.fingerprint === fingerprint && isLive(each, now.toISOString()));
  }

  /** The secret as it is shown once; undefined when its master key is not configured any more. */
  shown(workspaceId: number, agentId: number, secretId: number, masterKeyId: string): string | undefined {
    return this.derived.shown(masterKeyId, String(workspaceId), String(agentId), String(secretId));
  }
}
