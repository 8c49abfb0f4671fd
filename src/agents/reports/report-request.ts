import { integer, oneOf, text, type Query } from '../../platform/http/list-query.js';
import { badRequest } from '../../platform/http/errors.js';

const BY_DEFAULT_HOURS = 24;
const MOST_HOURS = 720;
const HOUR_SECONDS = 3_600;

/** Unix seconds. */
export interface ReportPeriod {
  readonly hours: number;
  readonly since: number;
  readonly until: number;
}

/** What a self-report asks for. */
export interface ReportRequest<Section extends string> {
  readonly period: ReportPeriod;
  /** In the order in which they are answered. */
  readonly sections: readonly Section[];
  readonly privileged: boolean;
}

/** Errors: 400 for bad `hours`, `section` or `privileged`. */
export function reportRequest<const Section extends string>(
  query: Query,
  known: readonly Section[],
  now: Date,
): ReportRequest<Section> {
  const hours = integer(query, 'hours', 1, MOST_HOURS) ?? BY_DEFAULT_HOURS;
  // The second under way belongs to the period.
  const until = Math.floor(now.getTime() / 1_000) + 1;
  const privileged = ['1', 'true'].includes(oneOf(query, 'privileged', ['0', '1', 'false', 'true']) ?? '0');
  return { period: periodOf(hours, until), sections: sectionsOf(query, known), privileged };
}

/** The period of the same length that ended when this one began. */
export function periodBefore({ hours, since }: ReportPeriod): ReportPeriod {
  return periodOf(hours, since);
}

function periodOf(hours: number, until: number): ReportPeriod {
  return { hours, since: until - hours * HOUR_SECONDS, until };
}

function sectionsOf<Section extends string>(query: Query, known: readonly Section[]): readonly Section[] {
  const asked = text(query, 'section');
  if (asked === undefined) return known;
  const names = new Set(asked.split(',').map((name) => name.trim()));
  const sections = known.filter((section) => names.delete(section));
  if (names.size > 0) throw badRequest(`Invalid section. Expected some of ${known.join(', ')}.`);
  return sections;
}
