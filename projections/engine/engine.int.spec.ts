import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { SystemClock } from '../../src/platform/clock/clock.js';
import { PostgresReadModelProgress } from '../../src/platform/read-models/postgres-progress.js';
import { eventually } from '../../test/support/eventually.js';
import { sample } from '../../test/support/sample-events.js';
import { storeAndDatabase, type StoreAndDatabase } from '../../test/support/store-and-database.js';
import { allProjections } from '../all.projections.js';
import { agentStatus } from '../agent-status/agent-status.projection.js';
import { tokenUsage } from '../token-usage/token-usage.projection.js';
import { connector, withClient } from './database.js';
import { dumpTables } from './dump.js';
import { ProjectionEngine, type EngineOptions } from './engine.js';
import { quietLogger } from './logger.js';
import { rebuild } from './rebuild.js';
import { dropVersion, switchTo } from './switch.js';
import { resetProjections } from './testing/reset.js';

describe('the projector over a real log', () => {
  let parts: StoreAndDatabase;
  let engines: ProjectionEngine[] = [];
  let progress: PostgresReadModelProgress;

  beforeAll(async () => {
    parts = await storeAndDatabase();
  });
  beforeEach(async () => {
    await resetProjections(parts.databaseUrl);
    progress = new PostgresReadModelProgress(connector(parts.databaseUrl, 'test'), parts.store, { warn: () => {} });
    progress.start();
  });
  afterEach(async () => {
    await progress.stop();
    await Promise.all(engines.map((engine) => engine.stop()));
    engines = [];
  });
  afterAll(() => parts.close());

  function start(options: Partial<EngineOptions> = {}): ProjectionEngine {
    const engine = new ProjectionEngine({
      store: parts.store,
      connect: connector(parts.databaseUrl, 'test'),
      projections: allProjections,
      logger: quietLogger,
      registry: new Registry(),
      clock: new SystemClock(),
      leaseTimes: { ttlMs: 3_000, renewEveryMs: 100 },
      ...options,
    });
    engine.start();
    engines.push(engine);
    return engine;
  }

  async function untilFolded(): Promise<void> {
    const head = await parts.store.head();
    if (head === undefined) throw new Error('the log is empty');
    await eventually('the progress of all projections', () =>
      progress.waitFor(['agent-status', 'liveness', 'token-usage', 'tasks'], head, 200),
    );
  }

  const count = (table: string) =>
    withClient(connector(parts.databaseUrl, 'test'), async (client) => {
      const { rows } = await client.query<{ n: string }>(`select count(*) as n from ${table}`);
      return Number(rows[0]?.n);
    });

  const sql = (text: string) =>
    withClient(connector(parts.databaseUrl, 'test'), async (client) => {
      await client.query(text);
    });
  const cutConnections = () =>
    sql(`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()`);

  it('folds what is there and what comes, and wakes whoever waits for a position', async () => {
    await parts.write([sample.agentRegistered(1), ...reports(20)]);
    start();
    await untilFolded();
    expect([await count('agents'), await count('token_usage')]).toEqual([1, 20]);

    const { position } = await parts.store.append('usage-3', [sample.tokensReported(1).event], 'any');
    expect(await progress.waitFor(['token-usage'], position, 5_000)).toBe(true);
    expect(await count('token_usage')).toBe(21);
    await eventually('a measured lag of nothing, for the projection that had nothing to fold too', async () => {
      const now = await progress.consistencyOf(['token-usage', 'agent-status']);
      return now.lagEvents === 0n && now.lagSeconds === 0 && now.position.commit >= position.commit;
    });
  });

  it('lets one of two processes fold, and the other take over', async () => {
    await parts.write(reports(10));
    const first = start();
    await eventually('a leader', () => first.status().isLeader);
    const second = start();
    await untilFolded();
    expect(second.status().isLeader).toBe(false);

    await first.stop();
    await eventually('the second one leads', () => second.status().isLeader);
    await parts.write(reports(10));
    await untilFolded();
    expect(await count('token_usage')).toBe(await count('(select distinct id from token_usage) u'));
  });

  it('stops when the connection of the lease is cut, and starts again', async () => {
    const engine = start();
    await untilFolded();
    await cutConnections();
    await eventually('the lease was let go', () => !engine.status().isLeader);
    await parts.write(reports(10));
    await untilFolded();
    expect(engine.status().isLeader).toBe(true);
  });

  it('folds again what a database has lost that comes back without its last commits', async () => {
    start();
    await parts.write(reports(10));
    await untilFolded();
    await sql(`create table earlier as select * from token_usage_v1;
               create table earlier_checkpoint as select * from projection_checkpoint`);
    await parts.write(reports(10));
    await untilFolded();
    const all = await count('token_usage');
    await sql(`delete from token_usage_v1;
               insert into token_usage_v1 select * from earlier;
               update projection_checkpoint c
                  set commit_position = e.commit_position, prepare_position = e.prepare_position, ordinal = e.ordinal
                 from earlier_checkpoint e
                where c.projection = 'token-usage' and e.projection = c.projection and e.version = c.version`);
    expect(await count('token_usage')).toBe(all - 10);
    await cutConnections();
    await eventually('what was lost is there', async () => (await count('token_usage')) === all);
  });

  it('makes the indexes of a rebuild, however much longer they take than a statement may', async () => {
    const impatient = async () => {
      const client = await connector(parts.databaseUrl, 'test')();
      await client.query('set statement_timeout = 300');
      return client;
    };
    const slow = { ...tokenUsage, tables: { ...tokenUsage.tables, index: () => 'select pg_sleep(0.5)' } };
    const options = { store: parts.store, connect: impatient, logger: quietLogger, registry: new Registry() };
    expect(await rebuild({ ...options, versions: [{ projection: slow, version: 2 }] })).toBe(true);
  });

  it('lets a rebuild that an event stops bring the others to their end, and go on from there', async () => {
    const connect = connector(parts.databaseUrl, 'test');
    await parts.write(reports(50));
    let isBroken = true;
    const broken = {
      ...agentStatus,
      handles: tokenUsage.handles,
      fold: () => {
        if (isBroken) throw new Error('a fault of the fold');
        return { wakesBackground: false, write: () => Promise.resolve() };
      },
    };
    const versions = [broken, tokenUsage].map((projection) => ({ projection, version: 2 }));
    const options = { store: parts.store, connect, versions, logger: quietLogger, registry: new Registry() };
    await expect(rebuild(options)).rejects.toThrow('agent-status v2: TokenUsageReported');
    const rows = await count('token_usage_v2');
    expect(rows).toBeGreaterThanOrEqual(50);

    isBroken = false;
    expect(await rebuild(options)).toBe(true);
    expect(await count('token_usage_v2')).toBe(rows);
  });

  it('rebuilds beside the live version, switches, switches back, and drops only on command', async () => {
    const connect = connector(parts.databaseUrl, 'test');
    start();
    await parts.write(reports(50));
    await untilFolded();
    const common = {
      store: parts.store,
      connect,
      versions: [{ projection: tokenUsage, version: 2 }],
      logger: quietLogger,
      registry: new Registry(),
    };

    const stop = AbortSignal.abort();
    expect(await rebuild({ ...common, batchSize: 7, signal: stop })).toBe(false);
    expect(await rebuild({ ...common, batchSize: 7 })).toBe(true);
    const dumps = await withClient(connect, async (client) => [
      await dumpTables(client, tokenUsage, 1),
      await dumpTables(client, tokenUsage, 2),
    ]);
    expect(dumps[1]).toEqual(dumps[0]);

    expect(await switchTo(connect, tokenUsage, 2)).toBe(true);
    await parts.write(reports(5));
    await untilFolded();
    expect(await count('token_usage')).toBe(await count('token_usage_v2'));
    await eventually(
      'both versions are fed',
      async () => (await count('token_usage_v1')) === (await count('token_usage_v2')),
    );

    await eventually('version 1 has caught up and is active again', () => switchTo(connect, tokenUsage, 1));
    await dropVersion(connect, tokenUsage, 2);
    await parts.write(reports(5));
    await untilFolded();
    expect(await count('token_usage')).toBe(await count('token_usage_v1'));
    await expect(dropVersion(connect, tokenUsage, 1)).rejects.toThrow('active');
  });
});

const reports = (howMany: number) => Array.from({ length: howMany }, () => sample.tokensReported(1));
