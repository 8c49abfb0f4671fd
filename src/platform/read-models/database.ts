import { DataSource } from 'typeorm';
import {
  closeQuietly,
  type Connect,
  isTransient,
  migrate,
  type Migration,
  type SqlReader,
} from '../../../projections/engine/index.js';
import { Refusal, unavailable } from '../http/errors.js';
import { Snapshot } from './snapshot.js';
import type { Logger } from '../telemetry/logger.js';

export interface DatabaseSettings {
  readonly url: string;
  /** Connections of this process for queries. */
  readonly poolSize: number;
  /** Longest that one query may take, ms; then it is 503, not a pile of waiting requests. */
  readonly statementTimeoutMs: number;
  readonly migrations: readonly Migration[];
}

const RETRY_MS = { first: 100, last: 2_000 };
const CONNECT_TIMEOUT_MS = 2_000;
/** The other connections of the pool are left to queries. */
const MOST_SNAPSHOTS = 3;

/**
 * The read models' PostgreSQL, through TypeORM's pool. The process starts and lives without it: a query is refused with
 * 503 until the database is there, and again whenever it is away. Migrations are run by whichever process comes first.
 */
export class Database implements SqlReader {
  private readonly dataSource: DataSource;
  private isReady = false;
  private snapshots = 0;
  private readonly stop = new AbortController();
  private starting: Promise<void> | undefined;

  constructor(
    private readonly settings: DatabaseSettings,
    private readonly connect: Connect,
    private readonly logger: Pick<Logger, 'info' | 'warn'>,
  ) {
    this.dataSource = new DataSource({
      type: 'postgres',
      url: settings.url,
      synchronize: false,
      logging: false,
      poolSize: settings.poolSize,
      applicationName: 'mission-control queries',
      connectTimeoutMS: CONNECT_TIMEOUT_MS,
      poolErrorHandler: () => {
        // An idle connection was lost; the pool opens another one when it is needed.
      },
      extra: {
        statement_timeout: settings.statementTimeoutMs,
        query_timeout: settings.statementTimeoutMs + 1_000,
        keepAlive: true,
      },
    });
  }

  /** Goes on trying until the database is there and migrated. Never rejects; call it once and do not wait for it. */
  start(): Promise<void> {
    this.starting ??= this.keepTrying();
    return this.starting;
  }

  /** True from the moment that the schema is up to date. The database may be away again since. */
  get isMigrated(): boolean {
    return this.isReady;
  }

  /** Rows of one statement. Throws a 503 refusal when the database is away or too slow; other errors are bugs. */
  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    if (!this.isReady) throw unavailable('The read model is not available yet');
    try {
      return await this.dataSource.query<Row[]>(text, [...values]);
    } catch (error) {
      if (isTransient(error)) throw unavailable('The read model is not available');
      throw error;
    }
  }

  /**
   * A connection of its own that sees one moment of the data, read-only, for answers that are too long for one
   * statement. The caller closes it. Errors: 503 when the database is away, 429 when too many are open.
   */
  async snapshot({ statementTimeoutMs }: { readonly statementTimeoutMs: number }): Promise<Snapshot> {
    if (!this.isReady) throw unavailable('The read model is not available yet');
    if (this.snapshots >= MOST_SNAPSHOTS)
      throw new Refusal(429, 'Too many exports at once', {}, { 'retry-after': '5' });
    this.snapshots += 1;
    const runner = this.dataSource.createQueryRunner();
    const snapshot = new Snapshot(runner, () => {
      this.snapshots -= 1;
    });
    try {
      await runner.query('begin isolation level repeatable read read only');
      await runner.query(`set local statement_timeout = ${statementTimeoutMs}`);
      return snapshot;
    } catch (error) {
      await snapshot.close();
      if (isTransient(error)) throw unavailable('The read model is not available');
      throw error;
    }
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.starting;
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async keepTrying(): Promise<void> {
    let wait = RETRY_MS.first;
    let isToldOf = false;
    while (!this.stop.signal.aborted) {
      try {
        await this.open();
        this.isReady = true;
        this.logger.info({}, 'the read models are available');
        return;
      } catch (error) {
        if (!isToldOf) this.logger.warn({ err: error }, 'the read models are not available yet');
        isToldOf = true;
      }
      await rest(wait, this.stop.signal);
      wait = Math.min(wait * 2, RETRY_MS.last);
    }
  }

  private async open(): Promise<void> {
    const client = await this.connect();
    try {
      const steps = await migrate(client, this.settings.migrations);
      if (steps.length > 0) this.logger.info({ steps }, 'the schema of the read models was migrated');
    } finally {
      await closeQuietly(client);
    }
    if (!this.dataSource.isInitialized) await this.dataSource.initialize();
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
