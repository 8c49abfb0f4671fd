import { Injectable } from '@nestjs/common';
import { BudgetQueries, type BudgetRow } from '../../projections/budgets/budgets.queries.js';
import { Clock } from '../platform/clock/clock.js';
import type { BudgetStanding } from './budget-json.js';

/** How budgets stand in their period of now. */
@Injectable()
export class BudgetStandings {
  constructor(
    private readonly queries: BudgetQueries,
    private readonly clock: Clock,
  ) {}

  async of(budget: BudgetRow): Promise<BudgetStanding> {
    const nowMs = this.clock.now().getTime();
    const { current } = await this.queries.periods(budget.terms, nowMs);
    const [spend, thresholds] = await Promise.all([
      this.queries.spend(budget.workspaceId, budget.terms, current, nowMs),
      this.queries.thresholds(budget.budgetId, [current.period]),
    ]);
    return { budget, period: current, spend, thresholds, nowMs };
  }

  /** One after the other: a long list must not take every connection. */
  async ofAll(budgets: readonly BudgetRow[]): Promise<BudgetStanding[]> {
    const standings: BudgetStanding[] = [];
    for (const budget of budgets) standings.push(await this.of(budget));
    return standings;
  }
}
