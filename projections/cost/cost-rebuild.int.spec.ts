import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { ProposedEvent } from '../../src/platform/event-store/stored-event.js';
import { storeAndDatabase, type StoreAndDatabase } from '../../test/support/store-and-database.js';
import { connector, withClient } from '../engine/database.js';
import { dumpTables } from '../engine/dump.js';
import { quietLogger } from '../engine/logger.js';
import { rebuild } from '../engine/rebuild.js';
import { switchTo } from '../engine/switch.js';
import { deliver } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { resetProjections } from '../engine/testing/reset.js';
import { costProjection } from './cost.projection.js';
import { exactFold } from './testing/exact-fold.js';
import { randomOf, randomUsage } from './testing/random-usage.js';
import { sumsInTables } from './testing/sums-in-tables.js';

const ZONES = ['UTC', 'Asia/Kolkata', 'Europe/Berlin'];

describe('the books of cost, made anew', () => {
  const cost = costProjection(ZONES);
  let parts: StoreAndDatabase;

  beforeAll(async () => {
    parts = await storeAndDatabase();
  });
  beforeEach(() => resetProjections(parts.databaseUrl));
  afterAll(() => parts.close());

  const dump = (version: number) =>
    withClient(connector(parts.databaseUrl, 'test'), (client) => dumpTables(client, cost, version));
  const rows = (sql: string) =>
    withClient(connector(parts.databaseUrl, 'test'), async (client) => (await client.query<object>(sql)).rows);

  it('from the start of the log are what they became by living through it, prices read before the rest', async () => {
    const events = randomUsage(31, { reports: 80, revisions: 5 });
    await parts.write(events.map(({ stream, ...event }) => ({ stream, event: proposed(event) })));
    const stored = [];
    for await (const entry of parts.store.readAll({ after: { commit: -1n, prepare: -1n } })) stored.push(entry);
    await deliver(parts.databaseUrl, cost, 1, stored, { batch: 9 });

    const connect = connector(parts.databaseUrl, 'test');
    const options = { store: parts.store, connect, versions: [{ projection: cost, version: 2 }], logger: quietLogger };
    expect(await rebuild({ ...options, registry: new Registry(), batchSize: 13 })).toBe(true);

    expect(await dump(2)).toBe(await dump(1));
    expect(await rows('select * from repricing_v2 where rows_total > 0')).toEqual([]);
    expect(await rows('select distinct book_version from usage_event_v2')).toEqual([{ book_version: 5 }]);
    expect(await switchTo(connect, cost, 2)).toBe(true);
    expect(await sumsInTables(parts.databaseUrl, ZONES)).toEqual(exactFold(events, ZONES));
  });

  it.each([1, 2, 3])('for a zone that was added later hold what they had held from the start (%d)', async (seed) => {
    const events = randomUsage(seed, { reports: 90, revisions: 4 });
    const random = randomOf(seed);
    const failpoint = () =>
      random(5) > 0 ? Promise.resolve() : Promise.reject(Object.assign(new Error('cut off'), { code: 'ECONNRESET' }));
    const log = logOf(events);
    await deliver(parts.databaseUrl, costProjection(['Asia/Kolkata']), 1, log.slice(0, 60), { batch: 20 });
    await deliver(parts.databaseUrl, cost, 1, log, { batch: 7, failpoint });
    expect(await sumsInTables(parts.databaseUrl, ZONES)).toEqual(exactFold(events, ZONES));
    const zones = await rows('select zone, covered_until::text from reporting_zone_v1 order by zone');
    expect(zones).toEqual(ZONES.toSorted().map((zone) => ({ zone, covered_until: 'infinity' })));

    await deliver(parts.databaseUrl, costProjection(['Europe/Berlin', 'Not/Known']), 1, log, {});
    expect(await rows('select distinct zone from cost_day_v1 order by zone')).toEqual([
      { zone: 'Europe/Berlin' },
      { zone: 'UTC' },
    ]);
  });

  it('price by the periods of the tables as the function does', async () => {
    const events = randomUsage(8, { reports: 200, revisions: 6 });
    await deliver(parts.databaseUrl, cost, 1, logOf(events), { batch: 1_000 });
    expect(
      await rows(`
        select u.id, u.rate_id, found.rate_id as found
          from usage_event_v1 u
          left join model_name_v1 n on n.name = u.model
          left join lateral (
            select p.rate_id from rate_period_v1 p
             where p.provider = n.provider and p.model = n.model
               and p.service_class = coalesce(u.service_class, 'standard') and p.valid @> u.occurred_at
               and (p.prompt_threshold = 0
                    or u.input_tokens + u.cache_read_tokens + u.cache_write_tokens > p.prompt_threshold)
             order by p.prompt_threshold desc limit 1) found on true
         where greatest(u.rate_id, 0) <> coalesce(found.rate_id, 0)`),
    ).toEqual([]);
    expect(await rows('select 1 from usage_event_v1 where rate_id > 0 limit 1')).toHaveLength(1);
  });
});

let serial = 0;

function proposed({ type, data }: Pick<Written, 'type' | 'data'>): ProposedEvent {
  serial += 1;
  const id = `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`;
  const at = '2026-01-01T00:00:00.000Z';
  return {
    id,
    type,
    data,
    metadata: {
      workspaceId: 1,
      correlationId: id,
      causationId: id,
      actor: { kind: 'system', id: 'test', name: 'test' },
      occurredAt: at,
      recordedAt: at,
    },
  };
}
