import type { BudgetScope } from '../../src/budgets/budgets.events.js';
import { binder } from '../cost/cost.queries.js';
import { type CostSums, type SumRecord, SUMS, sumsOf } from '../cost/cost-sums.js';
import { type Bind, type Slice, type SliceFilter, sliceSql } from '../cost/slices.js';
import type { UsageRange } from '../cost/usage-range.js';
import { utcDays } from '../cost/zone-days.js';
import type { SqlReader } from '../engine/sql.js';
import type { PeriodBounds } from './budget-periods.js';

/** How far back the mean that a forecast goes on with reaches. */
export const TRAILING_MS = 7 * 86_400_000;

/** What the books say about one period of a scope, all as of one position. */
export interface BudgetSpend {
  /** Commit position of the log. */
  readonly position: bigint;
  readonly sums: CostSums;
  /** Spent in the seven days before now. */
  readonly trailingUsd: string;
  /** Since when there is usage, at most those seven days, ms; 0: there is none. */
  readonly trailingMs: number;
}

/** Reads the sums of a scope: those of the reports that a period, or the trailing days, hold. One statement, exact. */
export async function budgetSpend(
  sql: SqlReader,
  workspaceId: number,
  scope: BudgetScope,
  { from, until }: PeriodBounds,
  nowMs: number,
): Promise<BudgetSpend> {
  const { bind, values } = binder();
  const trailing = { from: nowMs - TRAILING_MS, until: nowMs };
  const [row] = await sql.query<SumRecord & SpendRecord>(
    `with period as (select ${SUMS} from (${scoped(workspaceId, scope, { from, until }, bind)}) u),
          hours as (select at, cost_usd from (${scoped(workspaceId, scope, trailing, bind, 'hour')}) u),
          week as (
            select coalesce(sum(cost_usd), 0)::numeric(60,12) as trailing_usd,
                   (extract(epoch from min(at)) * 1000)::bigint as first_ms from hours
          ),
          older as (
            select exists (select 1 from (${scoped(workspaceId, scope, { until: trailing.from }, bind)}) u) as has_older
          )
     select p.commit_position, period.*, week.*, older.has_older
       from projection_progress p, period, week, older
      where p.projection = 'cost'`,
    values,
  );
  if (row === undefined) throw new Error('projection cost has no checkpoint: the schema is not migrated');
  const firstMs = row.first_ms === null ? undefined : parseInt(row.first_ms, 10);
  return {
    position: BigInt(row.commit_position),
    sums: sumsOf(row),
    trailingUsd: row.trailing_usd,
    trailingMs: row.has_older ? TRAILING_MS : firstMs === undefined ? 0 : Math.min(nowMs - firstMs, TRAILING_MS),
  };
}

interface SpendRecord {
  readonly commit_position: string;
  readonly trailing_usd: string;
  readonly first_ms: string | null;
  readonly has_older: boolean;
}

/** SQL of the rows of a scope. A task counts for the project that it is in now. */
function scoped(
  workspaceId: number,
  { projectId, agent, taskId, model }: BudgetScope,
  range: UsageRange,
  bind: Bind,
  time?: 'hour',
): string {
  const filters: SliceFilter[] = [
    ...(agent === null ? [] : [{ column: 'agent_name' as const, values: [agent] }]),
    ...(taskId === null ? [] : [{ column: 'task_id' as const, values: [taskId] }]),
    ...(model === null ? [] : [{ column: 'model' as const, values: [model] }]),
  ];
  const slice: Slice = {
    workspaceId,
    range,
    columns: projectId === null ? [] : ['task_id'],
    filters,
    hasTask: projectId !== null || taskId !== null,
    ...(time === undefined ? {} : { time }),
  };
  const rows = sliceSql(slice, utcDays(range), bind);
  if (projectId === null) return rows;
  return `select x.* from (${rows}) x
            join tasks k on k.task_id = x.task_id and k.workspace_id = ${bind(workspaceId)}::integer
                        and k.project_id = ${bind(projectId)}::bigint`;
}
