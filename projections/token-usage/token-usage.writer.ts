import type { TokenUsageReported } from '../../src/tokens/tokens.events.js';
import { plainArray, textArray } from '../engine/pg-array.js';
import type { Stored } from '../engine/projection.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { TokenUsageChanges } from './token-usage.fold.js';

/**
 * Ledger and totals in one statement: the totals are fed only from ledger rows that this statement really inserted, so
 * that no way to deliver a report twice counts it twice.
 */
export async function writeTokenUsage(
  transaction: SqlTransaction,
  reports: TokenUsageChanges,
  version: number,
): Promise<void> {
  if (reports.length === 0) return;
  await transaction.run({
    name: `token_usage_write_v${version}`,
    text: statementOf(version),
    values: valuesOf(reports),
  });
}

const SUMMED = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens'] as const;

function statementOf(v: number): string {
  return `
    with inserted as (
      insert into token_usage_v${v} (
        id, event_id, content_digest, shard, revision, position, workspace_id, recorded_at, occurred_ms, occurred_at,
        agent_name, agent_id, model, session_id, operation, task_id, input_tokens, output_tokens, cache_read_tokens,
        cache_write_tokens, cache_write_1h_tokens, reasoning_tokens, provider, service_class, duration_ms,
        reported_cost_usd)
      select u.id, u.event_id, u.content_digest, u.shard, u.revision, u.position, u.workspace_id, u.recorded_at,
             u.occurred_ms,
             timestamptz 'epoch'
               + least(greatest(u.occurred_ms, -62135596800000), 253402300799999) * interval '1 millisecond',
             u.agent_name, u.agent_id, u.model, u.session_id, u.operation, u.task_id, u.input_tokens,
             u.output_tokens, u.cache_read_tokens, u.cache_write_tokens, u.cache_write_1h_tokens, u.reasoning_tokens,
             u.provider, u.service_class, u.duration_ms, u.reported_cost_usd
        from unnest(
          $1::uuid[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::integer[],
          $8::timestamptz[], $9::bigint[], $10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[],
          $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[],
          $22::text[], $23::text[], $24::bigint[], $25::numeric[])
          as u (id, event_id, content_digest, shard, revision, position, workspace_id, recorded_at, occurred_ms,
                agent_name, agent_id, model, session_id, operation, task_id, input_tokens, output_tokens,
                cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, reasoning_tokens, provider,
                service_class, duration_ms, reported_cost_usd)
      on conflict (id) do nothing
      returning workspace_id, agent_name, model, session_id, (occurred_at at time zone 'UTC')::date as day,
                ${SUMMED.join(', ')}
    ),
    by_agent as (${totals(`token_totals_by_agent_v${v}`, ['workspace_id', 'agent_name'])}),
    by_model as (${totals(`token_totals_by_model_v${v}`, ['workspace_id', 'model'])}),
    by_session as (${totals(`token_totals_by_session_v${v}`, ['workspace_id', 'session_id'])}),
    by_day as (${totals(`token_totals_by_day_v${v}`, ['workspace_id', 'day', 'agent_name', 'model'])})
    select count(*) as inserted from inserted`;
}

function totals(table: string, key: readonly string[]): string {
  const columns = key.join(', ');
  return `
    insert into ${table} as t (${columns}, requests, ${SUMMED.join(', ')})
    select ${columns}, count(*), ${SUMMED.map((column) => `sum(${column})`).join(', ')}
      from inserted group by ${columns} order by ${columns}
    on conflict (${columns}) do update
       set requests = t.requests + excluded.requests,
           ${SUMMED.map((column) => `${column} = t.${column} + excluded.${column}`).join(', ')}`;
}

function valuesOf(reports: TokenUsageChanges): readonly string[] {
  const plain = (valueOf: (report: Stored<TokenUsageReported>) => string | number | bigint | null): string =>
    plainArray(reports.map(valueOf));
  const text = (valueOf: (report: Stored<TokenUsageReported>) => string | null): string =>
    textArray(reports.map(valueOf));
  return [
    plain(({ data }) => data.id),
    text(({ data }) => data.eventId),
    text(({ data }) => data.contentDigest),
    plain(({ stream }) => shardOf(stream)),
    plain(({ revision }) => revision),
    plain(({ position }) => position.commit),
    plain(({ metadata }) => metadata.workspaceId),
    text(({ metadata }) => metadata.recordedAt),
    plain(({ data }) => data.timestamp),
    text(({ data }) => data.agentName),
    plain(({ data }) => data.agentId),
    text(({ data }) => data.model),
    text(({ data }) => data.sessionId),
    text(({ data }) => data.operation),
    plain(({ data }) => data.taskId),
    plain(({ data }) => data.inputTokens),
    plain(({ data }) => data.outputTokens),
    plain(({ data }) => data.cacheReadTokens),
    plain(({ data }) => data.cacheWriteTokens),
    plain(({ data }) => data.cacheWrite1hTokens ?? null),
    plain(({ data }) => data.reasoningTokens ?? null),
    text(({ data }) => data.provider ?? null),
    text(({ data }) => data.serviceClass ?? null),
    plain(({ data }) => data.durationMs ?? null),
    plain(({ data }) => data.reportedCostUsd ?? null),
  ];
}

/** The number in `usage-{shard}`. */
function shardOf(stream: string): number {
  const shard = Number(stream.slice('usage-'.length));
  if (!stream.startsWith('usage-') || !Number.isInteger(shard)) throw new Error(`${stream} is no usage shard`);
  return shard;
}
