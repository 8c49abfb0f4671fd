import { Injectable } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { RegisteredAgent } from '../agents/agent.decider.js';
import { Aggregates } from '../platform/command/aggregates.js';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import { DecisionLoop, type Outcome } from '../platform/command/decision-loop.js';
import { EventStore, isReadable } from '../platform/event-store/event-store.js';
import type { Position } from '../platform/event-store/position.js';
import { notFound } from '../platform/http/errors.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { Numbers } from '../platform/numbers/numbers.js';
import type { IssuedKey } from './issued-key.js';
import type { MintedKey } from './key-mint.js';
import { KeyRing } from './key-ring.js';
import {
  keyringDecider,
  keyringStream,
  type KeyringCommand,
  type KeyringState,
  type NewKey,
} from './keyring.decider.js';
import type { KeyringEvent, KeyRole } from './keys.events.js';

/** What somebody wants a key for. */
export interface KeyTerms {
  readonly name: string;
  readonly role: KeyRole;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}

export interface KeyEffect {
  /** As the log has it. */
  readonly key: IssuedKey;
  readonly position: Position | undefined;
  readonly replayed: boolean;
}

const TRUST_MS = 3_000;

/** Issuing and revoking. Every answer is built from what the stream holds, and this process acts on it at once. */
@Injectable()
export class KeyringCommands {
  private readonly keyring: Aggregates<KeyringState, KeyringEvent>;
  private readonly loop: DecisionLoop<KeyringState, KeyringEvent>;

  constructor(
    store: EventStore,
    private readonly numbers: Numbers,
    private readonly ring: KeyRing,
    private readonly agents: AgentDirectory,
    tail: LogTail,
  ) {
    this.keyring = new Aggregates(store, { isLive: () => tail.isLive(TRUST_MS) }, keyringDecider);
    this.loop = new DecisionLoop(store, this.keyring, keyringDecider);
    tail.onBatch((entries) => {
      for (const entry of entries) if (isReadable(entry)) this.keyring.apply(entry);
    });
  }

  async issue(context: CommandContext, minted: MintedKey, terms: KeyTerms): Promise<KeyEffect> {
    const key = await this.proposed(context, minted, terms);
    return this.issued(context, { type: 'IssueKey', key });
  }

  /** Errors: 404 when the agent was deleted meanwhile; then the key never counts. */
  async issueFor(
    context: CommandContext,
    agent: RegisteredAgent,
    minted: MintedKey,
    terms: KeyTerms,
  ): Promise<KeyEffect> {
    const { agentId, name: agentName } = agent;
    const key = { ...(await this.proposed(context, minted, terms)), kind: 'agent' as const, agentId, agentName };
    const effect = await this.issued(context, { type: 'IssueKey', key });
    const after = await this.agents.refresh(context.workspaceId, agentId);
    if (after?.kind === 'active') return effect;
    await this.revokeAllOf(stepOf(context, 'agent-gone'), agentId);
    throw notFound('Agent not found');
  }

  /** Issues an admin key and revokes the one that the rotation before issued, as one append. */
  async rotate(context: CommandContext, minted: MintedKey, terms: KeyTerms): Promise<KeyEffect> {
    const key = await this.proposed(context, minted, terms);
    return this.issued(context, { type: 'RotateKey', key });
  }

  /** Errors: 404 for a key that is not active, or not of this agent (null: not of the workspace itself). */
  async revoke(context: CommandContext, keyId: number, agentId: number | null): Promise<KeyEffect> {
    const outcome = await this.run(context, {
      type: 'RevokeKey',
      keyId,
      workspaceId: context.workspaceId,
      agentId,
      now: context.receivedAt.toISOString(),
    });
    if (outcome.kind === 'refused' || outcome.events.length === 0) throw notFound('Key not found');
    return this.effect(outcome, keyId);
  }

  /** Nothing happens when the agent has no key that counts. */
  async revokeAllOf(context: CommandContext, agentId: number): Promise<void> {
    await this.run(context, { type: 'RevokeAgentKeys', workspaceId: context.workspaceId, agentId });
  }

  private async proposed(context: CommandContext, minted: MintedKey, terms: KeyTerms): Promise<NewKey> {
    return {
      keyId: await this.numbers.next('key'),
      kind: 'workspace',
      workspaceId: context.workspaceId,
      name: terms.name,
      prefix: minted.key.slice(0, 8),
      hash: minted.hash,
      masterKeyId: minted.masterKeyId,
      role: terms.role,
      scopes: terms.scopes,
      expiresAt: terms.expiresAt?.toISOString() ?? null,
    };
  }

  private async issued(context: CommandContext, command: KeyringCommand): Promise<KeyEffect> {
    const outcome = await this.run(context, command);
    const issued = outcome.kind === 'accepted' && outcome.events.find((event) => event.type === 'KeyIssued');
    if (outcome.kind === 'refused' || issued === undefined || issued === false) {
      throw new Error('a new key was not issued');
    }
    return this.effect(outcome, issued.data.keyId);
  }

  private async run(context: CommandContext, command: KeyringCommand) {
    const outcome = await this.loop.execute(keyringStream, context, ({ state }) =>
      keyringDecider.decide(command, state),
    );
    if (outcome.kind === 'accepted' && outcome.events.length > 0) await this.ring.refresh();
    return outcome;
  }

  private effect(
    { position, replayed }: Extract<Outcome<KeyringState, KeyringEvent, never>, { kind: 'accepted' }>,
    keyId: number,
  ): KeyEffect {
    const key = this.ring.byId(keyId);
    if (key === undefined) throw new Error(`key ${keyId} was issued and is not there`);
    return { key, position, replayed };
  }
}
