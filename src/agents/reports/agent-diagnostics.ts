import { Injectable } from '@nestjs/common';
import { ActivityQueries } from '../../../projections/activities/activities.queries.js';
import type { AgentRow } from '../../../projections/agent-status/agent-status.queries.js';
import { AgentTaskQueries, type TaskGroup } from '../../../projections/tasks/agent-tasks.queries.js';
import { CostQueries } from '../../../projections/cost/cost.queries.js';
import { figures, figuresByName } from '../../costs/usage-figures.js';
import { unixSeconds } from '../agent-json.js';
import { periodBefore, type ReportPeriod } from './report-request.js';

export const diagnosticSections = ['summary', 'tasks', 'errors', 'activity', 'trends', 'tokens'] as const;
export type DiagnosticSection = (typeof diagnosticSections)[number];

const FAILURES_READ = 500;
const FAILURES_SHOWN = 10;

/** What an agent is told about how it is doing. Failed: ended as failed, or rejected, or with an error message. */
@Injectable()
export class AgentDiagnostics {
  constructor(
    private readonly tasks: AgentTaskQueries,
    private readonly activities: ActivityQueries,
    private readonly usage: CostQueries,
  ) {}

  section(section: DiagnosticSection, agent: AgentRow, period: ReportPeriod): Promise<object> {
    switch (section) {
      case 'summary':
        return this.summary(agent, period);
      case 'tasks':
        return this.taskSection(agent, period);
      case 'errors':
        return this.errors(agent, period);
      case 'activity':
        return this.activity(agent, period);
      case 'trends':
        return this.trends(agent, period);
      case 'tokens':
        return this.tokens(agent, period);
      default:
        return section satisfies never;
    }
  }

  private async summary(agent: AgentRow, period: ReportPeriod) {
    const [groups, { completed, failed }, activities] = await Promise.all([
      this.groups(agent),
      this.ends(agent, period),
      this.activitiesSince(agent, period.since),
    ]);
    return {
      tasks_total: countOf(groups),
      tasks_completed: completed,
      error_count: failed,
      error_rate_percent: percent(failed, completed + failed),
      activity_count: activities,
      throughput_per_day: Math.round((completed * 2_400) / period.hours) / 100,
    };
  }

  private async taskSection(agent: AgentRow, period: ReportPeriod) {
    const [groups, { completed, failed }] = await Promise.all([this.groups(agent), this.ends(agent, period)]);
    return {
      total: countOf(groups),
      completed_in_timeframe: completed,
      failed_in_timeframe: failed,
      by_status: countsBy(groups, ({ status }) => status),
      by_priority: countsBy(groups, ({ priority }) => priority),
    };
  }

  private async errors(agent: AgentRow, { since, until }: ReportPeriod) {
    const period = { from: since, until };
    const [{ failed }, failures] = await Promise.all([
      this.tasks.ends(agent.workspaceId, agent, period),
      this.tasks.failures(agent.workspaceId, agent, period, FAILURES_READ),
    ]);
    const counts = new Map<string | null, number>();
    for (const { errorMessage } of failures) counts.set(errorMessage, (counts.get(errorMessage) ?? 0) + 1);
    const common = [...counts].sort(([, a], [, b]) => b - a).slice(0, FAILURES_SHOWN);
    return {
      total: failed,
      by_message: common.map(([error_message, count]) => ({ error_message, count })),
      recent: failures.slice(0, FAILURES_SHOWN).map(({ id, title, status, errorMessage, updatedAt }) => ({
        task_id: id,
        title,
        status,
        error_message: errorMessage,
        updated_at: unixSeconds(updatedAt),
      })),
    };
  }

  private async activity(agent: AgentRow, { since }: ReportPeriod) {
    const { byType, timeline } = await this.activities.stats(viewerOf(agent), instant(since));
    return {
      total: byType.reduce((sum, { count }) => sum + count, 0),
      by_type: Object.fromEntries(byType.map(({ type, count }) => [type, count])),
      timeline: timeline.map(({ hour, count }) => ({ timestamp: unixSeconds(hour), count })),
    };
  }

  private async trends(agent: AgentRow, period: ReportPeriod) {
    const before = periodBefore(period);
    const [now, then, activitiesNow, activitiesSinceThen] = await Promise.all([
      this.ends(agent, period),
      this.ends(agent, before),
      this.activitiesSince(agent, period.since),
      this.activitiesSince(agent, before.since),
    ]);
    const current = { tasks_completed: now.completed, errors: now.failed, activities: activitiesNow };
    const previous = {
      tasks_completed: then.completed,
      errors: then.failed,
      activities: activitiesSinceThen - activitiesNow,
    };
    return {
      current,
      previous,
      change_percent: {
        tasks_completed: growth(previous.tasks_completed, current.tasks_completed),
        errors: growth(previous.errors, current.errors),
        activities: growth(previous.activities, current.activities),
      },
    };
  }

  private async tokens({ id, workspaceId }: AgentRow, { since, until }: ReportPeriod) {
    const range = { from: since * 1_000, until: until * 1_000 };
    const { summary, models } = await this.usage.stats({ workspaceId, agentId: id, range });
    return { total: figures(summary), models: figuresByName(models) };
  }

  private async groups(agent: AgentRow): Promise<readonly TaskGroup[]> {
    return (await this.tasks.groups(agent.workspaceId, [agent])).get(agent.id) ?? [];
  }

  private ends(agent: AgentRow, { since, until }: ReportPeriod) {
    return this.tasks.ends(agent.workspaceId, agent, { from: since, until });
  }

  private async activitiesSince(agent: AgentRow, since: number): Promise<number> {
    const { byType } = await this.activities.stats(viewerOf(agent), instant(since));
    return byType.reduce((sum, { count }) => sum + count, 0);
  }
}

/** What an agent's own key would see. */
function viewerOf({ workspaceId, id }: AgentRow) {
  return { workspaceId, isAdmin: false, agentId: id };
}

function instant(seconds: number): Date {
  return new Date(seconds * 1_000);
}

function countOf(groups: readonly TaskGroup[]): number {
  return groups.reduce((sum, { tasks }) => sum + tasks, 0);
}

function countsBy(groups: readonly TaskGroup[], nameOf: (group: TaskGroup) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const group of groups) counts[nameOf(group)] = (counts[nameOf(group)] ?? 0) + group.tasks;
  return counts;
}

/** Two decimals; 0 of nothing. */
function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part * 10_000) / whole) / 100;
}

/** Null: there was nothing before to compare with. */
function growth(before: number, after: number): number | null {
  return before === 0 ? null : percent(after - before, before);
}
