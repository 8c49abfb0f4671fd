import type { ClientBase } from 'pg';
import { type Projection, tableName } from './projection.js';

/**
 * The tables of one version as text, one line a row, in key order, without volatile columns: equal states give equal
 * bytes. For comparing a rebuild with what ran live; reads everything into memory.
 */
export async function dumpTables(client: ClientBase, projection: Projection, version: number): Promise<string> {
  const parts: string[] = [];
  for (const { view, key, volatile = [] } of projection.tables.list) {
    if (volatile === 'all') continue;
    const columns = await columnsOf(client, tableName(view, version));
    const kept = columns.filter((column) => !volatile.includes(column));
    // "C": byte order, whatever the collation of the database.
    const order = key.map((column) => `${column}::text collate "C"`).join(', ');
    const { rows } = await client.query<{ line: string }>(
      `select row(${kept.join(', ')})::text as line from ${tableName(view, version)} order by ${order}`,
    );
    parts.push(`# ${view} (${kept.join(', ')})`, ...rows.map((row) => row.line));
  }
  return parts.join('\n');
}

async function columnsOf(client: ClientBase, table: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ attname: string }>(
    `select attname from pg_attribute
      where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table],
  );
  return rows.map((row) => row.attname);
}
