import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BudgetPeriod, BudgetTerms } from '../../src/budgets/budgets.events.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { costProjection } from '../cost/cost.projection.js';
import { deliver, given } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { TaskHistory } from '../engine/testing/task-history.js';
import { tasks } from '../tasks/tasks.projection.js';
import { budgets } from './budgets.projection.js';
import { BudgetQueries } from './budgets.queries.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (instant: string) => Date.parse(instant);
const everybody = { projectId: null, agent: null, taskId: null, model: null };
const month: BudgetPeriod = { kind: 'month', days: null, zone: 'UTC' };
const terms: BudgetTerms = {
  name: 'all',
  scope: everybody,
  period: month,
  limitUsd: '100',
  softPercents: [50, 100],
  hard: true,
};

let database: TestDatabase;
let queries: BudgetQueries;

beforeAll(async () => {
  database = await testDatabase();
  queries = new BudgetQueries(readerOn(database.url));
});
beforeEach(() => resetProjections(database.url));
afterAll(() => database.drop());

function fact(number: number, type: string, data: object): Written {
  const budgetId = idOf(`budget ${number}`);
  return { stream: `budget-${budgetId}`, type, data: { budgetId, name: 'all', ...data } };
}

function crossing(number: number, type: string, percent: number, more: object = {}): Written {
  return fact(number, type, {
    scope: everybody,
    period: 'month 2026-11-01',
    kind: percent === 100 ? 'hard' : 'soft',
    percent,
    crossing: 1,
    limitUsd: '100',
    spentUsd: '100.000000000001',
    unpricedRequests: 2,
    position: '77',
    ...more,
  });
}

const lifeOf = (number: number): readonly Written[] => [
  fact(number, 'BudgetDefined', terms),
  crossing(number, 'BudgetThresholdReached', 50),
  crossing(number, 'BudgetThresholdReached', 100),
  fact(number, 'BudgetChanged', {
    ...terms,
    name: `changed ${number}`,
    limitUsd: '250.5',
    softPercents: [],
    hard: false,
  }),
  crossing(number, 'BudgetRecovered', 100, { limitUsd: '250.5' }),
];

describe('budgets', () => {
  it.each([{ batch: 1 }, { batch: 3 }, { batch: 1_000 }])(
    'and their thresholds come out the same, delivered twice, $batch at a time',
    async ({ batch }) => {
      const events = logOf([...lifeOf(1), ...lifeOf(2), fact(2, 'BudgetDeleted', {})]);
      const delivered = given(database.url, budgets).when(events, { times: 2, batch });
      expect(
        await delivered.rows(
          'budget',
          'name, limit_usd, soft_percents, is_hard, deleted_at is null as there, revision',
        ),
      ).toEqual(
        expect.arrayContaining([
          {
            name: 'changed 1',
            limit_usd: '250.500000000000',
            soft_percents: [],
            is_hard: false,
            there: true,
            revision: '3',
          },
          {
            name: 'changed 2',
            limit_usd: '250.500000000000',
            soft_percents: [],
            is_hard: false,
            there: false,
            revision: '5',
          },
        ]),
      );
      expect(await delivered.rows('budget_threshold', 'kind, percent, is_reached, spent_usd, position')).toEqual(
        [1, 2].flatMap(() => [
          { kind: 'hard', percent: 100, is_reached: false, spent_usd: '100.000000000001', position: '77' },
          { kind: 'soft', percent: 50, is_reached: true, spent_usd: '100.000000000001', position: '77' },
        ]),
      );
    },
  );

  it('are listed in their workspace, without deleted ones', async () => {
    await given(database.url, budgets)
      .when(logOf([...lifeOf(1), ...lifeOf(2), fact(2, 'BudgetDeleted', {})]))
      .deliver();
    const { rows, total } = await queries.list(1, { limit: 10, offset: 0 });
    expect([total, rows.map((row) => row.terms.name)]).toEqual([1, ['changed 1']]);
    expect(rows[0]?.terms).toEqual({ ...terms, name: 'changed 1', limitUsd: '250.5', softPercents: [], hard: false });
    expect((await queries.list(2, { limit: 10, offset: 0 })).total).toBe(0);
    expect(await queries.byId(2, idOf('budget 1'))).toBeUndefined();
    expect(await queries.byId(1, idOf('budget 2'))).toBeUndefined();
    expect((await queries.all()).length).toBe(1);
  });

  it('that are hard stop work in the period in which they are reached, and in no other', async () => {
    await given(database.url, budgets)
      .when(logOf([fact(1, 'BudgetDefined', terms), crossing(1, 'BudgetThresholdReached', 100)]))
      .deliver();
    const stop = { budgetId: idOf('budget 1'), name: 'all', projectId: null, agent: null, taskId: null };
    expect(await queries.hardStops(1, at('2026-11-01T00:00:00.000Z'))).toEqual([stop]);
    expect(await queries.hardStops(1, at('2026-11-30T23:59:59.999Z'))).toEqual([stop]);
    expect(await queries.hardStops(1, at('2026-12-01T00:00:00.000Z'))).toEqual([]);
    expect(await queries.hardStops(1, at('2026-10-31T23:59:59.999Z'))).toEqual([]);
    expect(await queries.hardStops(2, at('2026-11-15T00:00:00.000Z'))).toEqual([]);
  });
});

