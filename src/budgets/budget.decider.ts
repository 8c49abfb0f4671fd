import { COST_DECIMALS, unitsOf } from '../../projections/cost/decimal.js';
import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import type { BudgetEvent, BudgetTerms, ThresholdCrossing, ThresholdKind } from './budgets.events.js';

export const budgetStream = (budgetId: string): string => `budget-${budgetId}`;

export type BudgetCommand =
  | { readonly type: 'DefineBudget'; readonly budgetId: string; readonly terms: BudgetTerms }
  | { readonly type: 'ChangeBudget'; readonly terms: BudgetTerms }
  | { readonly type: 'DeleteBudget' }
  | ({ readonly type: 'AssessBudget' } & Assessment);

/** What the books say about one period of a budget, as of a position. */
export interface Assessment {
  /** The terms that were assessed: others by now, and the figures mean nothing. */
  readonly terms: BudgetTerms;
  readonly period: string;
  /** With 12 decimals. */
  readonly spentUsd: string;
  readonly unpricedRequests: number;
  readonly position: string;
}

export type BudgetRefusal = 'NotDefined' | 'Deleted';

interface Threshold {
  readonly kind: ThresholdKind;
  readonly percent: number;
}

/** How often a threshold of a period was crossed, and whether it is now. */
interface ThresholdState extends Threshold {
  readonly crossing: number;
  readonly isReached: boolean;
}

export interface PeriodState {
  readonly period: string;
  readonly thresholds: readonly ThresholdState[];
  /** Of the books, at the last crossing or recovery. */
  readonly position: bigint;
}

export interface LivingBudget {
  readonly kind: 'active' | 'deleted';
  readonly budgetId: string;
  readonly terms: BudgetTerms;
  /** Newest last. Only a period and the one before it are ever assessed. */
  readonly periods: readonly PeriodState[];
}

export type BudgetState = { readonly kind: 'none' } | LivingBudget;

type BudgetDecision = Decision<BudgetEvent, BudgetRefusal>;

const REMEMBERED_PERIODS = 12;

function evolve(state: BudgetState, event: BudgetEvent): BudgetState {
  if (event.type === 'BudgetDefined') {
    const { budgetId, ...terms } = event.data;
    return { kind: 'active', budgetId, terms, periods: [] };
  }
  if (state.kind === 'none') return state;
  switch (event.type) {
    case 'BudgetChanged': {
      const { budgetId: _, ...terms } = event.data;
      return { ...state, terms };
    }
    case 'BudgetDeleted':
      return { ...state, kind: 'deleted' };
    case 'BudgetThresholdReached':
      return crossed(state, event.data, true);
    case 'BudgetRecovered':
      return crossed(state, event.data, false);
    default:
      return state;
  }
}

function decide(command: BudgetCommand, state: BudgetState): BudgetDecision {
  if (state.kind === 'none') {
    return command.type === 'DefineBudget'
      ? accepted({ type: 'BudgetDefined', data: { budgetId: command.budgetId, ...command.terms } })
      : refused('NotDefined');
  }
  if (state.kind === 'deleted') return command.type === 'DeleteBudget' ? accepted() : refused('Deleted');
  switch (command.type) {
    case 'DefineBudget':
      return accepted();
    case 'ChangeBudget':
      return isSame(command.terms, state.terms)
        ? accepted()
        : accepted({ type: 'BudgetChanged', data: { budgetId: state.budgetId, ...command.terms } });
    case 'DeleteBudget':
      return accepted({ type: 'BudgetDeleted', data: { budgetId: state.budgetId, name: state.terms.name } });
    case 'AssessBudget':
      return accepted(...assess(command, state));
    default:
      return unreachable(command);
  }
}

/** What the stream says about every crossing is the only word on it: the same figures again, or older ones, say nothing. */
function assess(assessment: Assessment, state: LivingBudget): readonly BudgetEvent[] {
  const { period, spentUsd, unpricedRequests, position } = assessment;
  if (!isSame(assessment.terms, state.terms)) return [];
  const known = state.periods.find((each) => each.period === period);
  if (known !== undefined && BigInt(position) < known.position) return [];
  const { name, scope, limitUsd } = state.terms;
  const crossingOf = ({ kind, percent }: Threshold, crossing: number): ThresholdCrossing => ({
    budgetId: state.budgetId,
    name,
    scope,
    period,
    kind,
    percent,
    crossing,
    limitUsd,
    spentUsd,
    unpricedRequests,
    position,
  });
  const wanted = thresholdsOf(state.terms);
  const before = known?.thresholds ?? [];
  const over = before
    .filter(({ isReached }) => isReached)
    .filter((old) => !wanted.some((each) => isSameThreshold(each, old)) || !isOver(old, spentUsd, limitUsd));
  const reached = wanted.flatMap((threshold) => {
    const old = before.find((each) => isSameThreshold(each, threshold));
    return old?.isReached === true || !isOver(threshold, spentUsd, limitUsd)
      ? []
      : [crossingOf(threshold, (old?.crossing ?? 0) + 1)];
  });
  return [
    ...over.map((old): BudgetEvent => ({ type: 'BudgetRecovered', data: crossingOf(old, old.crossing) })),
    ...reached.map((data): BudgetEvent => ({ type: 'BudgetThresholdReached', data })),
  ];
}

/** What is told of, once a crossing. */
export function thresholdsOf({ softPercents, hard }: BudgetTerms): readonly Threshold[] {
  return [
    ...softPercents.map((percent): Threshold => ({ kind: 'soft', percent })),
    ...(hard ? [{ kind: 'hard' as const, percent: 100 }] : []),
  ];
}

/** True from the very amount on. */
export function isOver({ percent }: Threshold, spentUsd: string, limitUsd: string): boolean {
  return unitsOf(spentUsd, COST_DECIMALS) * 100n >= unitsOf(limitUsd, COST_DECIMALS) * BigInt(percent);
}

function crossed(state: LivingBudget, data: ThresholdCrossing, isReached: boolean): LivingBudget {
  const { period, kind, percent, crossing, position } = data;
  const before = state.periods.find((each) => each.period === period)?.thresholds ?? [];
  const others = before.filter((each) => !isSameThreshold(each, data));
  const now = { period, thresholds: [...others, { kind, percent, crossing, isReached }], position: BigInt(position) };
  return {
    ...state,
    periods: [...state.periods.filter((each) => each.period !== period), now].slice(-REMEMBERED_PERIODS),
  };
}

function isSameThreshold(a: Threshold, b: Threshold): boolean {
  return a.kind === b.kind && a.percent === b.percent;
}

function isSame(a: BudgetTerms, b: BudgetTerms): boolean {
  return textOf(a) === textOf(b);
}

function textOf({ name, scope, period, limitUsd, softPercents, hard }: BudgetTerms): string {
  const { projectId, agent, taskId, model } = scope;
  const { kind, days, zone } = period;
  return JSON.stringify([name, projectId, agent, taskId, model, kind, days, zone, limitUsd, softPercents, hard]);
}

function unreachable(command: never): never {
  throw new Error(`no such command: ${JSON.stringify(command)}`);
}

export const budgetDecider: Decider<BudgetState, BudgetCommand, BudgetEvent, BudgetRefusal> = {
  initialState: { kind: 'none' },
  decide,
  evolve,
};
