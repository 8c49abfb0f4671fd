import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { connector, withClient } from '../engine/database.js';
import { given } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { tokenUsage } from './token-usage.projection.js';
import { TokenUsageQueries } from './token-usage.queries.js';
import { claimsOnly } from './token-usage.tables.js';

describe('the ledger of claims', () => {
  let database: TestDatabase;
  let queries: TokenUsageQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new TokenUsageQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  it.each([{ batch: 1 }, { batch: 2 }, { batch: 1_000 }])(
    'keeps one row a report, with its last correction, $batch events at a time',
    async ({ batch }) => {
      const events = logOf([
        about('a', 'TokenUsageReported'),
        about('b', 'TokenUsageReported'),
        about('a', 'TokenUsageReported'),
        about('a', 'TokenUsageCorrected'),
        about('b', 'TokenUsageVoided'),
        about('a', 'TokenUsageCorrected'),
      ]);
      const rows = await given(database.url, tokenUsage)
        .when(events, { times: 2, batch })
        .rows('token_usage', 'id, revision, latest_revision');
      expect(rows).toEqual(
        [
          { id: idOf('a'), revision: '0', latest_revision: '5' },
          { id: idOf('b'), revision: '1', latest_revision: '4' },
        ].sort((x, y) => (x.id < y.id ? -1 : 1)),
      );
    },
  );

  it('tells which ids are claimed, and up to where it knows', async () => {
    expect(await queries.claims([idOf('a')])).toEqual({ checkpoint: { commit: -1n, prepare: -1n }, claims: [] });
    await given(database.url, tokenUsage)
      .when(logOf([about('a', 'TokenUsageReported'), about('b', 'TokenUsageReported')]))
      .deliver();
    expect(await queries.claims([idOf('b'), idOf('unknown')])).toEqual({
      checkpoint: { commit: 37n, prepare: 37n },
      claims: [{ id: idOf('b'), contentDigest: 'digest', shard: 3, revision: 1n, latestRevision: 1n }],
    });
    expect((await queries.claims([idOf('unknown')])).checkpoint.commit).toBe(37n);
  });

  it('is cut down to the claims where it held sums before, in every version', async () => {
    await given(database.url, tokenUsage)
      .when(logOf([about('a', 'TokenUsageReported')]))
      .deliver();
    await withClient(connector(database.url, 'test'), async (client) => {
      await client.query(`
        drop view token_usage;
        alter table token_usage_v1 drop column latest_revision, add column model text;
        create view token_usage as select * from token_usage_v1;
        create table token_totals_by_day_v1 (day date);
        create view token_totals_by_day as select * from token_totals_by_day_v1`);
      await client.query(claimsOnly);
      await client.query(claimsOnly);
    });
    expect((await queries.claims([idOf('a')])).claims).toEqual([
      { id: idOf('a'), contentDigest: 'digest', shard: 3, revision: 0n, latestRevision: 0n },
    ]);
  });
});

function about(name: string, type: string): Written {
  return { stream: 'usage-3', type, data: { id: idOf(name), contentDigest: 'digest' } };
}
