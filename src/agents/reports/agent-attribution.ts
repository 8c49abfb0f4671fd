import { Injectable } from '@nestjs/common';
import { ActivityQueries, type ActivityFilter } from '../../../projections/activities/activities.queries.js';
import type { AgentRow } from '../../../projections/agent-status/agent-status.queries.js';
import { CostQueries } from '../../../projections/cost/cost.queries.js';
import { activityJson } from '../../activities/activity-json.js';
import { figures, figuresByName } from '../../costs/usage-figures.js';
import { unixSeconds } from '../agent-json.js';
import type { ReportPeriod } from './report-request.js';

export const attributionSections = ['identity', 'audit', 'mutations', 'cost'] as const;
export type AttributionSection = (typeof attributionSections)[number];

const SHOWN = 20;

/** What is put down to an agent: who it is, what happened to it and by it, and what that used. */
@Injectable()
export class AgentAttribution {
  constructor(
    private readonly activities: ActivityQueries,
    private readonly usage: CostQueries,
  ) {}

  section(section: AttributionSection, agent: AgentRow, period: ReportPeriod): object | Promise<object> {
    switch (section) {
      case 'identity':
        return identityOf(agent);
      case 'audit':
        return this.told(agent, period);
      case 'mutations':
        return this.told(agent, period, agent.name);
      case 'cost':
        return this.cost(agent, period);
      default:
        return section satisfies never;
    }
  }

  /** Facts about the agent or by it; with `actor` only those by it. */
  private async told({ workspaceId, id }: AgentRow, { since: from }: ReportPeriod, actor?: string) {
    const viewer = { workspaceId, isAdmin: false, agentId: id };
    const since = new Date(from * 1_000);
    const filter: ActivityFilter = { since, ...(actor === undefined ? {} : { actor }) };
    const [{ byType }, { rows }] = await Promise.all([
      this.activities.stats(viewer, since, actor),
      this.activities.list(viewer, filter, { limit: SHOWN, offset: 0 }),
    ]);
    return {
      total: byType.reduce((sum, { count }) => sum + count, 0),
      by_type: Object.fromEntries(byType.map(({ type, count }) => [type, count])),
      recent: rows.map(activityJson),
    };
  }

  private async cost({ workspaceId, id }: AgentRow, { since, until }: ReportPeriod) {
    const range = { from: since * 1_000, until: until * 1_000 };
    const { summary, models, sessions } = await this.usage.stats({ workspaceId, agentId: id, range });
    return { total: figures(summary), models: figuresByName(models), sessions: figuresByName(sessions) };
  }
}

function identityOf(agent: AgentRow) {
  return {
    agent_id: agent.id,
    name: agent.name,
    role: agent.role,
    status: agent.status,
    source: agent.source,
    runtime_type: agent.runtimeType,
    session_key: agent.sessionKey,
    workspace_id: agent.workspaceId,
    created_at: unixSeconds(agent.createdAt),
    last_seen: unixSeconds(agent.lastSeen),
    connection_id: agent.connection?.connectionId ?? null,
  };
}
