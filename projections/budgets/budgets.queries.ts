import type { BudgetTerms, PeriodKind, ThresholdKind } from '../../src/budgets/budgets.events.js';
import { shortestDecimal } from '../cost/decimal.js';
import type { SqlReader } from '../engine/sql.js';
import { periodName, periodsAt, type PeriodBounds } from './budget-periods.js';
import { budgetSpend, type BudgetSpend } from './budget-spend.js';

export type { PeriodBounds } from './budget-periods.js';
export type { BudgetSpend } from './budget-spend.js';

export interface BudgetRow {
  readonly budgetId: string;
  readonly workspaceId: number;
  readonly terms: BudgetTerms;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The last crossing of a threshold in one period. */
export interface ThresholdRow {
  readonly period: string;
  readonly kind: ThresholdKind;
  readonly percent: number;
  readonly crossing: number;
  readonly isReached: boolean;
  readonly changedAt: Date;
}

export interface BudgetPage {
  readonly rows: readonly BudgetRow[];
  readonly total: number;
}

/** What hard budgets that have come to their limit stop. */
export interface HardStop {
  readonly budgetId: string;
  readonly name: string;
  readonly projectId: number | null;
  readonly agent: string | null;
  readonly taskId: number | null;
}

/** How far everything that a budget depends on has come; equal: nothing has changed. */
export type BooksMark = string;

/**
 * Budgets, and what the books say about them. Methods that take a workspace answer for it alone; deleted budgets are as
 * absent as ones that never were.
 */
export class BudgetQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Newest first. */
  async list(
    workspaceId: number,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<BudgetPage> {
    const rows = await this.sql.query<Counted>(
      `with wanted as (select * from budget where workspace_id = $1 and deleted_at is null)
       select t.total, page.*
         from (select count(*)::integer as total from wanted) t
         left join lateral (select * from wanted order by created_at desc, budget_id limit $2 offset $3) page on true
        order by page.created_at desc, page.budget_id`,
      [workspaceId, limit, offset],
    );
    return { rows: rows.filter(isBudget).map(budgetOf), total: rows[0]?.total ?? 0 };
  }

  async byId(workspaceId: number, budgetId: string): Promise<BudgetRow | undefined> {
    const [row] = await this.sql.query<BudgetRecord>(
      'select * from budget where workspace_id = $1 and budget_id = $2 and deleted_at is null',
      [workspaceId, budgetId],
    );
    return row && budgetOf(row);
  }

  /** The budgets of every workspace. */
  async all(): Promise<readonly BudgetRow[]> {
    return (await this.sql.query<BudgetRecord>('select * from budget where deleted_at is null order by budget_id')).map(
      budgetOf,
    );
  }

  /** Every threshold that was ever crossed in one of these periods. */
  async thresholds(budgetId: string, periods: readonly string[]): Promise<readonly ThresholdRow[]> {
    const rows = await this.sql.query<ThresholdRecord>(
      `select * from budget_threshold where budget_id = $1 and period = any($2::text[])
        order by period, kind, percent`,
      [budgetId, periods],
    );
    return rows.map((row) => ({
      period: row.period,
      kind: row.kind,
      percent: row.percent,
      crossing: parseInt(row.crossing, 10),
      isReached: row.is_reached,
      changedAt: row.changed_at,
    }));
  }

  /** The period of a budget now and the one before it. */
  periods(terms: BudgetTerms, nowMs: number) {
    return periodsAt(this.sql, terms.period, nowMs);
  }

  spend(workspaceId: number, terms: BudgetTerms, period: PeriodBounds, nowMs: number): Promise<BudgetSpend> {
    return budgetSpend(this.sql, workspaceId, terms.scope, period, nowMs);
  }

  /** The hard budgets whose limit is reached in the period of now. */
  async hardStops(workspaceId: number, nowMs: number): Promise<readonly HardStop[]> {
    const day = `((timestamptz 'epoch' + $2::bigint * interval '1 millisecond') at time zone b.zone)::date`;
    const rows = await this.sql.query<BudgetRecord>(
      `select b.*
         from budget b
         join budget_threshold t on t.budget_id = b.budget_id and t.kind = 'hard' and t.is_reached
                                and t.period = ${periodName('b.period_kind', 'b.period_days', day)}
        where b.workspace_id = $1 and b.deleted_at is null and b.is_hard
        order by b.budget_id`,
      [workspaceId, nowMs],
    );
    return rows.map(budgetOf).map(({ budgetId, terms: { name, scope } }) => ({
      budgetId,
      name,
      projectId: scope.projectId,
      agent: scope.agent,
      taskId: scope.taskId,
    }));
  }

  async mark(): Promise<BooksMark> {
    const [row] = await this.sql.query<{ mark: string }>(
      `select concat_ws(' ',
                (select string_agg(commit_position::text, ' ' order by projection) from projection_progress
                  where projection in ('cost', 'budgets', 'tasks')),
                (select coalesce(sum(rows_done), 0) from repricing)) as mark`,
    );
    return row?.mark ?? '';
  }

  /** Whether the database, whose zones periods are made with, knows this one. */
  async knowsZone(zone: string): Promise<boolean> {
    const rows = await this.sql.query('select 1 from pg_timezone_names where name = $1', [zone]);
    return rows.length > 0;
  }
}

interface BudgetRecord {
  readonly budget_id: string;
  readonly workspace_id: number;
  readonly name: string;
  readonly project_id: string | null;
  readonly agent_name: string | null;
  readonly task_id: string | null;
  readonly model: string | null;
  readonly period_kind: PeriodKind;
  readonly period_days: number | null;
  readonly zone: string;
  readonly limit_usd: string;
  readonly soft_percents: readonly number[];
  readonly is_hard: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

type Counted = { readonly total: number } & (BudgetRecord | { readonly budget_id: null });

interface ThresholdRecord {
  readonly period: string;
  readonly kind: ThresholdKind;
  readonly percent: number;
  readonly crossing: string;
  readonly is_reached: boolean;
  readonly changed_at: Date;
}

function isBudget(row: Counted): row is { readonly total: number } & BudgetRecord {
  return row.budget_id !== null;
}

function budgetOf(row: BudgetRecord): BudgetRow {
  return {
    budgetId: row.budget_id,
    workspaceId: row.workspace_id,
    terms: {
      name: row.name,
      scope: {
        projectId: idOf(row.project_id),
        agent: row.agent_name,
        taskId: idOf(row.task_id),
        model: row.model,
      },
      period: { kind: row.period_kind, days: row.period_days, zone: row.zone },
      limitUsd: shortestDecimal(row.limit_usd),
      softPercents: row.soft_percents,
      hard: row.is_hard,
    },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function idOf(text: string | null): number | null {
  return text === null ? null : parseInt(text, 10);
}
