import { hourOf, measures, type Rollup, rollups, sums } from './rollups.js';

/** Of the relations that hold what a rollup is given: rows that add, rows that may also take away. */
type Suffix = 'rows' | 'net';

/**
 * Parts of a `with` list that bring the rollups up to date from a relation `d`, which has a row for each report that
 * began to count (`requests` 1) or ceased to (-1, its sums negative).
 */

/** For reports that only begin to count. */
export function addToRollups(v: number): string {
  const parts = rollups.map((rollup) => {
    const { view } = rollup;
    return `${view}_rows as materialized (${summed(rollup, 'rows')}),
            ${view}_added as (${upsert(rollup, v, `select * from ${view}_rows order by ${rollup.key.join(', ')}`)})`;
  });
  return [zoneHours(v), ...parts].join(',\n');
}

/**
 * For reports of which some cease to count. A row whose requests reach 0 is deleted, so that no empty row of an old
 * rate stays behind. All parts see the same snapshot, so no row is both deleted and written. The offset keeps the planner
 * at looking up each key: it expects more keys than there are, and would rather read the whole rollup.
 */
export function moveInRollups(v: number): string {
  const parts = rollups.map((rollup) => {
    const { view, key, measures } = rollup;
    const same = (a: string, b: string) => key.map((column) => `${a}.${column} = ${b}.${column}`).join(' and ');
    return `
        ${view}_net as materialized (
          select * from (${summed(rollup, 'net')}) n
           where ${measures.map((measure) => `n.${measure} <> 0`).join(' or ')}),
        ${view}_emptied as (
          delete from ${view}_v${v} t
           using (select x.place
                    from ${view}_net n,
                         lateral (select r.ctid as place, r.requests from ${view}_v${v} r where ${same('r', 'n')} offset 0) x
                   where n.requests < 0 and x.requests + n.requests = 0) gone
           where t.ctid = gone.place
          returning ${key.map((column) => `t.${column}`).join(', ')}),
        ${view}_moved as (${upsert(
          rollup,
          v,
          `select n.* from ${view}_net n where not exists (select 1 from ${view}_emptied e where ${same('e', 'n')})`,
        )})`;
  });
  return [zoneHours(v), ...parts].join(',\n');
}

/** The columns of `d` from a row of reports `u`; `sign` is 1 or -1. */
export function deltaColumns(sign: '1' | '-1', row: string): string {
  return `
    ${row}.workspace_id, ${row}.occurred_at, ${hourOf(`${row}.occurred_at`)} as bucket, ${row}.agent_name, coalesce(${row}.agent_id, 0) as agent_id,
    ${row}.session_id, ${row}.task_id, ${row}.model,
    coalesce(${row}.service_class, 'standard') as service_class, ${row}.rate_id, ${sign} as requests,
    ${sums.map((sum) => `${sign} * coalesce(${row}.${sum}, 0) as ${sum}`).join(', ')}`;
}

/** Sums of rows `row`, each of which has a rate or the place of one: of reports or of a finer rollup. */
export function sumsOfRated({ measures }: Rollup, row: string): string {
  return measures
    .map((measure) =>
      measure === 'unpriced_requests'
        ? `sum(case when ${row}.rate_id > 0 then 0 else ${row}.requests end) as ${measure}`
        : `sum(${row}.${measure}) as ${measure}`,
    )
    .join(', ');
}

/** One row a key, from the reports or from what the finer rollup is given. */
function summed(rollup: Rollup, suffix: Suffix): string {
  const { key, isZoned, isOfTasks, within, withinHours } = rollup;
  const by = `group by ${key.map((_, index) => index + 1).join(', ')}`;
  if (within !== undefined || withinHours !== undefined) {
    const taken = (column: string) =>
      column === 'day' && !isZoned ? `(s.bucket at time zone 'UTC')::date as day` : `s.${column}`;
    return `
      select ${key.map(taken).join(', ')}, ${sumsOfRated(rollup, 's')}
        from ${within === undefined ? `(${daysOfHours(rollup, `${withinHours}_${suffix}`)})` : `${within}_${suffix}`} s ${by}`;
  }
  return `
    select ${key.map((column) => `d.${column}`).join(', ')}, ${sumsOfRated(rollup, 'd')}
      from d ${isOfTasks ? 'where d.task_id is not null' : ''}
     ${by}`;
}

/** Which hours of `d` lie in one day of a zone: those within which its clock keeps its offset and its date. */
function zoneHours(v: number): string {
  const end = `(b.bucket + interval '59 minutes 59.999 seconds')`;
  return `
    zone_hours as materialized (
      select b.bucket, z.zone, (b.bucket at time zone z.zone)::date as day,
             ${end} at time zone z.zone - b.bucket at time zone z.zone = interval '59 minutes 59.999 seconds'
               and (b.bucket at time zone z.zone)::date = (${end} at time zone z.zone)::date as is_whole
        from (select distinct bucket from d) b join reporting_zone_v${v} z on b.bucket < z.covered_until)`;
}

/** Rows of days: from sums of hours, and from the reports of those hours that belong to two days. */
function daysOfHours({ key, from }: Rollup, hours: string): string {
  const rest = key.filter((column) => column !== 'zone' && column !== 'day');
  const columns = (row: string) => [...rest, ...measures].map((column) => `${row}.${column}`).join(', ');
  return `
    select z.zone, z.day, ${columns('h')} from ${hours} h join zone_hours z on z.bucket = h.bucket and z.is_whole
    union all
    select z.zone, ${from['day']}, ${columns('d')} from d join zone_hours z on z.bucket = d.bucket and not z.is_whole`;
}

function upsert({ view, key, measures }: Rollup, v: number, rows: string): string {
  return `
    insert into ${view}_v${v} as t (${[...key, ...measures].join(', ')})
    ${rows}
    on conflict (${key.join(', ')}) do update
       set ${measures.map((measure) => `${measure} = t.${measure} + excluded.${measure}`).join(', ')}`;
}
