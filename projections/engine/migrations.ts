import type { ClientBase } from 'pg';

/** One step of the schema, written by hand. Once released it never changes; a later step corrects it. */
export interface Migration {
  /** `<owner>/<number>-<what>`; unique, and the order of the list is the order of the steps. */
  readonly id: string;
  readonly sql: string;
}

/** Arbitrary, but the same in every process of every release: guards the schema against two migrators. */
const MIGRATION_LOCK = 7_260_114_402;

/**
 * Brings the schema up to date: each missing step in a transaction of its own, all under one advisory lock, so that any
 * number of processes may start at once. Repeating is safe. Returns the ids of the steps that it took.
 */
export async function migrate(client: ClientBase, migrations: readonly Migration[]): Promise<readonly string[]> {
  await client.query('select pg_advisory_lock($1::bigint)', [MIGRATION_LOCK]);
  try {
    await client.query(
      `create table if not exists schema_migration (
         id text primary key,
         applied_at timestamptz not null default clock_timestamp()
       )`,
    );
    const { rows } = await client.query<{ id: string }>('select id from schema_migration');
    const applied = new Set(rows.map((row) => row.id));
    const taken: string[] = [];
    for (const migration of migrations) {
      if (applied.has(migration.id)) continue;
      await apply(client, migration);
      taken.push(migration.id);
    }
    return taken;
  } finally {
    await client.query('select pg_advisory_unlock($1::bigint)', [MIGRATION_LOCK]);
  }
}

async function apply(client: ClientBase, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(migration.sql);
    await client.query('insert into schema_migration (id) values ($1)', [migration.id]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw new Error(`migration ${migration.id} failed`, { cause: error });
  }
}
