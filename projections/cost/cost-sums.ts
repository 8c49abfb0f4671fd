import type { Columns } from './columnar.js';
import { sliceSums } from './slices.js';

/** Exact sums; counts may lie above 2^53, and the cost has 12 decimals. */
export interface CostSums {
  readonly requests: bigint;
  /** Those that no price is known for: their tokens are in the sums, and nothing of them in the cost. */
  readonly unpricedRequests: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cacheReadTokens: bigint;
  readonly cacheWriteTokens: bigint;
  readonly costUsd: string;
}

export type SumRecord = { readonly [Sum in (typeof sliceSums)[number]]: string };

/** The same as columns of many rows. */
export const SUM_COLUMNS = Object.fromEntries(sliceSums.map((sum) => [sum, 'plain' as const])) satisfies Columns;

/** The sums of a group of slices. */
export const SUMS = sliceSums.map((sum) => `${totalOf(sum)} as ${sum}`).join(', ');

/** The same as texts without names, in the order of {@link sliceSums}. */
export const TOTALS = sliceSums.map((sum) => `${totalOf(sum)}::text`).join(', ');

/** The same where there is a row in every group. The casts above cost more than the sums, over thousands of groups. */
export const GROUP_SUMS = sliceSums.map((sum) => `sum(${sum}) as ${sum}`).join(', ');

export function sumsOf(row: SumRecord): CostSums {
  return {
    requests: BigInt(row.requests),
    unpricedRequests: BigInt(row.unpriced_requests),
    inputTokens: BigInt(row.input_tokens),
    outputTokens: BigInt(row.output_tokens),
    cacheReadTokens: BigInt(row.cache_read_tokens),
    cacheWriteTokens: BigInt(row.cache_write_tokens),
    costUsd: row.cost_usd,
  };
}

export const NO_SUMS: CostSums = {
  requests: 0n,
  unpricedRequests: 0n,
  inputTokens: 0n,
  outputTokens: 0n,
  cacheReadTokens: 0n,
  cacheWriteTokens: 0n,
  costUsd: '0.000000000000',
};

function totalOf(sum: (typeof sliceSums)[number]): string {
  return `coalesce(sum(${sum}), 0)::numeric(60,${sum === 'cost_usd' ? 12 : 0})`;
}
