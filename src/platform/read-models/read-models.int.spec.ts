import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { allMigrations } from '../../../projections/all.migrations.js';
import { moveCheckpoint, readCheckpoint } from '../../../projections/engine/checkpoint.js';
import { connector, withClient } from '../../../projections/engine/index.js';
import { eventually } from '../../../test/support/eventually.js';
import { testDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { Refusal } from '../http/errors.js';
import { Database } from './database.js';
import { PostgresReadModelProgress } from './postgres-progress.js';

const quiet = { info: () => {}, warn: () => {} };
const position = (place: number) => ({ commit: BigInt(place), prepare: BigInt(place) });

describe('the read models of a process', () => {
  let database: TestDatabase;
  let line: Line;
  let sql: Database;
  let progress: PostgresReadModelProgress;
  let head = position(0);

  beforeEach(async () => {
    database = await testDatabase();
    line = await Line.to(database.url);
    const connect = connector(line.url, 'test');
    sql = new Database(
      { url: line.url, poolSize: 2, statementTimeoutMs: 300, migrations: allMigrations },
      connect,
      quiet,
    );
    const store = { recentPositions: () => Promise.resolve([head]) };
    progress = new PostgresReadModelProgress(connect, store, quiet);
  });
  afterEach(async () => {
    await progress.stop();
    await sql.close();
    await line.close();
    await database.drop();
  });

  const move = (place: number) =>
    withClient(connector(database.url, 'test'), async (client) => {
      const from = await readCheckpoint(client, 'token-usage', 1);
      if (from === undefined) throw new Error('there is no checkpoint');
      await moveCheckpoint(client, 'token-usage', 1, from, { position: position(place), ordinal: from.ordinal + 1 });
    });
  const statusOf = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'answered',
      (error: unknown) => (error instanceof Refusal ? error.status : error),
    );

  it('start while the database is away, refuse with 503, and recover by themselves', async () => {
    line.cut();
    void sql.start();
    progress.start();
    expect(await statusOf(sql.query('select 1'))).toBe(503);
    expect(await progress.waitFor(['token-usage'], position(1), 50)).toBe(false);

    line.mend();
    await eventually('the migrated database', () => sql.isMigrated);
    expect(await sql.query('select 1 as one')).toEqual([{ one: 1 }]);

    line.cut();
    expect(await statusOf(sql.query('select 1'))).toBe(503);
    line.mend();
    await eventually('an answer', async () => (await statusOf(sql.query('select 1'))) === 'answered');
  });

  it('give up a query that takes too long with 503, and pass on what is our own mistake', async () => {
    await sql.start();
    expect(await statusOf(sql.query('select pg_sleep(5)'))).toBe(503);
    await expect(sql.query('select nonsense')).rejects.toThrow('nonsense');
  });

  it('wake a waiter when the checkpoint passes its position, and only then', async () => {
    await sql.start();
    progress.start();
    const early = progress.waitFor(['token-usage'], position(5), 10_000);
    const late = progress.waitFor(['token-usage', 'agent-status'], position(5), 300);
    await move(4);
    await move(5);
    expect(await early).toBe(true);
    expect(await late).toBe(false);
  });

  it('find what a lost notification would have told, after the listener was cut off', async () => {
    await sql.start();
    progress.start();
    await eventually('a first look', () => statusOf(progress.waitFor(['token-usage'], position(-1), 50)));
    line.cut();
    const waiting = progress.waitFor(['token-usage'], position(7), 20_000);
    await move(7);
    line.mend();
    expect(await waiting).toBe(true);
  });

  it('know that a database is back where it was, when it comes back without its last commits', async () => {
    await sql.start();
    await move(7);
    progress.start();
    expect(await progress.waitFor(['token-usage'], position(7), 10_000)).toBe(true);
    line.cut();
    await move(4);
    line.mend();
    await eventually('the place of now', async () => {
      const now = await progress.consistencyOf(['token-usage']);
      return now.position.commit === 4n;
    });
    expect(await progress.waitFor(['token-usage'], position(5), 50)).toBe(false);
  });

  it('measure the lag against the head of the store, which a dead projector cannot hide', async () => {
    await sql.start();
    progress.start();
    head = position(9);
    await eventually('a lag', async () => {
      const now = await progress.consistencyOf(['token-usage']).catch(() => undefined);
      return now !== undefined && now.lagEvents >= 1n && now.lagSeconds > 0;
    });
    await move(9);
    await progress.waitFor(['token-usage'], position(9));
    expect(await progress.consistencyOf(['token-usage'])).toEqual({
      position: position(9),
      lagEvents: 0n,
      lagSeconds: 0,
    });
  });
});

/** A telephone line to the database that a test can cut and mend. */
class Line {
  private readonly sockets = new Set<Socket>();
  private isCut = false;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async to(databaseUrl: string): Promise<Line> {
    const target = new URL(databaseUrl);
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the line has no port');
    const url = new URL(databaseUrl);
    url.hostname = '127.0.0.1';
    url.port = String(address.port);
    const line = new Line(server, url.href);
    server.on('connection', (near) => {
      if (line.isCut) {
        near.destroy();
        return;
      }
      const far = dial(Number(target.port || 5432), target.hostname);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        line.sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          line.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    return line;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }
}
