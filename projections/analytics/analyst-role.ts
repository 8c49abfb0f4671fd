import { type ClientBase, escapeIdentifier, escapeLiteral } from 'pg';

export interface AnalystRole {
  readonly name: string;
  readonly password: string;
}

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * Makes a role that may read the schema `analytics` and nothing else, or gives the one that there is this password.
 * Errors: a bad name; 42501 where the user of the connection may not create roles, with nothing done.
 */
export async function grantAnalyst(client: ClientBase, role: AnalystRole): Promise<void> {
  const sql = await analystSql(client, role);
  await client.query('begin');
  try {
    await client.query(sql);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** What {@link grantAnalyst} runs, for whoever may. What everybody may do in the schema of the tables is taken away. */
export async function analystSql(client: ClientBase, { name, password }: AnalystRole): Promise<string> {
  if (!NAME.test(name)) throw new Error('a role is named by 1 to 63 small letters, digits and underscores');
  const { rows } = await client.query<{ database: string; tables: string; owner: string }>(
    'select current_database() as database, current_schema() as tables, current_user as owner',
  );
  const [place] = rows;
  if (place === undefined) throw new Error('the database does not say its name');
  const database = escapeIdentifier(place.database);
  const tables = escapeIdentifier(place.tables);
  const owner = escapeIdentifier(place.owner);
  return `
do $role$ begin
  if not exists (select 1 from pg_roles where rolname = ${escapeLiteral(name)}) then create role ${name}; end if;
end $role$;
alter role ${name} with login nosuperuser nocreatedb nocreaterole noreplication connection limit 20
  password ${escapeLiteral(password)};
alter role ${name} set default_transaction_read_only = on;
alter role ${name} set statement_timeout = '30s';
alter role ${name} set search_path = analytics;
grant all on schema ${tables} to ${owner};
revoke all on schema ${tables} from public;
revoke temporary on database ${database} from public;
grant connect on database ${database} to ${name};
grant usage on schema analytics to ${name};
grant select on all tables in schema analytics to ${name};
alter default privileges for role ${owner} in schema analytics grant select on tables to ${name};
${withoutSideEffects(owner)}`;
}

/**
 * Whether the role can still do what no schema keeps it from: take the locks that the system works with, write large
 * objects. Only who owns the functions, a superuser as a rule, may take that away.
 */
export async function hasSideEffects(client: ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    `select coalesce(bool_or(has_function_privilege($1, p.oid, 'execute')), false) as may
       from pg_proc p where ${SIDE_EFFECTS}`,
    [name],
  );
  return rows[0]?.may ?? true;
}

const SIDE_EFFECTS = `p.pronamespace = 'pg_catalog'::regnamespace
  and (p.proname like '%advisory%' or p.proname = 'pg_logical_emit_message'
       or p.proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite'))`;

function withoutSideEffects(owner: string): string {
  return `do $functions$ declare each regprocedure; begin
  for each in select p.oid::regprocedure from pg_proc p where ${SIDE_EFFECTS} loop
    execute 'grant execute on function ' || each || ' to ${owner.replaceAll("'", "''")}';
    execute 'revoke execute on function ' || each || ' from public';
  end loop;
exception when insufficient_privilege then
  raise notice 'only a superuser can keep the role from advisory locks and large objects';
end $functions$;
`;
}
