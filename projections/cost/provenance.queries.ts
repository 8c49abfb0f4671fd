import { STANDARD_CLASS, type PriceRate } from '../../src/prices/prices.events.js';
import type { SqlReader } from '../engine/sql.js';
import { COST_DECIMALS, decimalOf, shortestDecimal, unitsOf } from './decimal.js';
import { namesTried } from './match-model.js';
import { costTerms } from './pricing.js';
import { type UsageRecord, usageOf, type UsageRow } from './usage-row.js';

/** How a report came to its cost, or why it has none. */
export interface Provenance {
  readonly usage: UsageRow;
  readonly matchKind: string | null;
  readonly canonicalProvider: string | null;
  readonly canonicalModel: string | null;
  /** The book that last looked at it. */
  readonly bookVersion: number;
  readonly correctedAt: Date | null;
  readonly rate: RateRow | undefined;
  readonly terms: readonly ProvenTerm[];
  /** The names that were looked for. */
  readonly namesTried: readonly string[];
  /** The caller's own figure less ours; null: it gave none, or ours is not known. */
  readonly reportedDifferenceUsd: string | null;
}

export interface ProvenTerm {
  readonly bucket: string;
  readonly tokens: string;
  readonly perMTok: string;
  readonly costUsd: string;
}

export interface RateRow {
  readonly rate: PriceRate;
  readonly provider: string;
  readonly model: string;
  readonly layer: string;
  readonly source: string | null;
  readonly firstBookVersion: number;
}

export interface VoidedUsage {
  readonly id: string;
  readonly eventId: string;
  readonly reason: string;
  readonly actor: string;
  readonly voidedAt: Date;
}

/** Explains one cost. */
export class ProvenanceQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Undefined: no report of this workspace counts under this id. */
  async of(workspaceId: number, id: string): Promise<Provenance | undefined> {
    const [row] = await this.sql.query<ProvenanceRecord>(
      `select u.*, row_to_json(r) as rate
         from usage_event u
         left join (
           select rate_id, layer, provider, model, service_class, effective_from, effective_to, prompt_threshold,
                  input_mtok::text, output_mtok::text, cache_read_mtok::text, cache_write_mtok::text,
                  cache_write_1h_mtok::text, source, first_book_version
             from model_rate) r on r.rate_id = u.rate_id
        where u.workspace_id = $1 and u.id = $2`,
      [workspaceId, id],
    );
    if (row === undefined) return undefined;
    const usage = usageOf(row);
    const rate = row.rate === null ? undefined : rateOf(row.rate);
    const { reportedCostUsd, costUsd } = usage;
    return {
      usage,
      matchKind: row.match_kind,
      canonicalProvider: row.canonical_provider,
      canonicalModel: row.canonical_model,
      bookVersion: row.book_version,
      correctedAt: row.corrected_at,
      rate,
      terms: rate === undefined ? [] : termsOf(usage, rate.rate),
      namesTried: namesTried(usage.model, usage.provider ?? undefined),
      reportedDifferenceUsd:
        reportedCostUsd === null || costUsd === null
          ? null
          : decimalOf(unitsOf(reportedCostUsd, COST_DECIMALS) - unitsOf(costUsd, COST_DECIMALS), COST_DECIMALS),
    };
  }

  /** Undefined: nothing was voided under this id. */
  async voided(workspaceId: number, id: string): Promise<VoidedUsage | undefined> {
    const [row] = await this.sql.query<{ event_id: string; reason: string; actor: string; voided_at: Date }>(
      'select event_id, reason, actor, voided_at from usage_void where workspace_id = $1 and id = $2',
      [workspaceId, id],
    );
    return row && { id, eventId: row.event_id, reason: row.reason, actor: row.actor, voidedAt: row.voided_at };
  }
}

interface ProvenanceRecord extends UsageRecord {
  readonly match_kind: string | null;
  readonly canonical_provider: string | null;
  readonly canonical_model: string | null;
  readonly book_version: number;
  readonly corrected_at: Date | null;
  readonly rate: RateRecord | null;
}

interface RateRecord {
  readonly rate_id: number;
  readonly layer: string;
  readonly provider: string;
  readonly model: string;
  readonly service_class: string;
  readonly effective_from: string;
  readonly effective_to: string | null;
  readonly prompt_threshold: number;
  readonly input_mtok: string;
  readonly output_mtok: string;
  readonly cache_read_mtok: string | null;
  readonly cache_write_mtok: string | null;
  readonly cache_write_1h_mtok: string | null;
  readonly source: string | null;
  readonly first_book_version: number;
}

function rateOf(row: RateRecord): RateRow {
  const optional = (key: 'cacheReadPerMTok' | 'cacheWritePerMTok' | 'cacheWrite1hPerMTok', value: string | null) =>
    value === null ? {} : { [key]: shortestDecimal(value) };
  return {
    provider: row.provider,
    model: row.model,
    layer: row.layer,
    source: row.source,
    firstBookVersion: row.first_book_version,
    rate: {
      rateId: row.rate_id,
      effectiveFrom: new Date(row.effective_from).toISOString(),
      ...(row.effective_to === null ? {} : { effectiveTo: new Date(row.effective_to).toISOString() }),
      ...(row.prompt_threshold === 0 ? {} : { promptThreshold: row.prompt_threshold }),
      ...(row.service_class === STANDARD_CLASS ? {} : { serviceClass: row.service_class }),
      inputPerMTok: shortestDecimal(row.input_mtok),
      outputPerMTok: shortestDecimal(row.output_mtok),
      ...optional('cacheReadPerMTok', row.cache_read_mtok),
      ...optional('cacheWritePerMTok', row.cache_write_mtok),
      ...optional('cacheWrite1hPerMTok', row.cache_write_1h_mtok),
    },
  };
}

function termsOf(usage: UsageRow, rate: PriceRate): readonly ProvenTerm[] {
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, cacheWrite1hTokens } = usage;
  const terms = costTerms(rate, {
    inputTokens,
    outputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    cacheWrite1hTokens: cacheWrite1hTokens ?? 0,
  });
  return terms.map(({ bucket, tokens, perMTok, units }) => ({
    bucket,
    tokens: tokens.toString(),
    perMTok,
    costUsd: decimalOf(units, COST_DECIMALS),
  }));
}
