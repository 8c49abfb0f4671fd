import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  BudgetQueries,
  type BooksMark,
  type BudgetRow,
  type PeriodBounds,
} from '../../projections/budgets/budgets.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { RepeatingJob } from '../platform/clock/repeating-job.js';
import { systemContext } from '../platform/command/command-context.js';
import { Ids } from '../platform/ids/ids.js';
import { Database } from '../platform/read-models/database.js';
import { Logger } from '../platform/telemetry/logger.js';
import type { BudgetCommand } from './budget.decider.js';
import { BudgetDirectory } from './budget-directory.js';
import { crossesSomething } from './budget-crossing.js';

const EVERY_MS = 1_000;
/** Periods begin and rolling days pass without any event. */
const AT_LEAST_EVERY_MS = 30_000;

/**
 * Role `reactors`: looks at the books whenever they have moved and tells each budget what it has come to. Whether that is
 * news is decided by the budget's own stream, so that nothing is told twice, whoever looks and however often.
 */
@Injectable()
export class BudgetWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private job: RepeatingJob | undefined;
  private seen: { readonly mark: BooksMark; readonly at: number } | undefined;
  private isTroubleKnown = false;

  constructor(
    private readonly queries: BudgetQueries,
    private readonly directory: BudgetDirectory,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.job = new RepeatingJob(
      EVERY_MS,
      () => this.look(),
      (error) => {
        if (!this.isTroubleKnown) this.logger.warn({ err: error }, 'budgets cannot be assessed now, will try again');
        this.isTroubleKnown = true;
      },
    );
  }

  async onApplicationShutdown(): Promise<void> {
    await this.job?.stop();
  }

  private async look(): Promise<void> {
    if (!this.database.isMigrated) return;
    const mark = await this.queries.mark();
    const at = performance.now();
    if (this.seen?.mark === mark && at - this.seen.at < AT_LEAST_EVERY_MS) return;
    for (const budget of await this.queries.all()) await this.assess(budget);
    this.seen = { mark, at };
    this.isTroubleKnown = false;
  }

  /** The period before is looked at too: late reports, corrections and prices change what it came to. */
  private async assess(budget: BudgetRow): Promise<void> {
    const nowMs = this.clock.now().getTime();
    const { current, previous } = await this.queries.periods(budget.terms, nowMs);
    const periods = previous === undefined ? [current] : [previous, current];
    for (const period of periods) await this.assessPeriod(budget, period, nowMs);
  }

  private async assessPeriod(budget: BudgetRow, period: PeriodBounds, nowMs: number): Promise<void> {
    const { budgetId, workspaceId, terms } = budget;
    const [spend, thresholds] = await Promise.all([
      this.queries.spend(workspaceId, terms, period, nowMs),
      this.queries.thresholds(budgetId, [period.period]),
    ]);
    if (!crossesSomething(terms, spend.sums.costUsd, thresholds)) return;
    const command: BudgetCommand = {
      type: 'AssessBudget',
      terms,
      period: period.period,
      spentUsd: spend.sums.costUsd,
      unpricedRequests: parseInt(spend.sums.unpricedRequests.toString(), 10),
      position: spend.position.toString(),
    };
    const id = this.ids.newId();
    await this.directory.execute(systemContext('budgets', workspaceId, id, id, this.clock.now()), budgetId, command);
  }
}
