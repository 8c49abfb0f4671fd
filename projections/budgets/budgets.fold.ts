import type { BudgetEvent, BudgetTerms, ThresholdCrossing } from '../../src/budgets/budgets.events.js';
import type { Stored } from '../engine/projection.js';

/** What a batch says about one budget: all of its terms, or its end, or both. */
export interface BudgetChange {
  readonly budgetId: string;
  readonly workspaceId: number;
  terms?: BudgetTerms;
  /** Set when the batch holds the definition. */
  createdAt?: string;
  deletedAt?: string;
  updatedAt: string;
  revision: bigint;
}

/** The last that a batch says about one threshold of one period. */
export interface ThresholdChange {
  readonly workspaceId: number;
  readonly crossing: ThresholdCrossing;
  readonly isReached: boolean;
  readonly at: string;
  readonly revision: bigint;
}

export interface BudgetsChanges {
  readonly budgets: ReadonlyMap<string, BudgetChange>;
  readonly thresholds: ReadonlyMap<string, ThresholdChange>;
}

export function foldBudgets(events: readonly Stored<BudgetEvent>[]): BudgetsChanges {
  const budgets = new Map<string, BudgetChange>();
  const thresholds = new Map<string, ThresholdChange>();
  for (const event of events) {
    switch (event.type) {
      case 'BudgetDefined':
      case 'BudgetChanged': {
        const { budgetId: _, ...terms } = event.data;
        const change = changeOf(budgets, event);
        change.terms = terms;
        if (event.type === 'BudgetDefined') change.createdAt = event.metadata.recordedAt;
        break;
      }
      case 'BudgetDeleted':
        changeOf(budgets, event).deletedAt = event.metadata.recordedAt;
        break;
      case 'BudgetThresholdReached':
      case 'BudgetRecovered': {
        const { budgetId, period, kind, percent } = event.data;
        thresholds.set(JSON.stringify([budgetId, period, kind, percent]), {
          workspaceId: event.metadata.workspaceId,
          crossing: event.data,
          isReached: event.type === 'BudgetThresholdReached',
          at: event.metadata.recordedAt,
          revision: event.revision,
        });
        break;
      }
      default:
        event satisfies never;
    }
  }
  return { budgets, thresholds };
}

function changeOf(budgets: Map<string, BudgetChange>, event: Stored<BudgetEvent>): BudgetChange {
  const { budgetId } = event.data;
  const { workspaceId, recordedAt } = event.metadata;
  const change = budgets.get(budgetId) ?? { budgetId, workspaceId, updatedAt: recordedAt, revision: event.revision };
  budgets.set(budgetId, change);
  change.updatedAt = recordedAt;
  change.revision = event.revision;
  return change;
}
