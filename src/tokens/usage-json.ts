import { totalTokens } from './usage-report.js';
import type { UsageRecord } from './usage-recorder.js';

/** A report as the contract shows it. Without a price book nothing is priced, and nothing is guessed. */
export function usageJson(record: Omit<UsageRecord, 'contentDigest'>, workspaceId: number) {
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
    cost: 0,
    costUsd: null,
    unpriced: true,
    unpricedReason: 'no price book',
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
