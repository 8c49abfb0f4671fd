import type { UsageScope } from './cost.queries.js';
import type { PageReader } from './export.queries.js';
import { UNPRICED_RATES } from './priced-usage.js';

/** A report that counts, with what it costs, as texts and numbers that lose nothing. */
export interface PricedReport {
  readonly id: string;
  readonly event_id: string;
  readonly occurred_ms: string;
  readonly recorded_ms: string;
  readonly agent_id: string | null;
  readonly agent_name: string;
  readonly session_id: string;
  readonly task_id: string | null;
  readonly provider: string | null;
  readonly model: string;
  readonly canonical_provider: string | null;
  readonly canonical_model: string | null;
  readonly match_kind: string | null;
  readonly service_class: string | null;
  readonly operation: string;
  readonly duration_ms: string | null;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly cache_read_tokens: string;
  readonly cache_write_tokens: string;
  readonly cache_write_1h_tokens: string | null;
  readonly reasoning_tokens: string | null;
  readonly cost_usd: string | null;
  readonly unpriced_reason: string | null;
  readonly rate_id: number | null;
  readonly book_version: number;
  readonly reported_cost_usd: string | null;
  readonly corrected_ms: string | null;
}

const REASONS = Object.entries(UNPRICED_RATES)
  .map(([reason, id]) => `when ${id} then '${reason}'`)
  .join(' ');

/** Every report of a scope that counts, with its price, oldest first by when it happened. */
export function pricedReports(
  reader: PageReader,
  { workspaceId, range, agentId }: UsageScope,
  pageSize: number,
): AsyncIterable<readonly PricedReport[]> {
  return reader.pages<PricedReport>(
    `select id, event_id, occurred_ms, (extract(epoch from recorded_at) * 1000)::bigint as recorded_ms, agent_id,
            agent_name, session_id, task_id, provider, model, canonical_provider, canonical_model, match_kind,
            service_class, operation, duration_ms, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
            cache_write_1h_tokens, reasoning_tokens, cost_usd, case rate_id ${REASONS} end as unpriced_reason,
            nullif(greatest(rate_id, 0), 0) as rate_id, book_version, reported_cost_usd,
            (extract(epoch from corrected_at) * 1000)::bigint as corrected_ms
       from usage_event
      where workspace_id = $1 and ($2::bigint is null or occurred_ms >= $2) and ($3::bigint is null or occurred_ms < $3)
        and ($4::bigint is null or agent_id = $4)
      order by occurred_ms, id`,
    [workspaceId, range.from ?? null, range.until ?? null, agentId ?? null],
    pageSize,
  );
}
