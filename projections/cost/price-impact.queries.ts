import type { SqlReader } from '../engine/sql.js';
import { COST_DECIMALS, decimalOf, unitsOf } from './decimal.js';
import { matchModel } from './match-model.js';
import { costOf, priceUsage, type PriceTable } from './pricing.js';
import { affectedScope, type RepricingScope } from './repricing-scope.js';

/** What a revision does to the usage of one model, as reported, on one UTC day. Money in USD with 12 decimals. */
export interface ImpactLine {
  readonly model: string;
  readonly day: string;
  readonly requests: bigint;
  readonly oldCostUsd: string;
  readonly newCostUsd: string;
  readonly deltaUsd: string;
  /** Requests that had no price and get one. */
  readonly newlyPriced: bigint;
  /** Requests that had a price and lose it. */
  readonly newlyUnpriced: bigint;
}

export type ImpactTotals = Omit<ImpactLine, 'model' | 'day'>;

export type ImpactOfModel = Omit<ImpactLine, 'day'>;

export interface PriceImpact {
  /** By model and day; only those that change. */
  readonly lines: readonly ImpactLine[];
  /** The lines of each model together. */
  readonly models: readonly ImpactOfModel[];
  readonly totals: ImpactTotals;
}

/** How far old usage has been priced by the newest book. */
export interface RepricingState {
  readonly bookVersion: number;
  readonly state: 'pending' | 'running' | 'done';
  readonly rowsDone: bigint;
  readonly rowsTotal: bigint;
}

/** Requests that both books price alike: by one row each. */
interface Group {
  readonly day: string;
  readonly provider: string | null;
  readonly service_class: string | null;
  readonly is_priced: boolean;
  readonly first_ms: string;
  readonly least_prompt: string;
  readonly requests: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly cache_read_tokens: string;
  readonly cache_write_tokens: string;
  readonly cache_write_1h_tokens: string;
  readonly cost_usd: string;
}

/** Before which prompts and instants nothing changes, for the rows of some books. Sorted, never empty. */
interface Borders {
  readonly prompts: readonly number[];
  readonly instants: readonly number[];
}

const MOST_BIGINT = 2n ** 63n - 1n;
const LEAST_BIGINT = -(2n ** 63n);

/** What revisions of the prices do to usage. */
export class PriceImpactQueries {
  constructor(private readonly reader: SqlReader) {}

  /** Prices the usage of a workspace, as it stands in the books now, by another book. Exact. */
  async impact(workspaceId: number, before: PriceTable, after: PriceTable): Promise<PriceImpact> {
    const used = await this.reader.query<{ model: string }>(
      'select distinct model from cost_hour_model where workspace_id = $1 order by model',
      [workspaceId],
    );
    const scopes = affectedScope(
      before,
      after,
      used.map(({ model }) => model),
    );
    const lines: ImpactLine[] = [];
    const models: ImpactOfModel[] = [];
    for (const scope of scopes) {
      const groups = await this.groups(workspaceId, scope, bordersOf(scope.model, before, after));
      const ofModel = linesOf(scope.model, groups, after);
      lines.push(...ofModel);
      if (ofModel.length > 0) models.push({ model: scope.model, ...sumOf(ofModel) });
    }
    return { lines, models, totals: sumOf(models) };
  }

  /** The newest revision and the pricing anew that it caused; undefined before there are prices. */
  async repricing(): Promise<RepricingState | undefined> {
    const [row] = await this.reader.query<{
      book_version: number;
      state: RepricingState['state'];
      rows_done: string;
      rows_total: string;
    }>(
      `select max(book_version) as book_version,
              case when bool_and(state = 'done') then 'done'
                   when bool_or(state = 'running') then 'running' else 'pending' end as state,
              coalesce(sum(rows_done) filter (where state <> 'done'), 0) as rows_done,
              coalesce(sum(rows_total) filter (where state <> 'done'), 0) as rows_total
         from repricing
       having count(*) > 0`,
    );
    if (row === undefined) return undefined;
    return {
      bookVersion: row.book_version,
      state: row.state,
      rowsDone: BigInt(row.rows_done),
      rowsTotal: BigInt(row.rows_total),
    };
  }

