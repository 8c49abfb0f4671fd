/** A view that people query: its name and columns are a contract, so each says what it holds. */
export interface AnalyticsView {
  readonly name: string;
  readonly comment: string;
  /** In the order of the select list. */
  readonly columns: Readonly<Record<string, string>>;
  readonly select: string;
}

/** DDL of a view in the schema `analytics`, with its comments. */
export function viewSql({ name, comment, columns, select }: AnalyticsView): string {
  return [
    `create or replace view analytics.${name} (${Object.keys(columns).join(', ')}) as ${select};`,
    `comment on view analytics.${name} is ${literal(comment)};`,
    ...Object.entries(columns).map(
      ([column, text]) => `comment on column analytics.${name}.${column} is ${literal(text)};`,
    ),
  ].join('\n');
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The sums that every view of costs ends with: how they are asked for, and what they are. */
export const sumColumns = {
  requests: 'Reports of usage',
  unpriced_requests: 'Those of them without a price: their tokens count, their cost is unknown and adds nothing',
  input_tokens: 'Tokens read that came from no cache and went into none',
  output_tokens: 'Tokens written, reasoning included',
  cache_read_tokens: 'Tokens read from a cache',
  cache_write_tokens: 'Tokens written to a cache',
  total_tokens: 'The sum of the four',
  cost_usd: 'US dollars, exact, with 12 decimals',
} as const;

const sumsWith = (unpriced: string) => `
  sum(t.requests)::bigint, ${unpriced}::bigint, sum(t.input_tokens), sum(t.output_tokens), sum(t.cache_read_tokens),
  sum(t.cache_write_tokens), sum(t.input_tokens + t.output_tokens + t.cache_read_tokens + t.cache_write_tokens),
  sum(t.cost_usd)`;

/** Select list of {@link sumColumns} over rows of a rollup by rate. */
export const sumsOfRows = sumsWith('coalesce(sum(t.requests) filter (where t.rate_id <= 0), 0)');

/** The same over rows of a rollup that is not by rate. */
export const sumsOfUnratedRows = sumsWith('sum(t.unpriced_requests)');

/** The same of one row, as it is. */
export const sumsOfRow = `
  t.requests, case when t.rate_id > 0 then 0 else t.requests end, t.input_tokens, t.output_tokens,
  t.cache_read_tokens, t.cache_write_tokens,
  t.input_tokens + t.output_tokens + t.cache_read_tokens + t.cache_write_tokens, t.cost_usd`;

/** Why a row has no price, by what stands in the place of its rate. */
export const unpricedReason = `
  case t.rate_id when 0 then 'unknown_model' when -1 then 'before_first_rate' when -2 then 'after_last_rate'
                 when -3 then 'no_rate_for_class' end`;

export const reasonComment =
  'Why there is no price: unknown_model, before_first_rate, after_last_rate, no_rate_for_class; null: there is one';
