import { Injectable } from '@nestjs/common';
import { AgentStatusQueries } from '../../projections/agent-status/agent-status.queries.js';
import { Refusal } from '../platform/http/errors.js';

const MAX_AGENTS = 10_000;

/** The cap of agents per workspace. It guards against runaway clients, so the read model is exact enough. */
@Injectable()
export class AgentCapacity {
  constructor(private readonly agents: AgentStatusQueries) {}

  /** Errors: 422 when the workspace is full. A read model that is away does not stop agents from joining. */
  async assertRoom(workspaceId: number): Promise<void> {
    const count = await this.agents.agents(workspaceId, {}, { limit: 1, offset: 0 }).then(
      ({ total }) => total,
      () => 0,
    );
    if (count >= MAX_AGENTS) throw new Refusal(422, `The workspace already has ${MAX_AGENTS} agents`);
  }
}
