import type { BudgetRow, BudgetSpend, PeriodBounds, ThresholdRow } from '../../projections/budgets/budgets.queries.js';
import { COST_DECIMALS, decimalOf, unitsOf } from '../../projections/cost/decimal.js';
import { FORECAST_METHOD, forecastOf, type Forecast } from './budget-forecast.js';
import type { BudgetTerms } from './budgets.events.js';

/** A budget with what the books say about its period of now. */
export interface BudgetStanding {
  readonly budget: BudgetRow;
  readonly period: PeriodBounds;
  readonly spend: BudgetSpend;
  readonly thresholds: readonly ThresholdRow[];
  readonly nowMs: number;
}

const PERCENT_DECIMALS = 2;

export function budgetJson({ budgetId, terms, createdAt, updatedAt }: BudgetRow) {
  return {
    id: budgetId,
    ...termsJson(terms),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}

export function termsJson({ name, scope, period, limitUsd, softPercents, hard }: BudgetTerms) {
  return { name, scope: { ...scope }, period: { ...period }, limitUsd, softPercents: [...softPercents], hard };
}

export function standingJson({ budget, period, spend, thresholds, nowMs }: BudgetStanding) {
  const { limitUsd, hard } = budget.terms;
  const { costUsd: spentUsd, requests, unpricedRequests } = spend.sums;
  const remaining = unitsOf(limitUsd, COST_DECIMALS) - unitsOf(spentUsd, COST_DECIMALS);
  const forecast = forecastOf({ ...spend, spentUsd, limitUsd, nowMs, untilMs: period.until });
  return {
    ...budgetJson(budget),
    status: {
      period: period.period,
      from: instantText(period.from),
      until: instantText(period.until),
      spentUsd,
      remainingUsd: decimalOf(remaining, COST_DECIMALS),
      percentUsed: percentText(spentUsd, limitUsd),
      requests: countOf(requests),
      unpricedRequests: countOf(unpricedRequests),
      thresholds: thresholds.map(({ kind, percent, crossing, isReached, changedAt }) => ({
        kind,
        percent,
        crossing,
        reached: isReached,
        changedAt: changedAt.toISOString(),
      })),
      stopsNewWork: hard && thresholds.some(({ kind, isReached }) => kind === 'hard' && isReached),
      forecast: forecastJson(forecast),
    },
  };
}

function forecastJson(forecast: Forecast) {
  if (forecast.kind === 'unknown') return { method: FORECAST_METHOD, unknown: forecast.reason };
  const { meanHourlyUsd, endOfPeriodUsd, reachesLimitAtMs } = forecast;
  return {
    method: FORECAST_METHOD,
    meanHourlyUsd,
    endOfPeriodUsd,
    reachesLimitAt: reachesLimitAtMs === null ? null : instantText(reachesLimitAtMs),
  };
}

/** Of the limit, cut after two decimals. */
function percentText(spentUsd: string, limitUsd: string): string {
  const hundredths = (unitsOf(spentUsd, COST_DECIMALS) * 10_000n) / unitsOf(limitUsd, COST_DECIMALS);
  return decimalOf(hundredths, PERCENT_DECIMALS);
}

function instantText(ms: number): string {
  return new Date(ms).toISOString();
}

/** Requests, never money. */
function countOf(requests: bigint): number {
  return parseInt(requests.toString(), 10);
}