  private groups(workspaceId: number, scope: RepricingScope, borders: Borders): Promise<Group[]> {
    return this.reader.query<Group>(
      `select (occurred_at at time zone 'UTC')::date::text as day, provider, service_class, rate_id > 0 as is_priced,
              min(occurred_ms) as first_ms, min(prompt) as least_prompt, count(*) as requests,
              sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
              sum(cache_read_tokens) as cache_read_tokens, sum(cache_write_tokens) as cache_write_tokens,
              coalesce(sum(cache_write_1h_tokens), 0) as cache_write_1h_tokens, coalesce(sum(cost_usd), 0) as cost_usd
         from usage_event, lateral (select input_tokens + cache_read_tokens + cache_write_tokens as prompt) p
        where workspace_id = $1 and model = $2 and occurred_ms >= $3 and occurred_ms < $4
        group by 1, 2, 3, 4, width_bucket(prompt, $5::bigint[]), width_bucket(occurred_ms, $6::bigint[])
        order by 1`,
      [
        workspaceId,
        scope.model,
        scope.from ?? String(LEAST_BIGINT),
        scope.to ?? String(MOST_BIGINT),
        borders.prompts,
        borders.instants,
      ],
    );
  }
}

function bordersOf(model: string, ...tables: readonly PriceTable[]): Borders {
  const sets = tables.flatMap((table) => {
    const providers = [undefined, ...new Set([...table.sets.keys()].map(({ provider }) => provider))];
    const entries = providers.flatMap((provider) => matchModel(table.names, model, provider)?.entry ?? []);
    return entries.flatMap((entry) => table.sets.get(entry) ?? []);
  });
  const thresholds = sets.flatMap(({ rows }) => rows.flatMap(({ promptThreshold }) => promptThreshold ?? []));
  const instants = sets.flatMap(({ from, to }) => (to === Infinity ? [from] : [from, to]));
  // A prompt crosses a threshold when it is larger, a bucket begins at its border.
  return { prompts: ascending([0, ...thresholds.map((each) => each + 1)]), instants: ascending([0, ...instants]) };
}

function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function linesOf(model: string, groups: readonly Group[], after: PriceTable): ImpactLine[] {
  const days = new Map<string, ImpactTotals[]>();
  for (const group of groups) days.set(group.day, [...(days.get(group.day) ?? []), changeOf(model, group, after)]);
  return [...days]
    .map(([day, changes]) => ({ model, day, ...sumOf(changes) }))
    .filter(
      ({ oldCostUsd, newCostUsd, newlyPriced, newlyUnpriced }) =>
        oldCostUsd !== newCostUsd || newlyPriced > 0n || newlyUnpriced > 0n,
    );
}

function changeOf(model: string, group: Group, after: PriceTable): ImpactTotals {
  const pricing = priceUsage(after, {
    model,
    timestamp: parseInt(group.first_ms, 10),
    inputTokens: BigInt(group.least_prompt),
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    ...(group.provider === null ? {} : { provider: group.provider }),
    ...(group.service_class === null ? {} : { serviceClass: group.service_class }),
  });
  const requests = BigInt(group.requests);
  const oldUnits = unitsOf(group.cost_usd, COST_DECIMALS);
  const newUnits = pricing.kind === 'priced' ? unitsOf(costOf(pricing.rate, tokensOf(group)), COST_DECIMALS) : 0n;
  return {
    requests,
    oldCostUsd: decimalOf(oldUnits, COST_DECIMALS),
    newCostUsd: decimalOf(newUnits, COST_DECIMALS),
    deltaUsd: decimalOf(newUnits - oldUnits, COST_DECIMALS),
    newlyPriced: pricing.kind === 'priced' && !group.is_priced ? requests : 0n,
    newlyUnpriced: pricing.kind === 'unpriced' && group.is_priced ? requests : 0n,
  };
}

function tokensOf(group: Group) {
  return {
    inputTokens: BigInt(group.input_tokens),
    outputTokens: BigInt(group.output_tokens),
    cacheReadTokens: BigInt(group.cache_read_tokens),
    cacheWriteTokens: BigInt(group.cache_write_tokens),
    cacheWrite1hTokens: BigInt(group.cache_write_1h_tokens),
  };
}

function sumOf(changes: readonly ImpactTotals[]): ImpactTotals {
  const money = (of: (change: ImpactTotals) => string) =>
    decimalOf(
      changes.reduce((sum, change) => sum + unitsOf(of(change), COST_DECIMALS), 0n),
      COST_DECIMALS,
    );
  const count = (of: (change: ImpactTotals) => bigint) => changes.reduce((sum, change) => sum + of(change), 0n);
  return {
    requests: count(({ requests }) => requests),
    oldCostUsd: money(({ oldCostUsd }) => oldCostUsd),
    newCostUsd: money(({ newCostUsd }) => newCostUsd),
    deltaUsd: money(({ deltaUsd }) => deltaUsd),
    newlyPriced: count(({ newlyPriced }) => newlyPriced),
    newlyUnpriced: count(({ newlyUnpriced }) => newlyUnpriced),
  };
}
