import type { ProjectionTables } from '../engine/projection.js';
import { rollups } from './rollups.js';

/**
 * Rows of reports are `bigint`: a count is at most 2^53-1. Sums are `numeric`: 1,025 reports of the largest allowed size
 * overflow a bigint, and a projection of money that halts on that could be stopped by any client.
 */
export const costTables: ProjectionTables = {
  list: [
    { view: 'price_book', key: ['book_version'] },
    { view: 'price_entry', key: ['layer', 'provider', 'model'] },
    { view: 'model_rate', key: ['rate_id'] },
    { view: 'rate_period', key: ['provider', 'model', 'service_class', 'prompt_threshold', 'valid'] },
    { view: 'model_name', key: ['name'] },
    { view: 'reporting_zone', key: ['zone'] },
    // The version of the book tells how a row came to its rate, which a rebuild does in one step.
    { view: 'usage_event', key: ['id'], volatile: ['book_version'] },
    { view: 'usage_void', key: ['id'] },
    ...rollups.map(({ view, key }) => ({ view, key })),
    { view: 'session_span', key: ['workspace_id', 'session_id', 'agent_id'] },
    { view: 'repricing', key: ['book_version'], volatile: 'all' },
  ],

  create: (v) => `
    create table price_book_v${v} (
      book_version integer primary key,
      layer text not null,
      label text,
      source text,
      author_recorded_at timestamptz,
      recorded_at timestamptz not null,
      reason text,
      actor text not null,
      position bigint not null,
      document_hash text,
      -- over the effective book as of this revision: what was made ready for one such text serves every other
      effective_hash text not null
    );

    -- the entries that the layers hold now
    create table price_entry_v${v} (
      layer text not null,
      provider text not null,
      model text not null,
      entry jsonb not null,
      primary key (layer, provider, model)
    );

    -- as their authors wrote them; a row never changes
    create table model_rate_v${v} (
      rate_id integer primary key check (rate_id > 0),
      first_book_version integer not null,
      layer text not null,
      provider text not null,
      model text not null,
      service_class text not null,
      effective_from timestamptz not null,
      effective_to timestamptz,
      prompt_threshold bigint not null default 0,
      input_mtok numeric(12,6) not null check (input_mtok >= 0),
      output_mtok numeric(12,6) not null check (output_mtok >= 0),
      cache_read_mtok numeric(12,6) check (cache_read_mtok >= 0),
      cache_write_mtok numeric(12,6) check (cache_write_mtok >= 0),
      cache_write_1h_mtok numeric(12,6) check (cache_write_1h_mtok >= 0),
      source text
    );

    -- the effective book: which rate is in force when. The threshold of a base row is 0, not null: nulls may overlap.
    create table rate_period_v${v} (
      provider text not null,
      model text not null,
      service_class text not null,
      prompt_threshold bigint not null,
      valid tstzrange not null check (not isempty(valid)),
      rate_id integer not null,
      primary key (provider, model, service_class, prompt_threshold, valid)
    );
    ${withoutOverlap(v)}

    -- the names of the effective book
    create table model_name_v${v} (
      name text primary key,
      provider text not null,
      model text not null,
      kind text not null
    );

    -- days are kept in these zones, of the reports that happened before covered_until
    create table reporting_zone_v${v} (
      zone text primary key,
      covered_until timestamptz not null
    );
    insert into reporting_zone_v${v} values ('UTC', 'infinity');

    -- one row a report that counts
    create table usage_event_v${v} (
      id uuid primary key,
      event_id text not null,
      position bigint not null,
      workspace_id integer not null,
      recorded_at timestamptz not null,
      occurred_ms bigint not null,
      -- the same instant for people and buckets; years that PostgreSQL does not know are moved to its edge
      occurred_at timestamptz not null,
      agent_id bigint,
      agent_name text not null,
      session_id text not null,
      task_id bigint,
      provider text,
      model text not null,
      service_class text,
      operation text not null,
      duration_ms bigint,
      input_tokens bigint not null check (input_tokens >= 0),
      output_tokens bigint not null check (output_tokens >= 0),
      cache_read_tokens bigint not null check (cache_read_tokens >= 0),
      cache_write_tokens bigint not null check (cache_write_tokens >= 0),
      cache_write_1h_tokens bigint check (cache_write_1h_tokens between 0 and cache_write_tokens),
      reasoning_tokens bigint,
      reported_cost_usd numeric,
      -- not above 0: no price, and why
      rate_id integer not null,
      match_kind text,
      canonical_provider text,
      canonical_model text,
      cost_usd numeric(38,12),
      book_version integer not null,
      corrected_at timestamptz,
      amended_position bigint,
      check ((rate_id > 0) = (cost_usd is not null))
    -- room on a page to price half of its rows anew without a word to the indexes
    ) with (fillfactor = 65);

    -- reports that count no more; their ids stay taken
    create table usage_void_v${v} (
      id uuid primary key,
      workspace_id integer not null,
      event_id text not null,
      reason text not null,
      actor text not null,
      voided_at timestamptz not null,
      position bigint not null
    );

    ${rollups.map((rollup) => rollup.create(v)).join('\n')}

    -- when a session was in use, which a price never changes
    create table session_span_v${v} (
      workspace_id integer not null,
      session_id text not null,
      agent_name text not null,
      -- 0: nobody held the name when the report came in
      agent_id bigint not null,
      first_ms bigint not null,
      last_ms bigint not null,
      primary key (workspace_id, session_id, agent_id)
    ) with (fillfactor = 70);

    -- what a revision leaves to do; done: nothing
    create table repricing_v${v} (
      book_version integer primary key,
      state text not null check (state in ('pending', 'running', 'done')),
      scope jsonb not null,
      scope_index integer not null default 0,
      cursor_ms bigint,
      rows_done bigint not null default 0,
      rows_total bigint not null
    );
  `,

  index: (v) => `
    create index if not exists usage_event_v${v}_occurred on usage_event_v${v} (workspace_id, occurred_ms);
    create index if not exists usage_event_v${v}_session on usage_event_v${v} (workspace_id, session_id, occurred_ms);
    create index if not exists usage_event_v${v}_model on usage_event_v${v} (model, occurred_ms);
    create index if not exists usage_event_v${v}_task on usage_event_v${v} (workspace_id, task_id, occurred_ms)
      where task_id is not null;
    create index if not exists session_span_v${v}_last on session_span_v${v} (workspace_id, last_ms)
      include (agent_name, agent_id);
    ${rollups.map((rollup) => rollup.index(v)).join('\n')}
  `,
};

/** An exclusion over texts needs an extension that not every server has; the periods come from a function that never overlaps. */
function withoutOverlap(v: number): string {
  return `
    do $body$
    begin
      if not exists (select 1 from pg_available_extensions where name = 'btree_gist') then return; end if;
      create extension if not exists btree_gist;
      alter table rate_period_v${v} add constraint rate_period_v${v}_no_overlap exclude using gist (
        provider with =, model with =, service_class with =, prompt_threshold with =, valid with &&);
    exception when insufficient_privilege then
      raise notice 'the extension btree_gist may not be made here: rate periods are kept without its check';
    end
    $body$;`;
}
