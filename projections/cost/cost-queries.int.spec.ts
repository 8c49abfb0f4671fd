import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { assert, asyncProperty, constantFrom, integer, oneof, option, record } from 'fast-check';
import type { UsageFacts } from '../../src/tokens/tokens.events.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { Client } from 'pg';
import { deliver } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { resetProjections } from '../engine/testing/reset.js';
import type { SqlReader } from '../engine/sql.js';
import { costProjection } from './cost.projection.js';
import { CostQueries, type CostSums, totalOfAll } from './cost.queries.js';
import { invariants } from './invariants.queries.js';
import { SliceQueries } from './slice.queries.js';
import { exactFold } from './testing/exact-fold.js';
import { INSTANTS, randomUsage } from './testing/random-usage.js';

/** Kept by the rollups, kept by none, with whole hours, with halves, with quarters, and a midnight that comes twice. */
const ZONES = ['UTC', 'Asia/Kolkata', 'America/New_York', 'Europe/Berlin', 'Asia/Kathmandu', 'America/Havana'];
const HOUR = 3_600_000;

describe('asked about any stretch of time', () => {
  const events = randomUsage(77, { reports: 300, revisions: 4 });
  const newest = newestFacts();
  let database: TestDatabase;
  let client: Client;
  let costs: CostQueries;
  let slices: SliceQueries;
  let reader: SqlReader;

  beforeAll(async () => {
    database = await testDatabase();
    await resetProjections(database.url);
    await deliver(database.url, costProjection(['Asia/Kolkata', 'America/New_York']), 1, logOf(events), { batch: 50 });
    client = new Client({ connectionString: database.url });
    await client.connect();
    reader = { query: async (text, values = []) => (await client.query(text, [...values])).rows };
    costs = new CostQueries(reader);
    slices = new SliceQueries(reader);
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  /** The facts of each report as they are in the end, by which a stretch of time chooses events. */
  function newestFacts(): ReadonlyMap<string, number> {
    return new Map(
      events.flatMap(({ type, data }) =>
        type === 'PriceBookRevised' ? [] : [[(data as UsageFacts).id, (data as UsageFacts).timestamp] as const],
      ),
    );
  }

  /** Of the reports that count. */
  function inRange(from: number | undefined, until: number | undefined) {
    const voided = new Set(events.filter(({ type }) => type === 'TokenUsageVoided').map(idOf));
    return events.filter((event) => {
      const at = newest.get(idOf(event)) ?? 0;
      const isUsage = event.type !== 'PriceBookRevised' && !voided.has(idOf(event));
      return isUsage && (from === undefined || at >= from) && (until === undefined || at < until);
    });
  }

  function expected(from: number | undefined, until: number | undefined, zones: readonly string[]) {
    const prices = events.filter(({ type }) => type === 'PriceBookRevised');
    return exactFold([...prices, ...inRange(from, until)], zones);
  }

  function idOf({ data }: Written): string {
    return (data as UsageFacts).id;
  }

  const instant = oneof(
    constantFrom(...INSTANTS),
    constantFrom(...INSTANTS).map((at) => at + 1),
    constantFrom(...INSTANTS).map((at) => Math.floor(at / HOUR) * HOUR),
    constantFrom(...INSTANTS).chain((at) => integer({ min: at - 60 * HOUR, max: at + 60 * HOUR })),
  );
  const question = record({ a: option(instant), b: option(instant), zone: constantFrom(...ZONES) });

  it('answers every sum to the last decimal, whatever the edges and the zone', async () => {
    await assert(
      asyncProperty(question, async ({ a, b, zone }) => {
        const [from, until] =
          a !== null && b !== null ? [Math.min(a, b), Math.max(a, b)] : [a ?? undefined, b ?? undefined];
        const range = { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
        const scope = { workspaceId: 1, range };
        const must = expected(from, until, [zone]);
        const has = new Map<string, string>();
        const stats = await costs.stats(scope);
        if (stats.summary.requests > 0n) has.set('all', textOfSums(stats.summary));
        for (const [model, sums] of stats.models) has.set(`model ${model}`, textOfSums(sums));
        for (const [agent, sums] of stats.agents) has.set(`agent ${agent}`, textOfSums(sums));
        for (const [session, sums] of stats.sessions) has.set(`session ${session}`, textOfSums(sums));
        for (const { at, sums } of await costs.trends(scope)) {
          has.set(`hour ${new Date(at).toISOString()}`, textOfSums(sums));
        }
        const tasks = await costs.taskCosts(scope, zone);
        for (const [task, { stats }] of tasks.tasks) has.set(`task ${task}`, textOfSums(stats));
        const days = await slices.slice({
          workspaceId: 1,
          range,
          zone,
          groupBy: ['day'],
          filters: {},
          orderBy: 'key',
          limit: 1_000,
          offset: 0,
        });
        for (const { keys, sums } of days.rows) has.set(`day ${zone} ${keys['day']}`, textOfSums(sums));
        expect(has).toEqual(must);

        if (until === undefined) {
          const agents = await costs.byAgent({ workspaceId: 1, since: from ?? 0 });
          expect([...agents].map(([agent, { stats }]) => [`agent ${agent}`, textOfSums(stats)])).toEqual(
            [...must].filter(([key]) => key.startsWith('agent ')),
          );
          const sessions = [...stats.sessions.keys()];
          for (const [agent, usage] of agents) {
            expect(usage.sessionCount).toBe(sessions.filter((session) => session.startsWith(`${agent}:`)).length);
          }
          const lastActive = [...agents.values()].map((usage) => usage.lastActive);
          const times = inRange(from, until).map(({ data }) => newest.get((data as UsageFacts).id) ?? 0);
          if (agents.size > 0) expect(Math.max(...lastActive)).toBe(Math.max(...times));
        }

        for (const { stats, timeline } of tasks.tasks.values()) {
          expect(totalOfAll(timeline.map(({ sums }) => sums))).toEqual(stats);
        }
        const asked = { workspaceId: 1, range, zone, groupBy: ['hour', 'model'], filters: {}, orderBy: 'key' } as const;
        const hours = await slices.slice({ ...asked, limit: 1_000, offset: 0 });
        const perHour = new Map<string, CostSums[]>();
        for (const { keys, sums } of hours.rows) {
          perHour.set(keys['hour'] ?? '', [...(perHour.get(keys['hour'] ?? '') ?? []), sums]);
        }
        expect(new Map([...perHour].map(([hour, sums]) => [hour, textOfSums(totalOfAll(sums))]))).toEqual(
          new Map(
            [...must].flatMap(([key, sums]) =>
              key.startsWith('hour ') ? [[key.slice(5).replace('.000Z', 'Z'), sums] as const] : [],
            ),
          ),
        );
        const page = await slices.slice({ ...asked, limit: 2, offset: 1 });
        expect(page).toEqual({ ...hours, rows: hours.rows.slice(1, 3) });

        const agentCosts = [...(await costs.agentCosts(scope, zone)).values()];
        expect(agentCosts.flatMap(({ sessions }) => sessions).sort()).toEqual([...stats.sessions.keys()].sort());
        const byAgentDay = agentCosts.flatMap(({ timeline }) => timeline);
        const perDay = new Map<string, bigint>();
        for (const { date, sums } of byAgentDay) perDay.set(date, (perDay.get(date) ?? 0n) + sums.requests);
        expect(perDay).toEqual(new Map(days.rows.map(({ keys, sums }) => [keys['day'] ?? '', sums.requests])));
      }),
      { numRuns: 60 },
    );
  });

  it('agrees with itself', async () => {
    const checks = await invariants(reader, 1);
    expect(checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['cost_hour', 'cost_day Asia/Kolkata', 'cost_session', 'cost_task']),
    );
  });

  it('knows when it does not agree with itself', async () => {
    await client.query('begin');
    await client.query(`update cost_session_v1 set cost_usd = cost_usd + 0.000000000001
                         where ctid = (select ctid from cost_session_v1 limit 1)`);
    await client.query(`update usage_event_v1 set cost_usd = cost_usd + 1
                         where ctid = (select ctid from usage_event_v1 where rate_id > 0 limit 1)`);
    const failed = (await invariants(reader, 1)).filter(({ holds }) => !holds).map(({ name }) => name);
    await client.query('rollback');
    expect(failed).toEqual(expect.arrayContaining(['cost_session', 'reports whose cost is not tokens times rate']));
  });
});

function textOfSums(sums: CostSums): string {
  return [
    sums.requests,
    sums.unpricedRequests,
    sums.inputTokens,
    sums.outputTokens,
    sums.cacheReadTokens,
    sums.cacheWriteTokens,
    sums.costUsd,
  ].join(' ');
}
