import { Pool } from 'pg';
import type { Principal } from '../../platform/auth/principal.js';

/** What a ticket stands for. */
export interface TicketGrant {
  readonly principal: Principal;
  /** The query parameters that it was asked for with. */
  readonly query: Readonly<Record<string, string>>;
}

/** The same in every process: guards the making of the table. */
const SCHEMA_LOCK = 7_260_114_403;

const SCHEMA = `
  create table if not exists event_ticket (
    digest bytea primary key,
    grant_document jsonb not null,
    expires_at timestamptz not null
  )`;

/** `interval` after an issue in which late tickets are still there to be told from unknown ones by an operator. */
const KEPT_AFTER = '1 minute';

/**
 * The operational table of tickets: no fact, no projection; losing it costs the tickets of half a minute. Time is the
 * database's, so that all replicas agree. Errors of the database pass through.
 */
export class TicketTable {
  readonly #pool: Pool;
  #schema: Promise<void> | undefined;

  constructor(databaseUrl: string) {
    this.#pool = new Pool({
      connectionString: databaseUrl,
      max: 2,
      connectionTimeoutMillis: 2_000,
      query_timeout: 2_000,
      allowExitOnIdle: true,
    });
    // An idle connection that breaks is replaced by the next query; without a listener it would end the process.
    this.#pool.on('error', () => {});
  }

  /** Returns when the ticket ends, ms since 1970. */
  async add(digest: Buffer, grant: TicketGrant, validSeconds: number): Promise<number> {
    await this.#ready();
    const { rows } = await this.#pool.query<{ expires_ms: string }>(
      `with late as (
         delete from event_ticket where expires_at < clock_timestamp() - interval '${KEPT_AFTER}'
       )
       insert into event_ticket (digest, grant_document, expires_at)
       values ($1, $2, clock_timestamp() + make_interval(secs => $3))
       returning floor(extract(epoch from expires_at) * 1000)::bigint as expires_ms`,
      [digest, JSON.stringify(grant), validSeconds],
    );
    return Number(rows[0]?.expires_ms);
  }

  /** Takes the ticket away: of any number of callers, over all replicas, one gets the grant. Undefined: unknown or late. */
  async spend(digests: readonly Buffer[]): Promise<TicketGrant | undefined> {
    await this.#ready();
    const { rows } = await this.#pool.query<{ grant_document: unknown; in_time: boolean }>(
      `delete from event_ticket
       where digest = any($1::bytea[])
       returning grant_document, expires_at > clock_timestamp() as in_time`,
      [digests],
    );
    const [row] = rows;
    return row?.in_time === true ? revived(row.grant_document as TicketGrant) : undefined;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #ready(): Promise<void> {
    this.#schema ??= this.#makeTable().catch((error: unknown) => {
      this.#schema = undefined;
      throw error;
    });
    return this.#schema;
  }

  async #makeTable(): Promise<void> {
    const client = await this.#pool.connect();
    try {
      // "if not exists" alone fails when two replicas start at the same moment.
      await client.query('begin');
      await client.query('select pg_advisory_xact_lock($1::bigint)', [SCHEMA_LOCK]);
      await client.query(SCHEMA);
      await client.query('commit');
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}

function revived({ principal, query }: TicketGrant): TicketGrant {
  const { expiresAt, ...rest } = principal;
  return { principal: expiresAt === undefined ? rest : { ...rest, expiresAt: new Date(expiresAt) }, query };
}