describe('the period of a budget', () => {
  const periodAt = async (period: Partial<BudgetPeriod>, instant: string) => {
    const { current, previous } = await queries.periods({ ...terms, period: { ...month, ...period } }, at(instant));
    const text = ({ period: name, from, until }: typeof current) =>
      `${name}: ${new Date(from).toISOString()} to ${new Date(until).toISOString()}`;
    return [text(current), previous === undefined ? undefined : text(previous)];
  };

  it('is a calendar day, a week from Monday, or a month', async () => {
    const sunday = '2026-11-01T23:59:59.999Z';
    expect(await periodAt({ kind: 'day' }, sunday)).toEqual([
      'day 2026-11-01: 2026-11-01T00:00:00.000Z to 2026-11-02T00:00:00.000Z',
      'day 2026-10-31: 2026-10-31T00:00:00.000Z to 2026-11-01T00:00:00.000Z',
    ]);
    expect(await periodAt({ kind: 'week' }, sunday)).toEqual([
      'week 2026-10-26: 2026-10-26T00:00:00.000Z to 2026-11-02T00:00:00.000Z',
      'week 2026-10-19: 2026-10-19T00:00:00.000Z to 2026-10-26T00:00:00.000Z',
    ]);
    expect(await periodAt({ kind: 'month' }, sunday)).toEqual([
      'month 2026-11-01: 2026-11-01T00:00:00.000Z to 2026-12-01T00:00:00.000Z',
      'month 2026-10-01: 2026-10-01T00:00:00.000Z to 2026-11-01T00:00:00.000Z',
    ]);
  });

  it('of rolling days ends with today and has none before it', async () => {
    expect(await periodAt({ kind: 'rolling', days: 7 }, '2026-11-10T12:00:00.000Z')).toEqual([
      'rolling 7: 2026-11-04T00:00:00.000Z to 2026-11-11T00:00:00.000Z',
      undefined,
    ]);
    expect(await periodAt({ kind: 'rolling', days: 1 }, '2026-11-10T12:00:00.000Z')).toEqual([
      'rolling 1: 2026-11-10T00:00:00.000Z to 2026-11-11T00:00:00.000Z',
      undefined,
    ]);
  });

  it('is of the zone, also across changes of its clock and at half hours', async () => {
    expect(await periodAt({ kind: 'day', zone: 'Asia/Kolkata' }, '2026-11-01T18:30:00.000Z')).toEqual([
      'day 2026-11-02: 2026-11-01T18:30:00.000Z to 2026-11-02T18:30:00.000Z',
      'day 2026-11-01: 2026-10-31T18:30:00.000Z to 2026-11-01T18:30:00.000Z',
    ]);
    expect(await periodAt({ kind: 'month', zone: 'America/New_York' }, '2026-11-15T00:00:00.000Z')).toEqual([
      'month 2026-11-01: 2026-11-01T04:00:00.000Z to 2026-12-01T05:00:00.000Z',
      'month 2026-10-01: 2026-10-01T04:00:00.000Z to 2026-11-01T04:00:00.000Z',
    ]);
    expect(await periodAt({ kind: 'week', zone: 'Europe/Berlin' }, '2026-10-24T22:00:00.000Z')).toEqual([
      'week 2026-10-19: 2026-10-18T22:00:00.000Z to 2026-10-25T23:00:00.000Z',
      'week 2026-10-12: 2026-10-11T22:00:00.000Z to 2026-10-18T22:00:00.000Z',
    ]);
  });

  it('knows the zones of the database', async () => {
    expect(await queries.knowsZone('Asia/Kolkata')).toBe(true);
    expect(await queries.knowsZone('Mars/Olympus')).toBe(false);
  });
});

