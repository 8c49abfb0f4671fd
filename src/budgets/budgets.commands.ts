import { Injectable } from '@nestjs/common';
import { BudgetQueries } from '../../projections/budgets/budgets.queries.js';
import type { CommandContext } from '../platform/command/command-context.js';
import type { Position } from '../platform/event-store/position.js';
import { invalid, notFound, Refusal } from '../platform/http/errors.js';
import { derivedId } from '../platform/ids/ids.js';
import { ProjectDirectory } from '../projects/project-directory.js';
import { TaskDirectory } from '../tasks/task-directory.js';
import type { BudgetCommand } from './budget.decider.js';
import { BudgetDirectory } from './budget-directory.js';
import type { BudgetTerms } from './budgets.events.js';

const MOST_BUDGETS = 500;

export interface BudgetEffect {
  readonly budgetId: string;
  readonly terms: BudgetTerms;
  readonly position: Position | undefined;
  readonly replayed: boolean;
}

/** How budgets come, change and go. */
@Injectable()
export class BudgetCommands {
  constructor(
    private readonly directory: BudgetDirectory,
    private readonly queries: BudgetQueries,
    private readonly projects: ProjectDirectory,
    private readonly tasks: TaskDirectory,
  ) {}

  /** Errors: 400 for a scope or a zone that does not exist, 422 when the workspace has its most. */
  async define(context: CommandContext, terms: BudgetTerms): Promise<BudgetEffect> {
    await this.check(context.workspaceId, terms);
    // Of the command: a repeat under the same key finds what the first one did.
    const budgetId = derivedId('budget', context.commandId);
    const { total } = await this.queries.list(context.workspaceId, { limit: 1, offset: 0 });
    if (total >= MOST_BUDGETS) throw new Refusal(422, `A workspace has at most ${MOST_BUDGETS} budgets`);
    return this.run(context, budgetId, { type: 'DefineBudget', budgetId, terms });
  }

  /** Errors: 400 as {@link define}, 404. */
  async change(context: CommandContext, budgetId: string, terms: BudgetTerms): Promise<BudgetEffect> {
    await this.check(context.workspaceId, terms);
    return this.run(context, budgetId, { type: 'ChangeBudget', terms });
  }

  /** Errors: 404 for a budget that never was; a deleted one stays deleted. */
  delete(context: CommandContext, budgetId: string): Promise<BudgetEffect> {
    return this.run(context, budgetId, { type: 'DeleteBudget' });
  }

  private async run(context: CommandContext, budgetId: string, command: BudgetCommand): Promise<BudgetEffect> {
    const outcome = await this.directory.execute(context, budgetId, command);
    if (outcome.kind === 'refused' || outcome.state.kind === 'none') throw notFound('Budget not found');
    const { state, position, replayed } = outcome;
    return { budgetId, terms: state.terms, position, replayed };
  }

  private async check(workspaceId: number, { scope, period }: BudgetTerms): Promise<void> {
    const { projectId, taskId } = scope;
    const faults = [
      ...(projectId !== null && (await this.projects.find(workspaceId, projectId)) === undefined
        ? ['scope.projectId: there is no such project']
        : []),
      ...(taskId !== null && (await this.tasks.find(workspaceId, taskId)) === undefined
        ? ['scope.taskId: there is no such task']
        : []),
      ...((await this.queries.knowsZone(period.zone)) ? [] : ['period.zone: must be an IANA time zone']),
    ];
    if (faults.length > 0) throw invalid(faults, 'Invalid budget');
  }
}
