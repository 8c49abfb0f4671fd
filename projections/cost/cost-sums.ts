import { type ColumnarRecord, type Columns, countsOf, plainTextsOf } from './columnar.js';
import { COST_DECIMALS, decimalOf, unitsOf } from './decimal.js';
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

/** The same of each row that one record holds. */
export function sumsIn(record: ColumnarRecord | undefined): readonly CostSums[] {
  const [requests, unpriced, input, output, cacheRead, cacheWrite] = [
    'requests',
    'unpriced_requests',
    'input_tokens',
    'output_tokens',
    'cache_read_tokens',
    'cache_write_tokens',
  ].map((sum) => countsOf(record?.[sum]));
  return plainTextsOf(record?.['cost_usd']).map((costUsd, at) => ({
    requests: requests?.[at] ?? 0n,
    unpricedRequests: unpriced?.[at] ?? 0n,
    inputTokens: input?.[at] ?? 0n,
    outputTokens: output?.[at] ?? 0n,
    cacheReadTokens: cacheRead?.[at] ?? 0n,
    cacheWriteTokens: cacheWrite?.[at] ?? 0n,
    costUsd,
  }));
}

/** Sums that no report is in twice, together. */
export function totalOfAll(all: Iterable<CostSums>): CostSums {
  let requests = 0n;
  let unpricedRequests = 0n;
  let inputTokens = 0n;
  let outputTokens = 0n;
  let cacheReadTokens = 0n;
  let cacheWriteTokens = 0n;
  let cost = 0n;
  for (const sums of all) {
    requests += sums.requests;
    unpricedRequests += sums.unpricedRequests;
    inputTokens += sums.inputTokens;
    outputTokens += sums.outputTokens;
    cacheReadTokens += sums.cacheReadTokens;
    cacheWriteTokens += sums.cacheWriteTokens;
    cost += unitsOf(sums.costUsd, COST_DECIMALS);
  }
  const costUsd = decimalOf(cost, COST_DECIMALS);
  return { requests, unpricedRequests, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, costUsd };
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
