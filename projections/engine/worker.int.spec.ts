import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { assert, asyncProperty, integer } from 'fast-check';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { agentStatus } from '../agent-status/agent-status.projection.js';
import { allProjections } from '../all.projections.js';
import { tokenUsage } from '../token-usage/token-usage.projection.js';
import { connector, withClient } from './database.js';
import { dumpTables } from './dump.js';
import type { Projection } from './projection.js';
import { deliver } from './testing/given.js';
import { logOf } from './testing/log-of.js';
import { randomHistory } from './testing/random-history.js';
import { resetProjections } from './testing/reset.js';

describe('folding a log', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase();
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const connect = () => connector(database.url, 'test')();
  const dump = (projection: Projection) => withClient(connect, (client) => dumpTables(client, projection, 1));

  async function dumpsAfter(batch: number, seed: number): Promise<readonly string[]> {
    await resetProjections(database.url);
    const log = logOf(randomHistory(seed, 1_500));
    for (const projection of allProjections) await deliver(database.url, projection, 1, log, { batch });
    return Promise.all(allProjections.map(dump));
  }

  it('gives the same bytes however the log is cut into batches', async () => {
    const expected = await dumpsAfter(1_000, 7);
    expect(expected.join('\n').split('\n').length).toBeGreaterThan(300);
    for (const batch of [7, 5_000]) expect(await dumpsAfter(batch, 7)).toEqual(expected);
    const short = logOf(randomHistory(11, 300));
    const dumps: string[][] = [];
    for (const batch of [1, 5_000]) {
      await resetProjections(database.url);
      for (const projection of allProjections) await deliver(database.url, projection, 1, short, { batch });
      dumps.push(await Promise.all(allProjections.map(dump)));
    }
    expect(dumps[0]).toEqual(dumps[1]);
  });

  it('does not depend on raw beats where the rows are compared', async () => {
    const log = logOf(randomHistory(3, 1_000));
    await deliver(database.url, agentStatus, 1, log);
    const withBeats = await dump(agentStatus);
    await resetProjections(database.url);
    await deliver(
      database.url,
      agentStatus,
      1,
      log.filter((event) => event.type !== 'HeartbeatReceived'),
    );
    expect(await dump(agentStatus)).toBe(withBeats);
  });

  it('counts once when two workers fold the same projection at the same time', async () => {
    const log = logOf(randomHistory(5, 1_000));
    const ends = await Promise.all([
      deliver(database.url, tokenUsage, 1, log, { batch: 7 }),
      deliver(database.url, tokenUsage, 1, log, { batch: 13 }),
    ]);
    expect(ends).toContain('fenced');
    await deliver(database.url, tokenUsage, 1, log);
    const raced = await dump(tokenUsage);

    await resetProjections(database.url);
    await deliver(database.url, tokenUsage, 1, log);
    expect(await dump(tokenUsage)).toBe(raced);
  });

  it.each(['before-commit', 'after-commit'] as const)('counts once when the connection is cut at %s', async (cutAt) => {
    const log = logOf(randomHistory(9, 200));
    await deliver(database.url, tokenUsage, 1, log);
    const expected = await dump(tokenUsage);

    await assert(
      asyncProperty(integer({ min: 2, max: 30 }), async (nth) => {
        await resetProjections(database.url);
        let passed = 0;
        const failpoint = async (name: string): Promise<void> => {
          if (name !== cutAt) return;
          passed += 1;
          if (passed % nth !== 0 || passed > 90) return;
          await cutConnections(database.url);
          throw Object.assign(new Error('the connection was cut'), { code: 'ECONNRESET' });
        };
        await deliver(database.url, tokenUsage, 1, log, { batch: 9, failpoint });
        expect(await dump(tokenUsage)).toBe(expected);
      }),
      { numRuns: 2 },
    );
  });
});

function cutConnections(databaseUrl: string): Promise<unknown> {
  return withClient(connector(databaseUrl, 'knife'), (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`,
    ),
  );
}
