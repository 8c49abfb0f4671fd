import { Injectable } from '@nestjs/common';
import { AgentStatusQueries, type AgentRow } from '../../../projections/agent-status/agent-status.queries.js';
import { hasRole, type Principal } from '../../platform/auth/principal.js';
import { notFound, Refusal } from '../../platform/http/errors.js';
import { AgentDirectory } from '../agent-directory.js';
import type { RegisteredAgent } from '../agent.decider.js';

export interface SelfAccess {
  readonly agent: AgentRow;
  readonly scope: 'self' | 'privileged';
}

/**
 * Who may read what an agent is told about itself: the agent by its key, whoever acts as it (`x-agent-name`), and an
 * admin who asks for it by name of the privilege.
 */
@Injectable()
export class SelfOnly {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly queries: AgentStatusQueries,
  ) {}

  /** Errors: 403 before existence is revealed, 404. */
  async admit(principal: Principal, reference: string, privileged: boolean): Promise<SelfAccess> {
    const { agent, scope } = await this.reach(principal, reference, privileged);
    const row = await this.queries.agentById(principal.workspaceId, agent.agentId);
    if (row === undefined) throw notFound('Agent not found');
    return { agent: row, scope };
  }

  private async reach(
    principal: Principal,
    reference: string,
    privileged: boolean,
  ): Promise<{ readonly agent: RegisteredAgent; readonly scope: SelfAccess['scope'] }> {
    if (principal.agentId !== undefined)
      return { agent: await this.directory.find(principal, reference), scope: 'self' };
    const self = await this.actedFor(principal, reference);
    if (self !== undefined) return { agent: self, scope: 'self' };
    if (!privileged || !hasRole(principal, 'admin')) throw selfOnly();
    return { agent: await this.directory.find(principal, reference), scope: 'privileged' };
  }

  private async actedFor(principal: Principal, reference: string): Promise<RegisteredAgent | undefined> {
    const name = principal.attributedTo?.normalize('NFC');
    if (name === undefined) return undefined;
    const agent = await this.directory.find(principal, reference).catch((error: unknown) => {
      if (error instanceof Refusal && error.status === 404) return undefined;
      throw error;
    });
    return agent?.name === name ? agent : undefined;
  }
}

function selfOnly(): Refusal {
  return new Refusal(403, 'Access denied: only the agent itself, or an admin with privileged=1.');
}
