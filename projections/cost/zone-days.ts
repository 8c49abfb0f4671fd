import type { SqlReader } from '../engine/sql.js';
import type { UsageRange } from './usage-range.js';

/** How the days of a zone lie over a range. Instants are ms since 1970. */
export interface ZoneDays {
  /** Whether the rollups hold the days of this zone. */
  readonly isCovered: boolean;
  /** The first whole day of the range and its beginning; undefined: the range has no beginning. */
  readonly first: { readonly day: string; readonly at: number } | undefined;
  /** The day after the last whole one, and its beginning; undefined: the range has no end. */
  readonly after: { readonly day: string; readonly at: number } | undefined;
  /** UTC hours in which a day of the zone begins somewhere but at their start. */
  readonly splitHours: readonly number[];
}

/**
 * The beginning of a local day is the first instant that bears its date: where a clock goes back over midnight, midnight
 * comes twice. SQL over the zone `$1` and the day `b.d`.
 */
export const BEGINNING = `
  (select min(x.c - o) from (select b.d::timestamp at time zone $1 as c) x,
          unnest('{0 minutes,30 minutes,1 hour,2 hours}'::interval[]) o
    where ((x.c - o) at time zone $1)::date = b.d)`;

const MOMENT = (parameter: string) => `(timestamptz 'epoch' + ${parameter}::bigint * interval '1 millisecond')`;
export const MS = (instant: string) => `(extract(epoch from ${instant}) * 1000)::bigint`;

/** Asks the database, whose time zones are those that the rollups were made with. */
export async function zoneDays(
  sql: SqlReader,
  workspaceId: number,
  zone: string,
  { from, until }: UsageRange,
): Promise<ZoneDays> {
  const [row] = await sql.query<ZoneRecord>(
    `with edges as (
       select b.edge, b.d::text as day, ${MS(BEGINNING)} as at
         from (
           select 'first' as edge,
                  case when ((f - interval '1 millisecond') at time zone $1)::date < (f at time zone $1)::date
                       then (f at time zone $1)::date else (f at time zone $1)::date + 1 end as d
             from (select ${MOMENT('$3')} as f) i where $3::bigint is not null
           union all
           select 'after', (u at time zone $1)::date from (select ${MOMENT('$4')} as u) i where $4::bigint is not null
         ) b
     ),
     seen as (
       select greatest(min(bucket), timestamptz '1970-01-01') as earliest, max(bucket) as latest
         from cost_hour_model where workspace_id = $2
     )
     select exists (select 1 from reporting_zone where zone = $1 and covered_until = 'infinity') as is_covered,
            (select json_agg(edges) from edges) as edges,
            (select array_agg(distinct ${MS(`date_trunc('hour', m.c, 'UTC')`)})
               from seen, generate_series(
                      (greatest(seen.earliest, ${MOMENT('$3')}) at time zone $1)::date,
                      (least(seen.latest, ${MOMENT('$4')}) at time zone $1)::date + 1, interval '1 day') as d,
                    lateral (select d::timestamp at time zone $1 as c) m
              where m.c <> date_trunc('hour', m.c, 'UTC')) as split_hours`,
    [zone, workspaceId, from ?? null, until ?? null],
  );
  const edge = (name: string) => row?.edges?.find(({ edge }) => edge === name);
  return {
    isCovered: row?.is_covered ?? false,
    first: edge('first'),
    after: edge('after'),
    splitHours: row?.split_hours?.map(Number) ?? [],
  };
}

/** The days of UTC, which are always kept and need nobody to be asked. */
export function utcDays({ from, until }: UsageRange): ZoneDays {
  const day = (at: number) => ({ day: new Date(at).toISOString().slice(0, 10), at });
  return {
    isCovered: true,
    first: from === undefined ? undefined : day(Math.ceil(from / DAY_MS) * DAY_MS),
    after: until === undefined ? undefined : day(Math.floor(until / DAY_MS) * DAY_MS),
    splitHours: [],
  };
}

const DAY_MS = 86_400_000;

interface ZoneRecord {
  readonly is_covered: boolean;
  readonly edges: readonly { readonly edge: string; readonly day: string; readonly at: number }[] | null;
  readonly split_hours: readonly string[] | null;
}
