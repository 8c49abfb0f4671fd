import { UNPRICED_RATES } from './priced-usage.js';
import type { UnpricedReason } from './pricing.js';

/** A report that counts, as it is priced now. */
export interface UsageRow {
  readonly id: string;
  readonly eventId: string;
  readonly workspaceId: number;
  readonly model: string;
  readonly sessionId: string;
  readonly agentName: string;
  readonly agentId: number | null;
  readonly operation: string;
  readonly taskId: number | null;
  readonly timestamp: number;
  readonly recordedAt: Date;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheWrite1hTokens: number | null;
  readonly reasoningTokens: number | null;
  readonly provider: string | null;
  readonly serviceClass: string | null;
  readonly durationMs: number | null;
  readonly reportedCostUsd: string | null;
  /** With 12 decimals; null: no price is known. */
  readonly costUsd: string | null;
  readonly unpricedReason: UnpricedReason | null;
}

export interface UsageRecord {
  readonly id: string;
  readonly event_id: string;
  readonly workspace_id: number;
  readonly recorded_at: Date;
  readonly occurred_ms: string;
  readonly agent_name: string;
  readonly agent_id: string | null;
  readonly model: string;
  readonly session_id: string;
  readonly operation: string;
  readonly task_id: string | null;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly cache_read_tokens: string;
  readonly cache_write_tokens: string;
  readonly cache_write_1h_tokens: string | null;
  readonly reasoning_tokens: string | null;
  readonly provider: string | null;
  readonly service_class: string | null;
  readonly duration_ms: string | null;
  readonly reported_cost_usd: string | null;
  readonly rate_id: number;
  readonly cost_usd: string | null;
}

/** Counts of one report are at most 2^53-1, so a number holds them. */
export function usageOf(row: UsageRecord): UsageRow {
  return {
    id: row.id,
    eventId: row.event_id,
    workspaceId: row.workspace_id,
    model: row.model,
    sessionId: row.session_id,
    agentName: row.agent_name,
    agentId: numberOrNull(row.agent_id),
    operation: row.operation,
    taskId: numberOrNull(row.task_id),
    timestamp: Number(row.occurred_ms),
    recordedAt: row.recorded_at,
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    cacheReadTokens: Number(row.cache_read_tokens),
    cacheWriteTokens: Number(row.cache_write_tokens),
    cacheWrite1hTokens: numberOrNull(row.cache_write_1h_tokens),
    reasoningTokens: numberOrNull(row.reasoning_tokens),
    provider: row.provider,
    serviceClass: row.service_class,
    durationMs: numberOrNull(row.duration_ms),
    reportedCostUsd: row.reported_cost_usd,
    costUsd: row.cost_usd,
    unpricedReason: reasonOf(row.rate_id),
  };
}

/** Why a row has no price, by what stands in the place of its rate. */
export function reasonOf(rateId: number): UnpricedReason | null {
  const found = Object.entries(UNPRICED_RATES).find(([, id]) => id === rateId);
  return found === undefined ? null : (found[0] as UnpricedReason);
}

function numberOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}
