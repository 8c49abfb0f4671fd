import { Injectable } from '@nestjs/common';
import { Aggregates } from '../platform/command/aggregates.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { DecisionLoop, type Outcome } from '../platform/command/decision-loop.js';
import { EventStore } from '../platform/event-store/event-store.js';
import {
  budgetDecider,
  budgetStream,
  type BudgetCommand,
  type BudgetRefusal,
  type BudgetState,
} from './budget.decider.js';
import type { BudgetEvent } from './budgets.events.js';

/** Budgets straight from their streams. They are rarely asked for, so nothing is answered from memory. */
@Injectable()
export class BudgetDirectory {
  private readonly loop: DecisionLoop<BudgetState, BudgetEvent>;

  constructor(store: EventStore) {
    const aggregates = new Aggregates(store, { isLive: () => false }, budgetDecider);
    this.loop = new DecisionLoop(store, aggregates, budgetDecider);
  }

  /** Decides and appends on one budget's stream. A budget of another workspace looks like none. */
  execute(
    context: CommandContext,
    budgetId: string,
    command: BudgetCommand,
  ): Promise<Outcome<BudgetState, BudgetEvent, BudgetRefusal>> {
    return this.loop.execute(budgetStream(budgetId), context, ({ state, workspaceId }) =>
      workspaceId !== undefined && workspaceId !== context.workspaceId
        ? { kind: 'refused', refusal: 'NotDefined' }
        : budgetDecider.decide(command, state),
    );
  }
}
