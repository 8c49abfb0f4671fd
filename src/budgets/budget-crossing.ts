import type { ThresholdRow } from '../../projections/budgets/budgets.queries.js';
import { isOver, thresholdsOf } from './budget.decider.js';
import type { BudgetTerms } from './budgets.events.js';

/** True when a budget's stream may have something to say about these figures. Only a first look: the stream decides. */
export function crossesSomething(
  terms: BudgetTerms,
  spentUsd: string,
  known: readonly Pick<ThresholdRow, 'kind' | 'percent' | 'isReached'>[],
): boolean {
  const wanted = thresholdsOf(terms).filter((threshold) => isOver(threshold, spentUsd, terms.limitUsd));
  const reached = known.filter(({ isReached }) => isReached);
  const key = ({ kind, percent }: { readonly kind: string; readonly percent: number }) => `${kind} ${percent}`;
  const before = new Set(reached.map(key));
  return wanted.length !== before.size || wanted.some((threshold) => !before.has(key(threshold)));
}
