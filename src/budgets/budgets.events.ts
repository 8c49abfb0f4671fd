import { eventContract } from '../platform/event-store/event-contract.js';

/** Whose cost counts; all that are set must hold. None: the whole workspace. */
export interface BudgetScope {
  /** Usage of tasks that are in this project now. */
  readonly projectId: number | null;
  /** The agent part of the session, exactly. */
  readonly agent: string | null;
  readonly taskId: number | null;
  /** As reported, exactly. */
  readonly model: string | null;
}

export const periodKinds = ['day', 'week', 'month', 'rolling'] as const;
export type PeriodKind = (typeof periodKinds)[number];

/** Calendar days of a zone. A week begins on Monday; a rolling period is the last `days` days, today included. */
export interface BudgetPeriod {
  readonly kind: PeriodKind;
  /** Null unless rolling. */
  readonly days: number | null;
  /** An IANA name. */
  readonly zone: string;
}

export interface BudgetTerms {
  readonly name: string;
  readonly scope: BudgetScope;
  readonly period: BudgetPeriod;
  /** USD, a decimal string above 0. */
  readonly limitUsd: string;
  /** Percentages of the limit that are told of, ascending. */
  readonly softPercents: readonly number[];
  /** At the limit no new work of the scope is handed out. */
  readonly hard: boolean;
}

export const thresholdKinds = ['soft', 'hard'] as const;
export type ThresholdKind = (typeof thresholdKinds)[number];

/** A threshold of a period was crossed, or is no longer. */
export interface ThresholdCrossing {
  readonly budgetId: string;
  readonly name: string;
  readonly scope: BudgetScope;
  /** `month 2026-11-01`: the kind and the first day; `rolling 30` has no first day. */
  readonly period: string;
  readonly kind: ThresholdKind;
  /** Of the limit; 100 for the hard one. */
  readonly percent: number;
  /** From 1: how often this threshold of this period has been crossed. */
  readonly crossing: number;
  readonly limitUsd: string;
  /** With 12 decimals. */
  readonly spentUsd: string;
  /** Requests of the scope that have no price and are not in `spentUsd`. */
  readonly unpricedRequests: number;
  /** Commit position of the log that the books had reached. */
  readonly position: string;
}

/** Stream `budget-{id}`. */
export interface BudgetDefined {
  readonly type: 'BudgetDefined';
  readonly data: BudgetTerms & { readonly budgetId: string };
}

export interface BudgetChanged {
  readonly type: 'BudgetChanged';
  readonly data: BudgetTerms & { readonly budgetId: string };
}

export interface BudgetDeleted {
  readonly type: 'BudgetDeleted';
  readonly data: { readonly budgetId: string; readonly name: string };
}

export interface BudgetThresholdReached {
  readonly type: 'BudgetThresholdReached';
  readonly data: ThresholdCrossing;
}

export interface BudgetRecovered {
  readonly type: 'BudgetRecovered';
  readonly data: ThresholdCrossing;
}

export type BudgetEvent = BudgetDefined | BudgetChanged | BudgetDeleted | BudgetThresholdReached | BudgetRecovered;

const stream = 'budget-{id}';
const frame = 'activity.created';
const budgetId = { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' };
const id = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const optional = (shape: { readonly type: string }) => ({ ...shape, type: [shape.type, 'null'] });
const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });
const usd = { type: 'string', pattern: '^\\d{1,38}(\\.\\d{1,12})?$' };

function object(properties: Record<string, object>) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

const scope = object({
  projectId: optional(id),
  agent: optional(text(512)),
  taskId: optional(id),
  model: optional(text(200)),
});
const percent = { type: 'integer', minimum: 1, maximum: 1_000 };
const terms = {
  name: text(100),
  scope,
  period: object({
    kind: { enum: periodKinds },
    days: { type: ['integer', 'null'], minimum: 1, maximum: 366 },
    zone: text(64),
  }),
  limitUsd: usd,
  softPercents: { type: 'array', maxItems: 20, items: percent },
  hard: { type: 'boolean' },
};
const crossing = object({
  budgetId,
  name: text(100),
  scope,
  period: text(40),
  kind: { enum: thresholdKinds },
  percent,
  crossing: id,
  limitUsd: usd,
  spentUsd: usd,
  unpricedRequests: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  position: { type: 'string', pattern: '^\\d{1,20}$' },
});

export const budgetEventContracts = [
  eventContract<BudgetDefined>({
    type: 'BudgetDefined',
    stream,
    description: 'There is a budget from here on.',
    producer: 'budgets',
    frame,
    schema: object({ budgetId, ...terms }),
  }),
  eventContract<BudgetChanged>({
    type: 'BudgetChanged',
    stream,
    description: 'A budget has other terms from here on.',
    producer: 'budgets',
    frame,
    schema: object({ budgetId, ...terms }),
  }),
  eventContract<BudgetDeleted>({
    type: 'BudgetDeleted',
    stream,
    description: 'A budget is watched no more, and stops nothing.',
    producer: 'budgets',
    frame,
    schema: object({ budgetId, name: text(100) }),
  }),
  eventContract<BudgetThresholdReached>({
    type: 'BudgetThresholdReached',
    stream,
    description: 'The cost of a period came to a threshold: once a crossing, whatever is replayed or priced anew.',
    producer: 'budgets',
    frame,
    schema: crossing,
  }),
  eventContract<BudgetRecovered>({
    type: 'BudgetRecovered',
    stream,
    description: 'The cost of a period is below a threshold again: it was corrected, or a limit was raised.',
    producer: 'budgets',
    frame,
    schema: crossing,
  }),
];
