import { COST_DECIMALS, decimalOf, unitsOf } from '../../projections/cost/decimal.js';

/** What a forecast is made of. Money with 12 decimals, times in ms. */
export interface SpendSoFar {
  readonly spentUsd: string;
  readonly limitUsd: string;
  /** Spent in the trailing time, at most seven days. */
  readonly trailingUsd: string;
  readonly trailingMs: number;
  readonly nowMs: number;
  readonly untilMs: number;
}

export type Forecast =
  | {
      readonly kind: 'known';
      readonly meanHourlyUsd: string;
      readonly endOfPeriodUsd: string;
      /** When the limit is reached at this mean, ms since 1970; null: not in this period, or it is reached. */
      readonly reachesLimitAtMs: number | null;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

export const FORECAST_METHOD =
  'spent so far + mean hourly spend of the trailing 7 days × remaining hours of the period';

const HOUR_MS = 3_600_000n;
const LEAST_HISTORY_MS = 24n * HOUR_MS;

/** Goes on with the mean of the trailing days to the end of the period. Quotients are cut after 12 decimals. */
export function forecastOf({ spentUsd, limitUsd, trailingUsd, trailingMs, nowMs, untilMs }: SpendSoFar): Forecast {
  const history = BigInt(trailingMs);
  if (history < LEAST_HISTORY_MS) return { kind: 'unknown', reason: 'less than 24 hours of history' };
  const spent = unitsOf(spentUsd, COST_DECIMALS);
  const trailing = unitsOf(trailingUsd, COST_DECIMALS);
  const left = unitsOf(limitUsd, COST_DECIMALS) - spent;
  const remaining = BigInt(Math.max(untilMs - nowMs, 0));
  const untilLimit = trailing === 0n ? undefined : (left * history + trailing - 1n) / trailing;
  const isInPeriod = left > 0n && untilLimit !== undefined && untilLimit < remaining;
  return {
    kind: 'known',
    meanHourlyUsd: decimalOf((trailing * HOUR_MS) / history, COST_DECIMALS),
    endOfPeriodUsd: decimalOf(spent + (trailing * remaining) / history, COST_DECIMALS),
    reachesLimitAtMs: isInPeriod ? nowMs + parseInt(untilLimit.toString(), 10) : null,
  };
}
