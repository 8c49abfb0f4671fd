import type { Migration } from './migrations.js';
import { tableName, type Projection } from './projection.js';

/** The tables of the engine itself. "Nothing folded yet" is -1: 0 is a legal position, and null never compares. */
export const engineMigrations: readonly Migration[] = [
  {
    id: 'engine/0001-checkpoints',
    sql: `
      create table projection_checkpoint (
        projection text not null,
        version integer not null check (version >= 1),
        commit_position bigint not null default -1,
        prepare_position bigint not null default -1,
        -- events looked at up to the checkpoint: lag is counted, because positions are byte offsets
        ordinal bigint not null default 0,
        state text not null default 'live' check (state in ('building', 'live')),
        moved_at timestamptz not null default clock_timestamp(),
        created_at timestamptz not null default clock_timestamp(),
        primary key (projection, version)
      ) with (fillfactor = 50);

      -- how far the log has been read for a projection, which is ahead of what is folded
      create table projection_read (
        projection text not null,
        version integer not null,
        commit_position bigint not null,
        prepare_position bigint not null,
        ordinal bigint not null,
        primary key (projection, version)
      ) with (fillfactor = 50);

      create table projection_active (
        projection text primary key,
        version integer not null,
        switched_at timestamptz not null default clock_timestamp()
      );

      create view projection_progress as
        select a.projection, a.version, c.commit_position, c.prepare_position, c.ordinal, c.moved_at,
               r.commit_position as read_commit, r.prepare_position as read_prepare, r.ordinal as read_ordinal
          from projection_active a
          join projection_checkpoint c on c.projection = a.projection and c.version = a.version
          left join projection_read r on r.projection = a.projection and r.version = a.version;

      create table projection_lease (
        role text primary key,
        owner uuid not null,
        until timestamptz not null,
        taken_at timestamptz not null default clock_timestamp()
      ) with (fillfactor = 50);

      create table projection_dead_letter (
        id bigint generated always as identity primary key,
        projection text not null,
        version integer not null,
        commit_position bigint not null,
        prepare_position bigint not null,
        ordinal bigint not null,
        stream text not null,
        revision bigint not null,
        event_id text not null,
        event_type text not null,
        key text not null,
        -- failed: the event itself; behind: readable, but a failed event of its key lies before it
        kind text not null check (kind in ('failed', 'behind')),
        state text not null check (state in ('halted', 'parked', 'skipped', 'retry', 'discarded')),
        error_class text not null,
        message text not null,
        stack_hash text not null,
        attempts integer not null,
        first_at timestamptz not null default clock_timestamp(),
        last_at timestamptz not null default clock_timestamp(),
        unique (projection, version, commit_position, prepare_position)
      );
      create index projection_dead_letter_key on projection_dead_letter (projection, version, key);
    `,
  },
];

/** The first step of a projection: its tables, version 1 active, nothing folded. */
export function firstMigrationOf(projection: Projection, id: string): Migration {
  const { name, tables } = projection;
  const views = tables.list.map(({ view }) => `create view ${view} as select * from ${tableName(view, 1)};`).join('\n');
  return {
    id,
    sql: `
      ${tables.create(1)}
      ${tables.index(1)}
      ${views}
      insert into projection_checkpoint (projection, version) values ('${name}', 1);
      insert into projection_active (projection, version) values ('${name}', 1);
    `,
  };
}
