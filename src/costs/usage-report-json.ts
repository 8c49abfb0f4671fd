import type { AgentUsage, CostSums, TaskCostReport } from '../../projections/cost/cost.queries.js';
import { ticketRef } from '../tasks/task-json.js';
import { costNumber } from '../tokens/cost-number.js';
import { byName, exactTexts, figures, figuresByName, restOf, timelineFigures, totalOf } from './usage-figures.js';

export function trendJson(at: number, sums: CostSums) {
  return {
    timestamp: new Date(at).toISOString(),
    tokens: Number(totalOf(sums)),
    ...exactTexts({ tokens: totalOf(sums) }),
    cost: costNumber(sums.costUsd),
    costUsd: sums.costUsd,
    requests: Number(sums.requests),
  };
}

export function taskCostsJson({ all, attributed, tasks, agents, projects }: TaskCostReport) {
  return {
    summary: figures(attributed),
    tasks: [...tasks].map(([taskId, { stats, models, timeline, task }]) => ({
      taskId,
      title: task?.title ?? null,
      status: task?.status ?? null,
      priority: task?.priority ?? null,
      assignedTo: task?.assignedTo ?? null,
      project:
        task === undefined
          ? null
          : {
              id: task.project.id,
              name: task.project.name,
              slug: task.project.slug,
              ticketRef: ticketRef(task.project.prefix, task.project.ticketNo),
            },
      stats: figures(stats),
      models: figuresByName(models),
      timeline: timelineFigures(timeline),
    })),
    agents: byName(agents, sharedJson),
    projects: Object.fromEntries([...projects].map(([id, shared]) => [id ?? 'unscoped', sharedJson(shared)])),
    unattributed: figures(restOf(all, attributed)),
    recordCount: Number(all.requests),
    attributedRecordCount: Number(attributed.requests),
  };
}

function sharedJson({ stats, taskIds }: { readonly stats: CostSums; readonly taskIds: readonly number[] }) {
  return { stats: figures(stats), taskCount: taskIds.length, taskIds };
}

export function byAgentJson(agent: string, usage: AgentUsage) {
  return {
    agent,
    total_input_tokens: Number(usage.stats.inputTokens),
    total_output_tokens: Number(usage.stats.outputTokens),
    total_tokens: Number(totalOf(usage.stats)),
    ...exactTexts(
      {
        total_input_tokens: usage.stats.inputTokens,
        total_output_tokens: usage.stats.outputTokens,
        total_tokens: totalOf(usage.stats),
      },
      '_exact',
    ),
    total_cost: costNumber(usage.stats.costUsd),
    total_cost_usd: usage.stats.costUsd,
    session_count: usage.sessionCount,
    request_count: Number(usage.stats.requests),
    unpriced_requests: Number(usage.stats.unpricedRequests),
    last_active: new Date(usage.lastActive).toISOString(),
    models: [...usage.models].map(([model, sums]) => ({
      model,
      input_tokens: Number(sums.inputTokens),
      output_tokens: Number(sums.outputTokens),
      ...exactTexts({ input_tokens: sums.inputTokens, output_tokens: sums.outputTokens }, '_exact'),
      request_count: Number(sums.requests),
      unpriced_requests: Number(sums.unpricedRequests),
      cost: costNumber(sums.costUsd),
      cost_usd: sums.costUsd,
    })),
  };
}
