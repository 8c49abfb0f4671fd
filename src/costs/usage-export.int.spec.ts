import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { allMigrations } from '../../projections/all.migrations.js';
import { costProjection } from '../../projections/cost/cost.projection.js';
import { randomUsage } from '../../projections/cost/testing/random-usage.js';
import { connector } from '../../projections/engine/index.js';
import { deliver } from '../../projections/engine/testing/given.js';
import { logOf } from '../../projections/engine/testing/log-of.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { eventually } from '../../test/support/eventually.js';
import { Refusal } from '../platform/http/errors.js';
import { Database } from '../platform/read-models/database.js';
import { UsageExport } from './usage-export.js';

const scope = { workspaceId: 1, range: {} };

describe('exports of usage', () => {
  let database: TestDatabase;
  let processes: readonly Database[];
  beforeAll(async () => {
    database = await testDatabase();
    processes = [1, 2].map(
      () =>
        new Database(
          { url: database.url, poolSize: 4, statementTimeoutMs: 5_000, migrations: allMigrations },
          connector(database.url, 'test'),
          { info: () => {}, warn: () => {} },
        ),
    );
    await Promise.all(processes.map((one) => one.start()));
    await deliver(database.url, costProjection(), 1, logOf(randomUsage(5, { reports: 400 })));
  });
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.close()));
    await database.drop();
  });

  const exports = (process: number, rateLimit = true) => {
    const one = processes[process];
    if (one === undefined) throw new Error('there is no such process');
    return new UsageExport(one, { rateLimit });
  };
  const options = (credentialId: string) => ({ credentialId, raw: false });

  /** An export as soon as there is a slot for it. */
  const freed = (process: number, credentialId: string, stalledAfterMs?: number) =>
    eventually('a free slot', () =>
      exports(process)
        .stream(scope, 'csv', { ...options(credentialId), ...(stalledAfterMs && { stalledAfterMs }) })
        .catch((error: unknown) => {
          if (error instanceof Refusal && error.status === 429) return undefined;
          throw error;
        }),
    );

  it('are two at once for a credential, over all processes, and others do not count', async () => {
    const first = await exports(0).stream(scope, 'csv', options('a'));
    const second = await exports(1).stream(scope, 'ndjson', options('a'));
    const third = exports(1).stream(scope, 'csv', options('a'));
    await expect(third).rejects.toMatchObject(
      new Refusal(429, 'Too many requests for this resource. Please try again later.', {}, { 'retry-after': '5' }),
    );
    const other = await exports(1).stream(scope, 'csv', options('b'));
    expect((await text(other)).split('\r\n').length).toBeGreaterThan(100);

    await text(first);
    (await freed(0, 'a')).destroy();
    second.destroy();
  });

  it('are not counted where limits are switched off', async () => {
    const open = [];
    for (let n = 0; n < 3; n += 1) open.push(await exports(0, false).stream(scope, 'csv', options('c')));
    for (const stream of open) stream.destroy();
  });

  it('end when nobody reads on, and give back what they held', async () => {
    const stalled = await freed(0, 'd', 50);
    stalled.read(1);
    const [error] = (await once(stalled, 'error')) as [Error];
    expect(error.message).toMatch('stalled');
    for (const stream of [await freed(0, 'd'), await freed(1, 'd')]) stream.destroy();
  });
});
