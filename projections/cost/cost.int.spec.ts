import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { connector, withClient } from '../engine/database.js';
import { dumpTables } from '../engine/dump.js';
import { deliver, type Delivery } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { resetProjections } from '../engine/testing/reset.js';
import { costProjection } from './cost.projection.js';
import { exactFold } from './testing/exact-fold.js';
import { randomOf, randomUsage, shuffledUsage } from './testing/random-usage.js';
import { sumsInTables } from './testing/sums-in-tables.js';

const ZONES = ['UTC', 'Asia/Kolkata', 'America/New_York', 'Europe/Berlin', 'America/St_Johns', 'America/Havana'];

describe('the books of cost', () => {
  const cost = costProjection(ZONES);
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase();
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const fold = (events: readonly Written[], delivery: Delivery = {}) =>
    deliver(database.url, cost, 1, logOf(events), delivery);
  const sums = () => sumsInTables(database.url, ZONES);
  const dump = () => withClient(connector(database.url, 'test'), (client) => dumpTables(client, cost, 1));

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'hold every sum to the last decimal, $batch events at a time',
    async ({ batch }) => {
      const events = randomUsage(batch, { reports: 120, revisions: 4 });
      await fold(events, { batch });
      const expected = exactFold(events, ZONES);
      expect(expected.get('all')).toMatch(/^\d+ [1-9]\d* .* \d{6,}\.\d*[1-9]\d*$/);
      expect(await sums()).toEqual(expected);
    },
  );

  it('come out the same however the log is cut, and whatever was priced anew on the way', async () => {
    const events = randomUsage(5, { reports: 80, revisions: 5 });
    const dumps: string[] = [];
    for (const batch of [1, 13, 1_000]) {
      await resetProjections(database.url);
      await fold(events, { batch });
      dumps.push(await dump());
    }
    expect(dumps[1]).toBe(dumps[0]);
    expect(dumps[2]).toBe(dumps[0]);
  });

  it.each([1, 2, 3])('come to the same sums in any order of arrival, copies included (%d)', async (seed) => {
    const events = randomUsage(seed, { reports: 50 });
    const shuffled = shuffledUsage([...events, ...events.filter(({ type }) => type === 'TokenUsageReported')], seed);
    await fold(shuffled, { batch: 9 });
    expect(await sums()).toEqual(exactFold(events, ZONES));
  });

  it.each([11, 12, 13])('lose and double nothing when the projector is cut off anywhere (%d)', async (seed) => {
    const events = randomUsage(seed, { reports: 60, revisions: 4 });
    const random = randomOf(seed);
    let cuts = 0;
    await fold(events, {
      batch: 6,
      failpoint: () => {
        if (random(4) > 0) return Promise.resolve();
        cuts += 1;
        return Promise.reject(Object.assign(new Error('cut off'), { code: 'ECONNRESET' }));
      },
    });
    expect(cuts).toBeGreaterThan(5);
    expect(await sums()).toEqual(exactFold(events, ZONES));
  });
});
