import { plainArray, textArray } from '../engine/pg-array.js';
import type { UsageState } from './cost.fold.js';
import type { CurrentBook } from './price-book.js';
import { priceUsage, type Pricing, type PricedUsage, type UnpricedReason } from './pricing.js';

/** What stands in the place of a rate when there is none: not above 0, so that every sum by rate tells why. */
export const UNPRICED_RATES: Readonly<Record<UnpricedReason, number>> = {
  unknown_model: 0,
  before_first_rate: -1,
  after_last_rate: -2,
  no_rate_for_class: -3,
};

/** The columns that a price fills. */
export interface PriceColumns {
  readonly rateId: number;
  readonly matchKind: string | null;
  readonly canonicalProvider: string | null;
  readonly canonicalModel: string | null;
  readonly costUsd: string | null;
}

export function priceColumns({ table }: CurrentBook, usage: PricedUsage): PriceColumns {
  const pricing: Pricing = priceUsage(table, usage);
  const match = {
    matchKind: pricing.matchKind ?? null,
    canonicalProvider: pricing.entry?.provider ?? null,
    canonicalModel: pricing.entry?.model ?? null,
  };
  return pricing.kind === 'priced'
    ? { ...match, rateId: pricing.rateId, costUsd: pricing.costUsd }
    : { ...match, rateId: UNPRICED_RATES[pricing.unpricedReason], costUsd: null };
}

interface Column<Row> {
  readonly name: string;
  readonly type: string;
  readonly value: (row: Row) => string | number | bigint | null;
}

export interface PricedState {
  readonly state: UsageState;
  readonly price: PriceColumns;
  readonly bookVersion: number;
}

/** Columns of `usage_event` that a correction may set. */
export const amendedColumns: readonly Column<PricedState>[] = [
  { name: 'model', type: 'text', value: ({ state }) => state.facts.model },
  { name: 'input_tokens', type: 'bigint', value: ({ state }) => state.facts.inputTokens },
  { name: 'output_tokens', type: 'bigint', value: ({ state }) => state.facts.outputTokens },
  { name: 'cache_read_tokens', type: 'bigint', value: ({ state }) => state.facts.cacheReadTokens },
  { name: 'cache_write_tokens', type: 'bigint', value: ({ state }) => state.facts.cacheWriteTokens },
  { name: 'cache_write_1h_tokens', type: 'bigint', value: ({ state }) => state.facts.cacheWrite1hTokens ?? null },
  { name: 'reasoning_tokens', type: 'bigint', value: ({ state }) => state.facts.reasoningTokens ?? null },
  { name: 'rate_id', type: 'integer', value: ({ price }) => price.rateId },
  { name: 'match_kind', type: 'text', value: ({ price }) => price.matchKind },
  { name: 'canonical_provider', type: 'text', value: ({ price }) => price.canonicalProvider },
  { name: 'canonical_model', type: 'text', value: ({ price }) => price.canonicalModel },
  { name: 'cost_usd', type: 'numeric', value: ({ price }) => price.costUsd },
  { name: 'book_version', type: 'integer', value: ({ bookVersion }) => bookVersion },
  { name: 'corrected_at', type: 'timestamptz', value: ({ state }) => state.amended?.recordedAt ?? null },
  { name: 'amended_position', type: 'bigint', value: ({ state }) => state.amended?.position ?? null },
];

export const idColumn: Column<PricedState> = { name: 'id', type: 'uuid', value: ({ state }) => state.facts.id };

/** Every column of `usage_event` but `occurred_at`, which the database makes of `occurred_ms`. */
export const usageColumns: readonly Column<PricedState>[] = [
  idColumn,
  { name: 'event_id', type: 'text', value: ({ state }) => state.facts.eventId },
  { name: 'position', type: 'bigint', value: ({ state }) => state.position },
  { name: 'workspace_id', type: 'integer', value: ({ state }) => state.workspaceId },
  { name: 'recorded_at', type: 'timestamptz', value: ({ state }) => state.recordedAt },
  { name: 'occurred_ms', type: 'bigint', value: ({ state }) => state.facts.timestamp },
  { name: 'agent_id', type: 'bigint', value: ({ state }) => state.facts.agentId },
  { name: 'agent_name', type: 'text', value: ({ state }) => state.facts.agentName },
  { name: 'session_id', type: 'text', value: ({ state }) => state.facts.sessionId },
  { name: 'task_id', type: 'bigint', value: ({ state }) => state.facts.taskId },
  { name: 'provider', type: 'text', value: ({ state }) => state.facts.provider ?? null },
  { name: 'service_class', type: 'text', value: ({ state }) => state.facts.serviceClass ?? null },
  { name: 'operation', type: 'text', value: ({ state }) => state.facts.operation },
  { name: 'duration_ms', type: 'bigint', value: ({ state }) => state.facts.durationMs ?? null },
  { name: 'reported_cost_usd', type: 'numeric', value: ({ state }) => state.facts.reportedCostUsd ?? null },
  ...amendedColumns,
];

/** `unnest` of one bound array a column, as a relation `u`. */
export function unnested<Row>(columns: readonly Column<Row>[]): string {
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  return `unnest(${arrays}) as u (${columns.map(({ name }) => name).join(', ')})`;
}

export function arraysOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  return columns.map(({ type, value }) => {
    if (type === 'text' || type === 'timestamptz') return textArray(rows.map((row) => value(row) as string | null));
    return plainArray(rows.map(value));
  });
}
