import type { UsageRow } from '../../projections/cost/cost.queries.js';
import { type PriceTable, priceUsage } from '../../projections/cost/pricing.js';
import { costNumber } from './cost-number.js';
import type { UsageFacts } from './tokens.events.js';
import { totalTokens } from './usage-report.js';

/** What a report costs, or why nobody knows. */
export interface ShownCost {
  readonly costUsd: string | null;
  readonly unpricedReason: string | null;
}

/** A report as the contract shows it. An unpriced one says so beside its zero. */
export function usageJson(record: UsageFacts, workspaceId: number, { costUsd, unpricedReason }: ShownCost) {
  return {
    id: record.id,
    eventId: record.eventId,
    model: record.model,
    sessionId: record.sessionId,
    agentName: record.agentName,
    timestamp: record.timestamp,
    inputTokens: record.inputTokens,
    outputTokens: record.outputTokens,
    cacheReadTokens: record.cacheReadTokens,
    cacheWriteTokens: record.cacheWriteTokens,
    totalTokens: totalTokens(record),
    cost: costUsd === null ? 0 : costNumber(costUsd),
    costUsd,
    ...(costUsd === null ? { unpriced: true, unpricedReason } : {}),
    operation: record.operation,
    taskId: record.taskId,
    workspaceId,
    ...(record.reasoningTokens === undefined ? {} : { reasoningTokens: record.reasoningTokens }),
    ...(record.cacheWrite1hTokens === undefined ? {} : { cacheWrite1hTokens: record.cacheWrite1hTokens }),
    ...(record.provider === undefined ? {} : { provider: record.provider }),
    ...(record.serviceClass === undefined ? {} : { serviceClass: record.serviceClass }),
    ...(record.durationMs === undefined ? {} : { duration: record.durationMs }),
    ...(record.reportedCostUsd === undefined ? {} : { reportedCostUsd: record.reportedCostUsd }),
  };
}

export function rowJson(row: UsageRow) {
  return usageJson(factsOf(row), row.workspaceId, row);
}

/** What a report costs by a table, at this moment. */
export function shownCost(table: PriceTable, record: UsageFacts): ShownCost {
  const pricing = priceUsage(table, record);
  return pricing.kind === 'priced'
    ? { costUsd: pricing.costUsd, unpricedReason: null }
    : { costUsd: null, unpricedReason: pricing.unpricedReason };
}

/** A row in the shape of the fact it came from. */
export function factsOf(row: UsageRow): UsageFacts {
  const { cacheWrite1hTokens, reasoningTokens, provider, serviceClass, durationMs, reportedCostUsd, ...fields } = row;
  return {
    ...fields,
    ...(cacheWrite1hTokens === null ? {} : { cacheWrite1hTokens }),
    ...(reasoningTokens === null ? {} : { reasoningTokens }),
    ...(provider === null ? {} : { provider }),
    ...(serviceClass === null ? {} : { serviceClass }),
    ...(durationMs === null ? {} : { durationMs }),
    ...(reportedCostUsd === null ? {} : { reportedCostUsd }),
  };
}
