import type { BudgetTerms } from '../../src/budgets/budgets.events.js';
import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { BudgetChange, BudgetsChanges, ThresholdChange } from './budgets.fold.js';

export async function writeBudgets(
  transaction: SqlTransaction,
  { budgets, thresholds }: BudgetsChanges,
  version: number,
): Promise<void> {
  const rows = [...budgets.values()].sort((a, b) => (a.budgetId < b.budgetId ? -1 : 1));
  await writeTerms(transaction, rows.filter(hasTerms), version);
  await endBudgets(
    transaction,
    rows.filter(({ deletedAt }) => deletedAt !== undefined),
    version,
  );
  await writeThresholds(
    transaction,
    [...thresholds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, threshold]) => threshold),
    version,
  );
}

type Described = BudgetChange & { readonly terms: BudgetTerms };

const hasTerms = (row: BudgetChange): row is Described => row.terms !== undefined;

async function writeTerms(transaction: SqlTransaction, rows: readonly Described[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `budgets_terms_v${v}`,
    text: `
      insert into budget_v${v} as b (
        budget_id, workspace_id, name, project_id, agent_name, task_id, model, period_kind, period_days, zone, limit_usd,
        is_hard, soft_percents, created_at, updated_at, revision)
      select u.budget_id, u.workspace_id, u.name, u.project_id, u.agent_name, u.task_id, u.model, u.period_kind,
             u.period_days, u.zone, u.limit_usd, u.is_hard, u.soft_percents::integer[], u.created_at, u.updated_at,
             u.revision
        from unnest(
          $1::uuid[], $2::integer[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[],
          $9::integer[], $10::text[], $11::numeric[], $12::boolean[], $13::text[], $14::timestamptz[],
          $15::timestamptz[], $16::bigint[])
          as u (budget_id, workspace_id, name, project_id, agent_name, task_id, model, period_kind, period_days, zone,
                limit_usd, is_hard, soft_percents, created_at, updated_at, revision)
      on conflict (budget_id) do update
         set name = excluded.name, project_id = excluded.project_id, agent_name = excluded.agent_name,
             task_id = excluded.task_id, model = excluded.model, period_kind = excluded.period_kind,
             period_days = excluded.period_days, zone = excluded.zone, limit_usd = excluded.limit_usd,
             is_hard = excluded.is_hard, soft_percents = excluded.soft_percents, updated_at = excluded.updated_at,
             revision = excluded.revision
       where b.revision < excluded.revision`,
    values: [
      plainArray(rows.map(({ budgetId }) => budgetId)),
      plainArray(rows.map(({ workspaceId }) => workspaceId)),
      textArray(rows.map(({ terms }) => terms.name)),
      plainArray(rows.map(({ terms }) => terms.scope.projectId)),
      textArray(rows.map(({ terms }) => terms.scope.agent)),
      plainArray(rows.map(({ terms }) => terms.scope.taskId)),
      textArray(rows.map(({ terms }) => terms.scope.model)),
      textArray(rows.map(({ terms }) => terms.period.kind)),
      plainArray(rows.map(({ terms }) => terms.period.days)),
      textArray(rows.map(({ terms }) => terms.period.zone)),
      plainArray(rows.map(({ terms }) => terms.limitUsd)),
      plainArray(rows.map(({ terms }) => terms.hard)),
      textArray(rows.map(({ terms }) => plainArray(terms.softPercents))),
      textArray(rows.map(({ createdAt, updatedAt }) => createdAt ?? updatedAt)),
      textArray(rows.map(({ updatedAt }) => updatedAt)),
      plainArray(rows.map(({ revision }) => revision)),
    ],
  });
}

async function endBudgets(transaction: SqlTransaction, rows: readonly BudgetChange[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `budgets_end_v${v}`,
    text: `
      update budget_v${v} b
         set deleted_at = u.deleted_at, updated_at = u.deleted_at, revision = u.revision
        from unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) as u (budget_id, deleted_at, revision)
       where b.budget_id = u.budget_id and b.deleted_at is null`,
    values: [
      plainArray(rows.map(({ budgetId }) => budgetId)),
      textArray(rows.map(({ deletedAt }) => deletedAt ?? null)),
      plainArray(rows.map(({ revision }) => revision)),
    ],
  });
}

async function writeThresholds(
  transaction: SqlTransaction,
  rows: readonly ThresholdChange[],
  v: number,
): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `budgets_thresholds_v${v}`,
    text: `
      insert into budget_threshold_v${v} as t (
        budget_id, workspace_id, period, kind, percent, crossing, is_reached, changed_at, limit_usd, spent_usd,
        unpriced_requests, position, revision)
      select * from unnest(
        $1::uuid[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::boolean[],
        $8::timestamptz[], $9::numeric[], $10::numeric[], $11::bigint[], $12::bigint[], $13::bigint[])
      on conflict (budget_id, period, kind, percent) do update
         set crossing = excluded.crossing, is_reached = excluded.is_reached, changed_at = excluded.changed_at,
             limit_usd = excluded.limit_usd, spent_usd = excluded.spent_usd,
             unpriced_requests = excluded.unpriced_requests, position = excluded.position, revision = excluded.revision
       where t.revision < excluded.revision`,
    values: [
      plainArray(rows.map(({ crossing }) => crossing.budgetId)),
      plainArray(rows.map(({ workspaceId }) => workspaceId)),
      textArray(rows.map(({ crossing }) => crossing.period)),
      textArray(rows.map(({ crossing }) => crossing.kind)),
      plainArray(rows.map(({ crossing }) => crossing.percent)),
      plainArray(rows.map(({ crossing }) => crossing.crossing)),
      plainArray(rows.map(({ isReached }) => isReached)),
      textArray(rows.map(({ at }) => at)),
      plainArray(rows.map(({ crossing }) => crossing.limitUsd)),
      plainArray(rows.map(({ crossing }) => crossing.spentUsd)),
      plainArray(rows.map(({ crossing }) => crossing.unpricedRequests)),
      plainArray(rows.map(({ crossing }) => crossing.position)),
      plainArray(rows.map(({ revision }) => revision)),
    ],
  });
}
