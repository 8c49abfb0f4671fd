import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import { currentBook, type CurrentBook } from './price-book.js';
import { priceColumns } from './priced-usage.js';
import type { RepricingScope } from './repricing-scope.js';
import { deltaColumns, moveInRollups } from './rollup-sql.js';

const CHUNK_ROWS = 10_000;

interface Job {
  readonly book_version: number;
  readonly scope: readonly RepricingScope[];
  readonly scope_index: number;
  readonly cursor_ms: string | null;
}

/**
 * Prices a bounded number of old rows by the book of now: rows, sums and the place where it stands change in the one
 * transaction of the caller. A row that a book of this version or a later one has priced is never looked at again, so
 * that a chunk that is repeated, or cut off after any other, changes nothing beyond once. False: nothing is left.
 */
export async function repriceChunk(transaction: SqlTransaction, v: number): Promise<boolean> {
  const [job] = await transaction.run<Job>({
    name: `cost_repricing_job_v${v}`,
    text: `select book_version, scope, scope_index, cursor_ms
             from repricing_v${v} where state <> 'done' order by book_version limit 1`,
  });
  if (job === undefined) return false;
  const scope = job.scope[job.scope_index];
  if (scope === undefined) {
    await transaction.run({
      text: `update repricing_v${v} set state = 'done', rows_total = rows_done where book_version = $1`,
      values: [job.book_version],
    });
    return true;
  }
  const rows = await staleRows(transaction, v, job, scope);
  if (rows.length > 0) await reprice(transaction, v, rows, await currentBook(transaction, v));
  const isScopeDone = rows.length < CHUNK_ROWS;
  await transaction.run({
    name: `cost_repricing_step_v${v}`,
    text: `update repricing_v${v}
              set state = 'running', scope_index = $2, cursor_ms = $3, rows_done = rows_done + $4
            where book_version = $1`,
    values: [
      job.book_version,
      isScopeDone ? job.scope_index + 1 : job.scope_index,
      isScopeDone ? null : rows.at(-1)?.occurred_ms,
      rows.length,
    ],
  });
  return true;
}

interface StaleRow {
  /** Where the row lies: nobody else writes the table, so it lies there for the rest of the transaction. */
  readonly place: string;
  readonly model: string;
  readonly provider: string | null;
  readonly service_class: string | null;
  readonly occurred_ms: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly cache_read_tokens: string;
  readonly cache_write_tokens: string;
  readonly cache_write_1h_tokens: string | null;
}

function staleRows(transaction: SqlTransaction, v: number, job: Job, scope: RepricingScope): Promise<StaleRow[]> {
  return transaction.run<StaleRow>({
    name: `cost_stale_rows_v${v}`,
    text: `select ctid::text as place, model, provider, service_class, occurred_ms, input_tokens, output_tokens, cache_read_tokens,
                  cache_write_tokens, cache_write_1h_tokens
             from usage_event_v${v}
            where model = $1 and occurred_ms >= $2 and occurred_ms < $3 and book_version < $4
            order by occurred_ms limit $5`,
    values: [
      scope.model,
      job.cursor_ms ?? scope.from ?? String(LEAST_BIGINT),
      scope.to ?? String(MOST_BIGINT),
      job.book_version,
      CHUNK_ROWS,
    ],
  });
}

const MOST_BIGINT = 2n ** 63n - 1n;
const LEAST_BIGINT = -(2n ** 63n);

async function reprice(
  transaction: SqlTransaction,
  v: number,
  rows: readonly StaleRow[],
  book: CurrentBook,
): Promise<void> {
  const prices = rows.map((row) => priceColumns(book, usageOf(row)));
  await transaction.run({
    name: `cost_reprice_v${v}`,
    text: `
      with u as materialized (
        select * from unnest($1::tid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::numeric[])
                   as u (place, rate_id, match_kind, canonical_provider, canonical_model, cost_usd)
      ),
      moved as materialized (
        select ${REPORT_COLUMNS.map((column) => `t.${column}`).join(', ')}, t.rate_id as old_rate_id,
               t.cost_usd as old_cost_usd, u.rate_id as new_rate_id, u.cost_usd as new_cost_usd
          from u join usage_event_v${v} t on t.ctid = u.place
         where t.rate_id <> u.rate_id or t.cost_usd is distinct from u.cost_usd
      ),
      changed as (
        update usage_event_v${v} t
           set rate_id = u.rate_id, match_kind = u.match_kind, canonical_provider = u.canonical_provider,
               canonical_model = u.canonical_model, cost_usd = u.cost_usd, book_version = $7
          from u
         where t.ctid = u.place
      ),
      d as materialized (
        select ${deltaColumns('-1', 'b')}
          from (select ${REPORT_COLUMNS.join(', ')}, old_rate_id as rate_id, old_cost_usd as cost_usd from moved) b
        union all
        select ${deltaColumns('1', 'a')}
          from (select ${REPORT_COLUMNS.join(', ')}, new_rate_id as rate_id, new_cost_usd as cost_usd from moved) a
      ),
      ${moveInRollups(v)}
      select count(*) from moved`,
    values: [
      textArray(rows.map(({ place }) => place)),
      plainArray(prices.map(({ rateId }) => rateId)),
      textArray(prices.map(({ matchKind }) => matchKind)),
      textArray(prices.map(({ canonicalProvider }) => canonicalProvider)),
      textArray(prices.map(({ canonicalModel }) => canonicalModel)),
      plainArray(prices.map(({ costUsd }) => costUsd)),
      book.version,
    ],
  });
}

/** What a change of price leaves as it is, of what the rollups are summed by. */
const REPORT_COLUMNS = [
  'workspace_id',
  'occurred_at',
  'agent_name',
  'agent_id',
  'session_id',
  'task_id',
  'model',
  'service_class',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
];

function usageOf(row: StaleRow) {
  return {
    model: row.model,
    timestamp: parseInt(row.occurred_ms, 10),
    inputTokens: BigInt(row.input_tokens),
    outputTokens: BigInt(row.output_tokens),
    cacheReadTokens: BigInt(row.cache_read_tokens),
    cacheWriteTokens: BigInt(row.cache_write_tokens),
    ...(row.cache_write_1h_tokens === null ? {} : { cacheWrite1hTokens: BigInt(row.cache_write_1h_tokens) }),
    ...(row.provider === null ? {} : { provider: row.provider }),
    ...(row.service_class === null ? {} : { serviceClass: row.service_class }),
  };
}
