import { Client } from 'pg';

/** Opens a connection of its own. Rejects when the database is away. */
export type Connect = () => Promise<Client>;

/** How long one statement of the engine may take, ms: a hung server must not look like a busy one for ever. */
const STATEMENT_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** Connections for the engine: named, with bounded waits, and never an unhandled `error` event. */
export function connector(databaseUrl: string, name: string): Connect {
  return async () => {
    const client = new Client({
      connectionString: databaseUrl,
      application_name: `mission-control ${name}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS + 5_000,
      keepAlive: true,
    });
    // A lost connection rejects the statement in hand; without a listener it would also end the process.
    client.on('error', () => {});
    await client.connect();
    return client;
  };
}

/**
 * Connections whose commits do not wait for the disk. After a crash of the server the last ones may be missing, whole and
 * from the end: right for rows and checkpoint that go together and are folded from the log again, and for nothing else.
 */
export function unflushed(connect: Connect): Connect {
  return async () => {
    const client = await connect();
    try {
      await client.query('set synchronous_commit = off');
      return client;
    } catch (error) {
      await closeQuietly(client);
      throw error;
    }
  };
}

/** Ends a connection that may be gone already. */
export async function closeQuietly(client: Client | undefined): Promise<void> {
  await client?.end().catch(() => undefined);
}

/** Runs `work` on a connection that is closed afterwards. */
export async function withClient<T>(connect: Connect, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect();
  try {
    return await work(client);
  } finally {
    await closeQuietly(client);
  }
}

/** Runs `work` between `begin` and `commit`; any error rolls back and passes on. */
export async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
