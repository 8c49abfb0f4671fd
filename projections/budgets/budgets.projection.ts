import type { BudgetEvent } from '../../src/budgets/budgets.events.js';
import { defineProjection } from '../engine/projection.js';
import { foldBudgets, type BudgetsChanges } from './budgets.fold.js';
import { budgetsTables } from './budgets.tables.js';
import { writeBudgets } from './budgets.writer.js';

export const budgets = defineProjection<BudgetEvent, BudgetsChanges>({
  name: 'budgets',
  policy: 'park-key',
  handles: ['BudgetDefined', 'BudgetChanged', 'BudgetDeleted', 'BudgetThresholdReached', 'BudgetRecovered'],
  tables: budgetsTables,
  keyOf: ({ stream }) => stream,
  fold: foldBudgets,
  write: writeBudgets,
});
