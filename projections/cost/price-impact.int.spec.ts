import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PriceBookRevised } from '../../src/prices/prices.events.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { connector, withClient } from '../engine/database.js';
import { deliver } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { costProjection } from './cost.projection.js';
import { COST_DECIMALS, unitsOf } from './decimal.js';
import { PriceImpactQueries } from './price-impact.queries.js';
import { effectiveEntries, noPrices, revised } from './price-layers.js';
import { priceTable } from './pricing.js';
import { randomUsage } from './testing/random-usage.js';

interface DayOfModel {
  readonly model: string;
  readonly day: string;
  readonly unpriced: string;
  readonly cost: string;
}

describe('the impact of a revision', () => {
  const cost = costProjection();
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase();
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const days = () =>
    withClient(connector(database.url, 'test'), async (client) => {
      const { rows } = await client.query<DayOfModel>(
        `select model, (occurred_at at time zone 'UTC')::date::text as day,
                count(*) filter (where rate_id <= 0) as unpriced, coalesce(sum(cost_usd), 0) as cost
           from usage_event_v1 group by 1, 2`,
      );
      return new Map(rows.map((row) => [`${row.model} ${row.day}`, row]));
    });

  const tableOf = (events: readonly Written[]) => {
    const revisions = events.filter(({ type }) => type === 'PriceBookRevised');
    const layers = revisions.reduce((all, { data }) => revised(all, data as PriceBookRevised['data']), noPrices);
    return priceTable(effectiveEntries(layers));
  };

  it.each([2, 3, 4, 6, 7])('is told before to the last decimal as it is afterwards (%d)', async (seed) => {
    const history = randomUsage(seed, { reports: 90, revisions: 4 });
    const last = history.findLastIndex(({ type }) => type === 'PriceBookRevised');
    const usage = history.filter((_, index) => index !== last);
    const all = [...usage, ...history.slice(last, last + 1)];
    await deliver(database.url, cost, 1, logOf(usage));
    const before = await days();
    const impact = await new PriceImpactQueries(readerOn(database.url)).impact(1, tableOf(usage), tableOf(all));
    await deliver(database.url, cost, 1, logOf(all));
    const after = await days();

    const told = new Map(impact.lines.map((line) => [`${line.model} ${line.day}`, line]));
    expect(told.size).toBeGreaterThan(0);
    let sum = 0n;
    for (const [key, old] of before) {
      const now = after.get(key);
      const line = told.get(key);
      const delta = unitsOf(now?.cost ?? '0', COST_DECIMALS) - unitsOf(old.cost, COST_DECIMALS);
      sum += delta;
      expect([key, line === undefined ? 0n : unitsOf(line.deltaUsd, COST_DECIMALS)]).toEqual([key, delta]);
      const lost = BigInt(now?.unpriced ?? 0) - BigInt(old.unpriced);
      expect([key, (line?.newlyUnpriced ?? 0n) - (line?.newlyPriced ?? 0n)]).toEqual([key, lost]);
    }
    expect(unitsOf(impact.totals.deltaUsd, COST_DECIMALS)).toBe(sum);
    for (const { model, deltaUsd } of impact.models) {
      const ofDays = impact.lines.filter((line) => line.model === model);
      const delta = ofDays.reduce((all, line) => all + unitsOf(line.deltaUsd, COST_DECIMALS), 0n);
      expect([model, unitsOf(deltaUsd, COST_DECIMALS)]).toEqual([model, delta]);
    }
    expect(impact.models.map(({ model }) => model)).toEqual([...new Set(impact.lines.map(({ model }) => model))]);
  });

  it('of prices as they are is none', async () => {
    const history = randomUsage(9, { reports: 20 });
    await deliver(database.url, cost, 1, logOf(history));
    const impact = await new PriceImpactQueries(readerOn(database.url)).impact(1, tableOf(history), tableOf(history));
    expect(impact.lines).toEqual([]);
    expect(impact.totals).toMatchObject({ requests: 0n, deltaUsd: '0.000000000000' });
  });

  it('is of one workspace', async () => {
    const history = randomUsage(9, { reports: 20 });
    await deliver(database.url, cost, 1, logOf(history));
    const queries = new PriceImpactQueries(readerOn(database.url));
    expect((await queries.impact(2, tableOf(history), tableOf([]))).lines).toEqual([]);
    expect((await queries.impact(1, tableOf(history), tableOf([]))).lines).not.toEqual([]);
  });

  it('ends with everything priced anew', async () => {
    const queries = new PriceImpactQueries(readerOn(database.url));
    expect(await queries.repricing()).toBeUndefined();
    await deliver(database.url, cost, 1, logOf(randomUsage(3, { reports: 40, revisions: 2 })));
    expect(await queries.repricing()).toEqual({ bookVersion: 2, state: 'done', rowsDone: 0n, rowsTotal: 0n });
  });
});
