import type { UsageRange } from '../../projections/cost/cost.queries.js';
import { canonicalZone } from '../platform/clock/zones.js';
import { badRequest } from '../platform/http/errors.js';
import { oneOf, type Query } from '../platform/http/list-query.js';
import { isoInstant } from './iso-instant.js';

export const timeframes = ['hour', 'day', 'week', 'month', 'all'] as const;
export type Timeframe = (typeof timeframes)[number];

const HOUR_MS = 3_600_000;
const LENGTH_MS: Readonly<Record<Timeframe, number | undefined>> = {
  hour: HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
  month: 30 * 24 * HOUR_MS,
  all: undefined,
};

export interface UsagePeriod extends UsageRange {
  readonly timeframe: Timeframe;
}

/** `timeframe` (rolling, default all), or `since` and `until` as ISO 8601 or ms. Errors: 400. */
export function periodOf(query: Query, now: Date): UsagePeriod {
  const timeframe = oneOf(query, 'timeframe', timeframes) ?? 'all';
  const since = instantOf(query, 'since');
  const until = instantOf(query, 'until');
  if (since !== undefined && until !== undefined && since > until) throw badRequest('since must not be after until');
  const length = LENGTH_MS[timeframe];
  const from = since ?? (length === undefined ? undefined : now.getTime() - length);
  return { timeframe, ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
}

/**
 * An IANA zone, default UTC. One of the reporting zones, by whichever of its names, is spelled as these are: their days
 * are kept. Errors: 400.
 */
export function zoneOf(query: Query, reportingZones: readonly string[], name = 'tz'): string {
  const zone = query[name] ?? 'UTC';
  const canonical = typeof zone === 'string' ? canonicalZone(zone) : undefined;
  if (typeof zone !== 'string' || canonical === undefined) {
    throw badRequest(`Invalid ${name}. Expected an IANA time zone.`);
  }
  return ['UTC', ...reportingZones].find((known) => canonicalZone(known) === canonical) ?? zone;
}

/** ISO 8601 with a zone, or ms since 1970; undefined when it is absent. Errors: 400. */
export function instantOf(query: Query, name: string): number | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  const ms = typeof value !== 'string' ? Number.NaN : /^\d{1,15}$/.test(value) ? Number(value) : isoInstant(value);
  if (!Number.isFinite(ms)) throw badRequest(`Invalid ${name}. Expected ISO 8601 with a zone, or milliseconds.`);
  return ms;
}
