import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { analyticsDoc, ANALYTICS_DOC } from '../../scripts/analytics/analytics-doc.js';
import { FORECAST_METHOD, forecastOf } from '../../src/budgets/budget-forecast.js';
import type { UsageFacts } from '../../src/tokens/tokens.events.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { budgets } from '../budgets/budgets.projection.js';
import { BudgetQueries } from '../budgets/budgets.queries.js';
import { costProjection } from '../cost/cost.projection.js';
import { exactFold } from '../cost/testing/exact-fold.js';
import { randomUsage } from '../cost/testing/random-usage.js';
import { deliver } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { resetProjections } from '../engine/testing/reset.js';
import { tasks } from '../tasks/tasks.projection.js';
import { grantAnalyst, hasSideEffects } from './analyst-role.js';
import { analyticsViews } from './analytics.migrations.js';

const ROLE = `analyst_${process.pid}_${Math.floor(performance.now())}`;
const PASSWORD = `it's "secret"`;
const DAY = 86_400_000;

describe('the schema analytics', () => {
  const events = [...randomUsage(41, { reports: 150, revisions: 4 }), ...recentUsage()];
  let database: TestDatabase;
  let owner: Client;
  let analyst: Client;

  beforeAll(async () => {
    database = await testDatabase();
    await resetProjections(database.url);
    await deliver(database.url, costProjection(['Asia/Kolkata']), 1, logOf(events));
    owner = new Client({ connectionString: database.url });
    await owner.connect();
    await grantAnalyst(owner, { name: ROLE, password: 'another one first' });
    await grantAnalyst(owner, { name: ROLE, password: PASSWORD });
    const url = new URL(database.url);
    url.username = ROLE;
    url.password = encodeURIComponent(PASSWORD);
    analyst = new Client({ connectionString: url.href });
    await analyst.connect();
  });
  afterAll(async () => {
    await analyst.end();
    await owner.query(`drop owned by ${ROLE}; drop role ${ROLE}`);
    await owner.end();
    await database.drop();
  });

  const asked = async (sql: string) => (await analyst.query<Record<string, string>>(sql)).rows;

  it('says of every view and column what it holds', async () => {
    const rows = await asked(`
      select c.relname as view, coalesce(a.attname, '') as column, obj_description(c.oid) as about,
             col_description(c.oid, a.attnum) as holds
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
       where c.relnamespace = 'analytics'::regnamespace order by c.relname, a.attnum`);
    expect(rows.filter(({ about, holds }) => !about || !holds)).toEqual([]);
    expect(new Set(rows.map(({ view }) => view))).toEqual(new Set(analyticsViews.map(({ name }) => name)));
    expect(readFileSync(ANALYTICS_DOC, 'utf8')).toBe(await analyticsDoc());
  });

  it('comes to the same sums as the books, in every view', async () => {
    const must = exactFold(events, ['UTC', 'Asia/Kolkata']);
    const sums = `concat_ws(' ', sum(requests), sum(unpriced_requests), sum(input_tokens), sum(output_tokens),
                            sum(cache_read_tokens), sum(cache_write_tokens), sum(cost_usd)) as sums`;
    for (const view of [
      'cost_hourly',
      'cost_daily',
      'cost_by_agent',
      'cost_by_session',
      'cost_by_model',
      'cost_by_project',
    ]) {
      expect([view, (await asked(`select ${sums} from ${view}`))[0]?.['sums']]).toEqual([view, must.get('all')]);
    }
    const byKey = async (prefix: string, key: string, view: string) =>
      (await asked(`select ${key}::text as key, ${sums} from ${view} group by 1 order by 1`)).map(
        (row) => [`${prefix} ${row['key']}`, row['sums']] as const,
      );
    const has = [
      ...(await byKey('model', 'model', 'cost_by_model')),
      ...(await byKey('agent', 'agent', 'cost_by_agent')),
      ...(await byKey('session', 'session_id', 'cost_by_session')),
      ...(await byKey('task', 'task_id', 'cost_by_task')),
      ...(await byKey('day', `zone || ' ' || day`, 'cost_daily_zoned')),
    ];
    const keys = /^(model|agent|session|task|day) /;
    expect(new Map(has)).toEqual(new Map([...must].filter(([key]) => keys.test(key))));
    const [raw] = await asked(`
      select concat_ws(' ', count(*), count(*) filter (where cost_usd is null), sum(input_tokens), sum(output_tokens),
                       sum(cache_read_tokens), sum(cache_write_tokens), sum(cost_usd)) as sums from usage`);
    expect(raw?.['sums']).toBe(must.get('all'));
    const [unpriced] = await asked('select sum(requests)::text as n from unpriced_models');
    expect(unpriced?.['n']).toBe(must.get('all')?.split(' ')[1]);
  });

  it('shows rates with their periods, and how far the books have come', async () => {
    const rates = await asked('select rate_id, valid_from, layer, book_version from price_history');
    expect(rates.some((rate) => rate['valid_from'] === null)).toBe(true);
    expect(rates.some((rate) => rate['valid_from'] !== null)).toBe(true);
    expect(
      await asked(`select position::text, repricing_book_version from projection_lag where projection = 'cost'`),
    ).toEqual([{ position: expect.stringMatching(/^\d+$/), repricing_book_version: null }]);
  });

  it('tells what a completed task costs', async () => {
    await deliver(database.url, tasks, 1, []);
    await owner.query(`
      insert into tasks_v1 (task_id, workspace_id, title, status, priority, priority_rank, project_id, project_name,
                            project_prefix, ticket_no, tags, metadata, retry_count, gate, created_by, created_at,
                            updated_at, comment_count, interventions, revision)
      select n, 1, 'task ' || n, case n when 1 then 'done' else 'review' end, 'low', 3, 7, 'Seven', 'S', n, '[]', '{}', 0,
             'open', 'x', now(), now(), 0, 0, 0 from generate_series(1, 2) n`);
    const [done] = await asked('select cost_usd, completed_cost_usd from cost_by_task where is_completed');
    expect(done?.['completed_cost_usd']).toBe(done?.['cost_usd']);
    const [project] = await asked('select * from cost_by_project where project_id = 7');
    expect(project).toMatchObject({
      project_name: 'Seven',
      tasks: '2',
      completed_tasks: '1',
      cost_per_completed_task_usd: done?.['cost_usd'],
    });
  });

  it('shows a budget as the API does', async () => {
    const now = Date.now();
    const defined = [
      { kind: 'month', days: null, zone: 'Asia/Kolkata', scope: {}, limitUsd: '5000000' },
      { kind: 'rolling', days: 30, zone: 'UTC', scope: {}, limitUsd: '0.01' },
      { kind: 'rolling', days: 3, zone: 'UTC', scope: { agent: 'agent-1' } },
      { kind: 'week', days: null, zone: 'Europe/Berlin', scope: { projectId: 7 } },
      { kind: 'day', days: null, zone: 'America/Havana', scope: { model: 'alpha', taskId: 2 } },
    ];
    for (const [index, { kind, days, zone, scope, limitUsd = '100' }] of defined.entries()) {
      const { agent = null, model = null, projectId = null, taskId = null } = scope as Record<string, string | number>;
      await owner.query(
        `insert into budget_v1 values (gen_random_uuid(), 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, '{50,80}', true,
                                       now(), now(), null, 0)`,
        [`budget ${index}`, projectId, agent, taskId, model, kind, days, zone, limitUsd],
      );
    }
    const queries = new BudgetQueries({
      query: async (text, values = []) => (await owner.query(text, [...values])).rows,
    });
    const shown = await asked('select * from budget_status order by name');
    const budgetRows = (await queries.all()).toSorted((a, b) => (a.terms.name < b.terms.name ? -1 : 1));
    expect(shown).toHaveLength(defined.length);
    for (const [index, budget] of budgetRows.entries()) {
      const { current } = await queries.periods(budget.terms, now);
      const { sums, trailingUsd, trailingMs } = await queries.spend(1, budget.terms, current, now);
      expect(shown[index]).toMatchObject({
        name: budget.terms.name,
        period: current.period,
        period_from: new Date(current.from),
        period_until: new Date(current.until),
        spent_usd: sums.costUsd,
        unpriced_requests: String(sums.unpricedRequests),
      });
      const forecast = forecastOf({
        spentUsd: sums.costUsd,
        limitUsd: budget.terms.limitUsd,
        trailingUsd,
        trailingMs,
        nowMs: now,
        untilMs: current.until,
      });
      const isKnown = forecast.kind === 'known';
      expect([index, shown[index]?.['forecast_method']]).toEqual([
        index,
        isKnown ? FORECAST_METHOD : `none: ${forecast.reason}`,
      ]);
      const [told, must] = [shown[index]?.['reaches_limit_at'], isKnown ? forecast.reachesLimitAtMs : null];
      expect([index, told === null]).toEqual([index, must === null]);
      // The view looked a little earlier, and while nothing is spent the limit moves away with the time.
      if (told && must !== null) expect(Math.abs(new Date(told).getTime() - must)).toBeLessThan(600_000);
    }
    expect(budgets.name).toBe('budgets');
  });

  it('runs every query of the documentation', async () => {
    const page = readFileSync('docs/how-to/query-with-sql.md', 'utf8');
    const queries = [...page.matchAll(/```sql\n([^`]+)```/g)].map(([, sql = '']) => sql);
    expect(queries.length).toBeGreaterThan(10);
    for (const sql of queries) {
      const filled = sql
        .replaceAll('{{zone}}', `'UTC'`)
        .replaceAll('{{workspace}}', '1')
        .replaceAll(/\{\{(from|to)\}\}/g, `'2025-06-01'`)
        .replaceAll(/\$__timeFilter\((\w+)\)/g, `$1 between '2025-01-01' and '2026-01-01'`)
        .replaceAll(/\$__time(From|To)\(\)/g, `timestamptz '2025-06-01'`);
      await expect(asked(filled)).resolves.toEqual(expect.any(Array));
    }
  });

  it.each([
    'select * from public.usage_event',
    'select * from public.projection_checkpoint',
    'create table public.mine (n integer)',
    'create table analytics.mine (n integer)',
    'create temporary table mine (n integer)',
    'delete from analytics.usage',
    'set role postgres',
    `set default_transaction_read_only = off; delete from analytics.usage`,
  ])('is all that an analyst can reach: not %s', async (sql) => {
    await expect(analyst.query(sql)).rejects.toMatchObject({
      code: expect.stringMatching(/^(42501|25006|42P01|22023)$/),
    });
    await analyst.query('reset all');
  });

  it.each([
    'create temporary table mine (n integer)',
    'create function analytics.mine() returns integer language sql as $$ select 1 $$',
    'select lo_create(0)',
    `select lo_from_bytea(0, 'x')`,
    'select pg_advisory_lock(1)',
    'select pg_try_advisory_lock_shared(1)',
    `select pg_logical_emit_message(false, 'a', 'b')`,
    `select pg_read_file('/etc/passwd')`,
    `copy (select 1) to program 'id'`,
    'drop view analytics.usage',
  ])('is all that an analyst can reach who may write: not %s', async (sql) => {
    await analyst.query('set default_transaction_read_only = off');
    await expect(analyst.query(sql)).rejects.toMatchObject({ code: '42501' });
    await analyst.query('reset all');
  });

  it('leaves the owner everything', async () => {
    expect(await hasSideEffects(owner, ROLE)).toBe(false);
    await expect(owner.query('select pg_advisory_lock(1), pg_advisory_unlock(1)')).resolves.toMatchObject({
      rowCount: 1,
    });
  });

  it('bounds the time of a statement', async () => {
    expect(await asked('show statement_timeout')).toEqual([{ statement_timeout: '30s' }]);
    expect(await asked('show default_transaction_read_only')).toEqual([{ default_transaction_read_only: 'on' }]);
  });
});

/** Usage of the last days, which budgets count. */
function recentUsage(): readonly Written[] {
  const usage = randomUsage(42, { reports: 40, revisions: 0 }).filter(({ type }) => type === 'TokenUsageReported');
  return usage.map((event, index) => {
    const facts = event.data as UsageFacts;
    return {
      ...event,
      data: {
        ...facts,
        id: facts.id.replace(/^.{8}/, '00000000'),
        timestamp: Date.now() - Math.floor((index * 12 * DAY) / 40),
      },
    };
  });
}
