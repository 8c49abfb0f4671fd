import type { AgentUsage, NamedSums, UsageSums } from '../../projections/token-usage/token-usage.queries.js';

const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** The contract's `S`. No price book yet: nothing adds to a cost, and every request is counted as unpriced. */
export function figures(sums: UsageSums) {
  const total = totalOf(sums);
  return {
    totalTokens: Number(total),
    ...(total > MAX_EXACT ? { totalTokensExact: total.toString() } : {}),
    totalCost: 0,
    totalCostUsd: '0.000000000000',
    requestCount: Number(sums.requests),
    avgTokensPerRequest: roundedQuotient(total, sums.requests),
    avgCostPerRequest: 0,
    inputTokens: Number(sums.inputTokens),
    outputTokens: Number(sums.outputTokens),
    cacheReadTokens: Number(sums.cacheReadTokens),
    cacheWriteTokens: Number(sums.cacheWriteTokens),
    unpricedRequests: Number(sums.requests),
  };
}

/** One figure per name; names are data, so `__proto__` is one like any other. */
export function figuresByName(sums: NamedSums): Record<string, unknown> {
  return byName(sums, figures);
}

export function byName<Value, Shown>(values: ReadonlyMap<string, Value>, show: (value: Value) => Shown) {
  return Object.fromEntries([...values].map(([name, value]) => [name, show(value)]));
}

export function agentFigures(usage: AgentUsage) {
  return {
    stats: figures(usage.stats),
    models: figuresByName(usage.models),
    sessions: usage.sessions,
    timeline: usage.timeline.map(({ date, sums }) => ({
      date,
      cost: 0,
      costUsd: '0.000000000000',
      tokens: Number(totalOf(sums)),
    })),
  };
}

export function totalOf(sums: UsageSums): bigint {
  return sums.inputTokens + sums.outputTokens + sums.cacheReadTokens + sums.cacheWriteTokens;
}

/** Rounded half up to an integer; 0 of nothing. */
function roundedQuotient(total: bigint, count: bigint): number {
  return count === 0n ? 0 : Number((2n * total + count) / (2n * count));
}
