import type { ProjectionTables } from '../engine/projection.js';

export const tokenUsageTables: ProjectionTables = {
  list: [{ view: 'token_usage', key: ['id'] }],

  create: (v) => `
    -- one row a report, for ever; its key is the claim
    create table token_usage_v${v} (
      id uuid primary key,
      content_digest text not null,
      shard integer not null,
      revision bigint not null,
      -- of its last correction or void; its own: there is none
      latest_revision bigint not null
    );
  `,

  index: () => '',
};

/** What the ledger held beside the claims is in the books of cost now. Every version of its tables is cut down. */
export const claimsOnly = `
  do $body$
  declare
    v integer;
    old text;
  begin
    for v in select version from projection_checkpoint where projection = 'token-usage' loop
      foreach old in array array['by_agent', 'by_model', 'by_session', 'by_day'] loop
        execute format('drop view if exists token_totals_%s', old);
        execute format('drop table if exists token_totals_%s_v%s', old, v);
      end loop;
    end loop;
    drop view token_usage;
    for v in select version from projection_checkpoint where projection = 'token-usage' loop
      execute format('alter table token_usage_v%s add column if not exists latest_revision bigint', v);
      execute format('update token_usage_v%s set latest_revision = revision where latest_revision is null', v);
      execute format('alter table token_usage_v%s alter column latest_revision set not null', v);
      foreach old in array array['event_id', 'position', 'workspace_id', 'recorded_at', 'occurred_ms', 'occurred_at',
        'agent_name', 'agent_id', 'model', 'session_id', 'operation', 'task_id', 'input_tokens', 'output_tokens',
        'cache_read_tokens', 'cache_write_tokens', 'cache_write_1h_tokens', 'reasoning_tokens', 'provider',
        'service_class', 'duration_ms', 'reported_cost_usd'] loop
        execute format('alter table token_usage_v%s drop column if exists %I', v, old);
      end loop;
    end loop;
    select version into v from projection_active where projection = 'token-usage';
    execute format('create view token_usage as select * from token_usage_v%s', v);
  end
  $body$;`;
