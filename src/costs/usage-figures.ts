import { COST_DECIMALS, decimalOf, unitsOf } from '../../projections/cost/decimal.js';
import type { AgentCosts, CostSums, NamedSums, Timeline } from '../../projections/cost/cost.queries.js';
import { costNumber } from '../tokens/cost-number.js';

const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** The contract's `S`. */
export function figures(sums: CostSums) {
  const total = totalOf(sums);
  return {
    totalTokens: Number(total),
    totalCost: costNumber(sums.costUsd),
    totalCostUsd: sums.costUsd,
    requestCount: Number(sums.requests),
    avgTokensPerRequest: roundedQuotient(total, sums.requests),
    avgCostPerRequest: costNumber(averageCost(sums)),
    inputTokens: Number(sums.inputTokens),
    outputTokens: Number(sums.outputTokens),
    cacheReadTokens: Number(sums.cacheReadTokens),
    cacheWriteTokens: Number(sums.cacheWriteTokens),
    ...(total > MAX_EXACT ? exactTexts({ totalTokens: total, ...tokensOf(sums) }) : {}),
    unpricedRequests: Number(sums.unpricedRequests),
  };
}

/** The texts of those that a JSON number cannot hold: `totalTokensExact`. */
export function exactTexts(tokens: Readonly<Record<string, bigint>>, suffix = 'Exact'): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tokens).flatMap(([name, sum]) => (sum > MAX_EXACT ? [[`${name}${suffix}`, sum.toString()]] : [])),
  );
}

function tokensOf({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }: CostSums) {
  return { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens };
}

/** One figure per name; names are data, so `__proto__` is one like any other. */
export function figuresByName(sums: NamedSums): Record<string, unknown> {
  return byName(sums, figures);
}

export function byName<Value, Shown>(values: ReadonlyMap<string, Value>, show: (value: Value) => Shown) {
  return Object.fromEntries([...values].map(([name, value]) => [name, show(value)]));
}

export function agentFigures(usage: AgentCosts) {
  return {
    stats: figures(usage.stats),
    models: figuresByName(usage.models),
    sessions: usage.sessions,
    timeline: timelineFigures(usage.timeline),
  };
}

export function timelineFigures(timeline: Timeline) {
  return timeline.map(({ date, sums }) => ({
    date,
    cost: costNumber(sums.costUsd),
    costUsd: sums.costUsd,
    tokens: Number(totalOf(sums)),
    ...exactTexts({ tokens: totalOf(sums) }),
  }));
}

export function totalOf(sums: CostSums): bigint {
  return sums.inputTokens + sums.outputTokens + sums.cacheReadTokens + sums.cacheWriteTokens;
}

/** What `all` holds beyond `part`, exactly. */
export function restOf(all: CostSums, part: CostSums): CostSums {
  const cost = unitsOf(all.costUsd, COST_DECIMALS) - unitsOf(part.costUsd, COST_DECIMALS);
  return {
    requests: all.requests - part.requests,
    unpricedRequests: all.unpricedRequests - part.unpricedRequests,
    inputTokens: all.inputTokens - part.inputTokens,
    outputTokens: all.outputTokens - part.outputTokens,
    cacheReadTokens: all.cacheReadTokens - part.cacheReadTokens,
    cacheWriteTokens: all.cacheWriteTokens - part.cacheWriteTokens,
    costUsd: decimalOf(cost, COST_DECIMALS),
  };
}

/** Rounded half to even in the last of the twelve decimals: a quotient is the one thing here that cannot be exact. */
function averageCost({ costUsd, requests }: CostSums): string {
  if (requests === 0n) return decimalOf(0n, COST_DECIMALS);
  const units = unitsOf(costUsd, COST_DECIMALS);
  const quotient = units / requests;
  const twiceRest = 2n * (units % requests);
  const isUp = twiceRest > requests || (twiceRest === requests && quotient % 2n === 1n);
  return decimalOf(isUp ? quotient + 1n : quotient, COST_DECIMALS);
}

/** Rounded half up to an integer; 0 of nothing. */
function roundedQuotient(total: bigint, count: bigint): number {
  return count === 0n ? 0 : Number((2n * total + count) / (2n * count));
}
