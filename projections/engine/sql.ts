import type { ClientBase } from 'pg';

/** Runs one reading statement. Errors pass through; the platform's reader maps "database away" to 503. */
export interface SqlReader {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** A statement with bound values. With a `name` the server plans it once a connection. */
export interface SqlStatement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** Statements inside the one transaction of a batch. Never commits or rolls back itself. */
export interface SqlTransaction {
  run<Row extends object>(statement: SqlStatement): Promise<Row[]>;
}

/** The port on a connection that is inside a transaction. */
export function transactionOn(client: ClientBase): SqlTransaction {
  return {
    run: async <Row extends object>({ name, text, values = [] }: SqlStatement) => {
      const statement = { text, values: [...values] };
      const { rows } = await client.query<Row>(name === undefined ? statement : { ...statement, name });
      return rows;
    },
  };
}

/** SQLSTATE of an error of the server, if it is one. */
export function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}

/**
 * SQLSTATE classes and codes that say "not now" rather than "not this": connection lost (08), resources (53), operator
 * intervention (57), serialisation and deadlock (40), lock timeout (55P03), read-only after a fail-over (25006).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const TRANSIENT = /^(?:08...|53...|57...|40...|55P03|25006)$/;

/** Node's network errors, and the two messages of the driver that carry no code. */
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);
const DRIVER_MESSAGE =
  /connection terminated|connection ended|connection error|not queryable|was closed|timeout (?:expired|exceeded)|read timeout/i;

/** True when the database, not the statement, is the trouble: repeating later may help and is always safe here. */
export function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return TRANSIENT.test(state);
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string' && NETWORK_CODES.has(error.code)) return true;
  if (error instanceof AggregateError) return error.errors.some(isTransient);
  return DRIVER_MESSAGE.test(error.message);
}
