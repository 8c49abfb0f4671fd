import { connector, withClient } from '../database.js';
import type { SqlReader } from '../sql.js';

/** A reader for query tests: a connection a statement. */
export function readerOn(databaseUrl: string): SqlReader {
  return {
    query: <Row extends object>(text: string, values: readonly unknown[] = []) =>
      withClient(connector(databaseUrl, 'test'), async (client) => (await client.query<Row>(text, [...values])).rows),
  };
}
