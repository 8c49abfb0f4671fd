import { Client } from 'pg';
import { superuser } from './cluster.js';

export interface Connection {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** One short-lived connection; `database` defaults to the maintenance database that every cluster has. */
async function connected<T>(
  connection: Connection,
  work: (client: Client) => Promise<T>,
  database = 'postgres',
): Promise<T> {
  const client = new Client({ ...connection, host: '127.0.0.1', database, connectionTimeoutMillis: 3_000 });
  client.on('error', () => undefined); // the server may end while we are connected: the query rejects as well
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Whether the server on that port is ours and takes connections: SCRAM proves both sides, so a stranger on the port
 * cannot pass.
 */
export async function answers(connection: Connection): Promise<boolean> {
  try {
    await connected(connection, (client) => client.query('select 1'));
    return true;
  } catch {
    return false;
  }
}

/** Creates the application's database when it is missing. */
export async function ensureDatabase(connection: Connection): Promise<void> {
  await connected(connection, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [superuser]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(superuser)} template template0`);
  });
}

export function connectionUrl({ user, password, port }: Connection): string {
  return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${superuser}`;
}
