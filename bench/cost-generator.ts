import type { Client } from 'pg';
import { addToRollups, deltaColumns } from '../projections/cost/rollup-sql.js';
import { spanSessions } from '../projections/cost/cost.writer.js';
import { AGENTS, DAYS, MODELS, START } from './cost-history.js';

const CHUNK = 500_000;

/**
 * Fills the tables of version 1 with priced reports and everything that is summed from them, by SQL alone: minutes for
 * ten million where folding them would take a quarter of an hour. Indexes are made after the load. The book must be there.
 */
export async function generateUsage(client: Client, rows: number, say: (line: string) => void): Promise<void> {
  await client.query(`set work_mem = '256MB'; set maintenance_work_mem = '512MB'; set synchronous_commit = off`);
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
       from pg_index where indrelid = 'usage_event_v1'::regclass and not indisprimary`,
  );
  for (const { name } of indexes) await client.query(`drop index ${name}`);
  for (let from = 0; from < rows; from += CHUNK) {
    await client.query(reports(from, Math.min(from + CHUNK, rows), rows));
    say(`  ${Math.min(from + CHUNK, rows)} reports`);
  }
  for (const { definition } of indexes) await client.query(definition);
  say('  indexes');
  await client.query(
    `with d as materialized (select ${deltaColumns('1', 'u')} from usage_event_v1 u), ${addToRollups(1)} select 1`,
  );
  await client.query(spanSessions(1, 'usage_event_v1 i'));
  // In the order in which the projector would have written them: what is asked for together lies together.
  for (const view of ['cost_session', 'cost_session_hour', 'cost_task', 'cost_task_day'])
    await client.query(`cluster ${view}_v1 using ${view}_v1_1`);
  say('  rollups');
  await client.query('vacuum analyze');
  await client.query('reset all');
}

/** As {@link benchReport} makes them, but for the ids and the agents' chances. */
function reports(from: number, to: number, total: number): string {
  const models = MODELS.map((model) => `'${model}'`).join(',');
  return `
    insert into usage_event_v1 (
      id, event_id, position, workspace_id, recorded_at, occurred_ms, occurred_at, agent_id, agent_name, session_id,
      task_id, model, operation, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, rate_id,
      match_kind, canonical_provider, canonical_model, cost_usd, book_version)
    select u.*, case when r.rate_id is null then 0 else r.rate_id end, case when r.rate_id is null then null else 'exact' end,
           r.provider, r.model,
           (u.input_tokens * r.input_mtok + u.output_tokens * r.output_mtok
             + u.cache_read_tokens * coalesce(r.cache_read_mtok, r.input_mtok)
             + u.cache_write_tokens * coalesce(r.cache_write_mtok, r.input_mtok)) * 0.000001, 1
      from (
        select md5('bench-sql ' || i)::uuid, 'bench-sql-' || i, i * 700::bigint, 1, timestamptz 'epoch', ms,
               timestamptz 'epoch' + ms * interval '1 millisecond' as occurred_at, agent + 1, 'agent-' || agent,
               'agent-' || agent || ':' || (ms + agent * 600000) / 7200000,
               case when i % 3 = 0 then ms / 86400000 * 20 + agent % 20 end,
               (array[${models}])[1 + (h1 % 4) * (h2 % 4) * (agent % 3 + 1) % ${MODELS.length}] as model,
               'chat_completion', 1000 + i % 9777 as input_tokens, 100 + i % 977 as output_tokens,
               i % 13 * 5000 as cache_read_tokens, i % 5 * 400 as cache_write_tokens
          from (
            select i::bigint, ${START} + (i::numeric / ${total} * ${DAYS * 86_400_000})::bigint as ms,
                   (hashint8(i)::bigint + 2147483648) % ${AGENTS} as agent,
                   hashint8(i + 1)::bigint + 2147483648 as h1, hashint8(i + 2)::bigint + 2147483648 as h2
              from generate_series(${from}::bigint, ${to - 1}::bigint) i) g
      ) u
      left join lateral (
        select m.* from rate_period_v1 p join model_rate_v1 m on m.rate_id = p.rate_id
         where p.model = u.model and p.service_class = 'standard' and p.valid @> u.occurred_at
           and (p.prompt_threshold = 0
                or u.input_tokens + u.cache_read_tokens + u.cache_write_tokens > p.prompt_threshold)
         order by p.prompt_threshold desc limit 1) r on true`;
}
