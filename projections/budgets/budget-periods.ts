import type { BudgetPeriod } from '../../src/budgets/budgets.events.js';
import { BEGINNING, MS } from '../cost/zone-days.js';
import type { SqlReader } from '../engine/sql.js';

/** One period of a budget. Instants are ms since 1970; `until` is not part of it. */
export interface PeriodBounds {
  /** `month 2026-11-01`; of a rolling one `rolling 30`. */
  readonly period: string;
  readonly from: number;
  readonly until: number;
}

/** SQL of the first day of the period that a day lies in. */
const firstDay = (kind: string, days: string, day: string) => `
  case ${kind} when 'week' then date_trunc('week', ${day})::date when 'month' then date_trunc('month', ${day})::date
               when 'rolling' then ${day} - (${days} - 1) else ${day} end`;

/** SQL of the first day of the period that a day lies in, and of the day after its last. */
export function periodDays(
  kind: string,
  days: string,
  day: string,
): { readonly first: string; readonly after: string } {
  const first = firstDay(kind, days, day);
  return {
    first: `(${first})`,
    after: `(case ${kind} when 'week' then (${first}) + 7 when 'month' then ((${first}) + interval '1 month')::date
                          else ${day} + 1 end)`,
  };
}

/** SQL of the name of the period that a day lies in. */
export const periodName = (kind: string, days: string, day: string): string =>
  `${kind} || ' ' || case ${kind} when 'rolling' then ${days}::text else (${firstDay(kind, days, day)})::text end`;

/**
 * The period that an instant lies in, and the one before it. The database is asked, whose time zones are those of the
 * rollups. A rolling period moves with the days and has none before it.
 */
export async function periodsAt(
  sql: SqlReader,
  { kind, days, zone }: BudgetPeriod,
  nowMs: number,
): Promise<{ readonly current: PeriodBounds; readonly previous: PeriodBounds | undefined }> {
  const rows = await sql.query<{ period: string; from_ms: string; until_ms: string }>(
    `with today as (
       select ((timestamptz 'epoch' + $4::bigint * interval '1 millisecond') at time zone $1::text)::date as d
     ),
     wanted as (
       select 1 as place, d from today
       union all
       select 2, ${firstDay('$2::text', '$3::integer', 'd')} - 1 from today where $2::text <> 'rolling'
     ),
     lying as (
       select place, ${periodName('$2::text', '$3::integer', 'd')} as period, d as day,
              ${firstDay('$2::text', '$3::integer', 'd')} as first
         from wanted
     ),
     bound as (
       select place, period, first,
              case $2::text when 'week' then first + 7 when 'month' then (first + interval '1 month')::date
                            else day + 1 end as after
         from lying
     )
     select period,
            (select ${MS(BEGINNING)} from (select first as d) b) as from_ms,
            (select ${MS(BEGINNING)} from (select after as d) b) as until_ms
       from bound order by place`,
    [zone, kind, days, nowMs],
  );
  const [current, previous] = rows.map((row) => ({
    period: row.period,
    from: parseInt(row.from_ms, 10),
    until: parseInt(row.until_ms, 10),
  }));
  if (current === undefined) throw new Error(`no period of kind ${kind}`);
  return { current, previous };
}
