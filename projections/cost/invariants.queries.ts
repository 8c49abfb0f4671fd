import type { SqlReader } from '../engine/sql.js';
import { rollups } from './rollups.js';

/** Sums that must be equal, as exact texts in a fixed order: see {@link invariantSums}. */
export interface Invariant {
  readonly name: string;
  readonly expected: readonly string[];
  readonly actual: readonly string[];
  readonly holds: boolean;
}

export const invariantSums = [
  'requests',
  'unpricedRequests',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'costUsd',
] as const;

/** Of a relation with rows of any kind: how it counts requests, and those without a price. */
function sumTexts(requests: string, unpriced: string): string {
  const sums = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens'];
  return `array[coalesce(${requests}, 0)::text, coalesce(${unpriced}, 0)::text,
                ${sums.map((sum) => `coalesce(sum(${sum}), 0)::text`).join(', ')},
                coalesce(sum(cost_usd), 0)::numeric(60,12)::text]`;
}

const RATED = sumTexts('sum(requests)', 'sum(requests) filter (where rate_id <= 0)');
const UNRATED = sumTexts('sum(requests)', 'sum(unpriced_requests)');
const RAW = sumTexts('count(*)', 'count(*) filter (where rate_id <= 0)');

/**
 * What must hold at any moment that a reader can see: the reports of a workspace and every rollup of them come to the
 * same sums, and every cost is its tokens times its rate. `sql` must show one moment throughout.
 */
export async function invariants(sql: SqlReader, workspaceId: number): Promise<readonly Invariant[]> {
  const raw = async (condition: string) => {
    const [row] = await sql.query<{ sums: string[] }>(
      `select ${RAW} as sums from usage_event where workspace_id = $1 ${condition}`,
      [workspaceId],
    );
    return row?.sums ?? [];
  };
  const all = await raw('');
  const withTask = await raw('and task_id is not null');
  const found: Invariant[] = [];
  for (const { view, isZoned, isRated, isOfTasks } of rollups) {
    const sums = isRated ? RATED : UNRATED;
    const rows = await sql.query<{ zone: string; sums: string[] }>(
      isZoned
        ? `select z.zone, (select ${sums} from ${view} t where t.workspace_id = $1 and t.zone = z.zone) as sums
             from reporting_zone z where z.covered_until = 'infinity' order by z.zone`
        : `select null as zone, ${sums} as sums from ${view} where workspace_id = $1`,
      [workspaceId],
    );
    const expected = isOfTasks ? withTask : all;
    for (const { zone, sums } of rows) {
      found.push(compared(isZoned ? `${view} ${zone}` : view, expected, sums));
    }
  }
  const [wrong] = await sql.query<{ reports: string }>(
    `select count(*)::text as reports
       from usage_event u left join model_rate r on r.rate_id = u.rate_id
      where u.workspace_id = $1
        and ((u.rate_id > 0) <> (u.cost_usd is not null)
             or (u.rate_id > 0 and u.cost_usd is distinct from (
                   u.input_tokens * r.input_mtok + u.output_tokens * r.output_mtok
                     + u.cache_read_tokens * coalesce(r.cache_read_mtok, r.input_mtok)
                     + (u.cache_write_tokens - coalesce(u.cache_write_1h_tokens, 0)) * coalesce(r.cache_write_mtok, r.input_mtok)
                     + coalesce(u.cache_write_1h_tokens, 0) * coalesce(r.cache_write_1h_mtok, r.input_mtok)) * 0.000001))`,
    [workspaceId],
  );
  return [...found, compared('reports whose cost is not tokens times rate', ['0'], [wrong?.reports ?? ''])];
}

function compared(name: string, expected: readonly string[], actual: readonly string[]): Invariant {
  return { name, expected, actual, holds: expected.join(' ') === actual.join(' ') };
}
