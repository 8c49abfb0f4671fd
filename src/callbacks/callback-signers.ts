import { Inject, Injectable } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { RegisteredAgent } from '../agents/agent.decider.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { CallbackSecrets } from './callback-secrets.js';
import { verifyCallback, type Presented, type RefusedSignature } from './signature/verify.js';
import type { SignedCallback } from './callbacks.commands.js';

export type SignerVerdict =
  | { readonly kind: 'signed'; readonly callback: SignedCallback }
  | { readonly kind: 'refused'; readonly reason: RefusedSignature };

const UNKNOWN = { secrets: [], legacyAllowed: true } as const;

/**
 * Finds out whether the agent that a path names signed a request. The path only says whose secrets are tried: a name is
 * tried in every workspace that has it, and the secret fixes which one is meant.
 */
@Injectable()
export class CallbackSigners {
  private readonly workspaces: readonly number[];

  constructor(
    private readonly agents: AgentDirectory,
    private readonly secrets: CallbackSecrets,
    private readonly clock: Clock,
    @Inject(CONFIG) config: Config,
  ) {
    this.workspaces = [...new Set([1, ...config.environmentKeys.map(({ workspaceId }) => workspaceId)])];
  }

  async verify(reference: string, presented: Presented): Promise<SignerVerdict> {
    const now = this.clock.now();
    const seconds = now.getTime() / 1_000;
    let reason: RefusedSignature | undefined;
    for (const { workspaceId, agent } of await this.named(reference)) {
      const signer = await this.secrets.signerOf(workspaceId, agent.agentId, now);
      const signature = verifyCallback(presented, signer, seconds);
      if (signature.kind === 'accepted') {
        return { kind: 'signed', callback: { workspaceId, agent, signature, body: presented.body } };
      }
      reason = signature.reason;
    }
    if (reason !== undefined) return { kind: 'refused', reason };
    const verdict = verifyCallback(presented, UNKNOWN, seconds);
    return { kind: 'refused', reason: verdict.kind === 'refused' ? verdict.reason : 'wrong_signature' };
  }

  private async named(reference: string): Promise<readonly { workspaceId: number; agent: RegisteredAgent }[]> {
    const found = await Promise.all(
      this.workspaces.map(async (workspaceId) => {
        const agent = await this.agents.active(workspaceId, reference);
        return agent === undefined ? [] : [{ workspaceId, agent }];
      }),
    );
    return found.flat();
  }
}