describe('the spend of a budget', () => {
  const price: Written = {
    stream: 'prices-main',
    type: 'PriceBookRevised',
    data: {
      bookVersion: 1,
      layer: 'book',
      label: '1',
      source: 'the test',
      authorRecordedAt: '2026-01-01T00:00:00.000Z',
      documentHash: 'a'.repeat(64),
      reason: null,
      changed: [
        {
          provider: 'acme',
          model: 'm',
          aliases: ['n'],
          rates: [{ rateId: 1, effectiveFrom: '1970-01-01T00:00:00.000Z', inputPerMTok: '1', outputPerMTok: '1' }],
        },
      ],
      removed: [],
    },
  };
  let reports = 0;
  /** Costs as many dollars as it has million tokens. */
  const usage = (instant: string, dollars: number, more: object = {}): Written => {
    reports += 1;
    const facts = {
      id: idOf(`budget usage ${reports}`),
      eventId: `budget usage ${reports}`,
      model: 'm',
      sessionId: 'bot:1',
      agentName: 'bot',
      agentId: null,
      operation: 'chat_completion',
      timestamp: at(instant),
      taskId: null,
      inputTokens: dollars * 1_000_000,
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      contentDigest: 'd',
      ...more,
    };
    return { stream: 'usage-1', type: 'TokenUsageReported', data: facts };
  };

  const spend = async (events: readonly Written[], over: Partial<BudgetTerms>, now: string) => {
    await deliver(database.url, costProjection(), 1, logOf([price, ...events]));
    const asked = { ...terms, ...over };
    const nowMs = at(now);
    const { current } = await queries.periods(asked, nowMs);
    return queries.spend(1, asked, current, nowMs);
  };

  it('holds what happened in the period, to the millisecond, in its zone', async () => {
    const zone = 'Asia/Kolkata';
    const { sums, position } = await spend(
      [
        usage('2026-10-31T18:29:59.999Z', 1),
        usage('2026-10-31T18:30:00.000Z', 2),
        usage('2026-11-30T18:29:59.999Z', 4),
        usage('2026-11-30T18:30:00.000Z', 8),
      ],
      { period: { ...month, zone } },
      '2026-11-15T00:00:00.000Z',
    );
    expect([sums.costUsd, sums.requests]).toEqual(['6.000000000000', 2n]);
    expect(position).toBeGreaterThan(0n);
  });

  it('shows requests without a price beside it', async () => {
    const { sums } = await spend(
      [usage('2026-11-02T00:00:00.000Z', 3), usage('2026-11-02T00:00:00.000Z', 5, { model: 'unknown' })],
      {},
      '2026-11-15T00:00:00.000Z',
    );
    expect([sums.costUsd, sums.unpricedRequests]).toEqual(['3.000000000000', 1n]);
  });

  it('is that of the scope: agent, model as reported, task, project of the task now, and all of them together', async () => {
    const history = new TaskHistory()
      .create(1, { projectId: 5 })
      .create(2, { projectId: 5 })
      .create(3, { projectId: 6 });
    await deliver(database.url, tasks, 1, logOf(history.change(2, { projectId: 6 }).written));
    const events = [
      usage('2026-11-02T10:00:00.000Z', 1, { taskId: 1 }),
      usage('2026-11-02T10:00:00.000Z', 2, { taskId: 2 }),
      usage('2026-11-02T10:30:00.001Z', 4, { taskId: 3, agentName: 'other', sessionId: 'other:1' }),
      usage('2026-11-02T10:00:00.000Z', 8, { model: 'n' }),
    ];
    const of = async (scope: Partial<BudgetTerms['scope']>) =>
      (await spend(events, { scope: { ...everybody, ...scope } }, '2026-11-15T00:00:00.000Z')).sums.costUsd;
    expect(await of({})).toBe('15.000000000000');
    expect(await of({ agent: 'bot' })).toBe('11.000000000000');
    expect(await of({ model: 'n' })).toBe('8.000000000000');
    expect(await of({ taskId: 2 })).toBe('2.000000000000');
    expect(await of({ projectId: 5 })).toBe('1.000000000000');
    expect(await of({ projectId: 6 })).toBe('6.000000000000');
    expect(await of({ projectId: 6, agent: 'bot', model: 'm' })).toBe('2.000000000000');
    expect(await of({ projectId: 6, taskId: 1 })).toBe('0.000000000000');
    expect(await of({ agent: 'nobody' })).toBe('0.000000000000');
  });

  it('has a trailing week behind it, or as much of one as there is', async () => {
    const now = '2026-11-15T12:00:00.000Z';
    const none = await spend([], {}, now);
    expect([none.trailingUsd, none.trailingMs]).toEqual(['0.000000000000', 0]);
    await resetProjections(database.url);
    const young = await spend([usage('2026-11-14T10:20:00.000Z', 3)], {}, now);
    expect([young.trailingUsd, young.trailingMs]).toEqual(['3.000000000000', 26 * HOUR]);
    await resetProjections(database.url);
    const old = await spend([usage('2026-11-08T11:59:59.999Z', 9), usage('2026-11-08T12:00:00.000Z', 5)], {}, now);
    expect([old.trailingUsd, old.trailingMs]).toEqual(['5.000000000000', 7 * DAY]);
  });

  it('marks where the books stand', async () => {
    const before = await queries.mark();
    expect(await queries.mark()).toBe(before);
    await spend([usage('2026-11-02T00:00:00.000Z', 1)], {}, '2026-11-15T00:00:00.000Z');
    expect(await queries.mark()).not.toBe(before);
  });
});
