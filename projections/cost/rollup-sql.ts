import { measures, type Rollup, rollups, sums } from './rollups.js';

/**
 * Parts of a `with` list that bring the rollups up to date from a relation `d`, which has a row for each report that
 * began to count (`requests` 1) or ceased to (-1, its sums negative).
 */

/** For reports that only begin to count. */
export function addToRollups(v: number): string {
  return rollups
    .map((rollup) => {
      const { view } = rollup;
      return `${view}_rows as materialized (${summed(rollup, v, 'rows')}),
              ${view}_added as (${upsert(rollup, v, `select * from ${view}_rows order by ${rollup.key.join(', ')}`)})`;
    })
    .join(',\n');
}

/**
 * For reports of which some cease to count. A row whose requests reach 0 is deleted, so that no empty row of an old
 * rate stays behind. All parts see the same snapshot, so no row is both deleted and written. The offset keeps the planner
 * at looking up each key: it expects more keys than there are, and would rather read the whole rollup.
 */
export function moveInRollups(v: number): string {
  return rollups
    .map((rollup) => {
      const { view, key } = rollup;
      const same = (a: string, b: string) => key.map((column) => `${a}.${column} = ${b}.${column}`).join(' and ');
      const source = rollup.within === undefined ? 'd' : 's';
      return `
        ${view}_net as materialized (
          ${summed(rollup, v, 'net')}
          having ${measures.map((measure) => `sum(${source}.${measure}) <> 0`).join(' or ')}),
        ${view}_emptied as (
          delete from ${view}_v${v} t
           using (select x.place
                    from ${view}_net n,
                         lateral (select r.ctid as place, r.requests from ${view}_v${v} r where ${same('r', 'n')} offset 0) x
                   where x.requests + n.requests = 0) gone
           where t.ctid = gone.place
          returning ${key.map((column) => `t.${column}`).join(', ')}),
        ${view}_moved as (${upsert(
          rollup,
          v,
          `select n.* from ${view}_net n where not exists (select 1 from ${view}_emptied e where ${same('e', 'n')})`,
        )})`;
    })
    .join(',\n');
}

/** The columns of `d` from a row of reports `u`; `sign` is 1 or -1. */
export function deltaColumns(sign: '1' | '-1', row: string): string {
  return `
    ${row}.workspace_id, ${row}.occurred_at, ${row}.agent_name, coalesce(${row}.agent_id, 0) as agent_id,
    ${row}.session_id, ${row}.task_id, ${row}.model,
    coalesce(${row}.service_class, 'standard') as service_class, ${row}.rate_id, ${sign} as requests,
    ${sums.map((sum) => `${sign} * coalesce(${row}.${sum}, 0) as ${sum}`).join(', ')}`;
}

/** One row a key, from the reports or from what the finer rollup is given. */
function summed({ key, from, isZoned, where, within }: Rollup, v: number, suffix: 'rows' | 'net'): string {
  const by = `group by ${key.map((_, index) => index + 1).join(', ')}`;
  if (within !== undefined) {
    return `
      select ${key.map((column) => `s.${column}`).join(', ')},
             ${measures.map((measure) => `sum(s.${measure}) as ${measure}`).join(', ')}
        from ${within}_${suffix} s ${by}`;
  }
  return `
    select ${key.map((column) => `${from[column] ?? `d.${column}`} as ${column}`).join(', ')},
           ${measures.map((measure) => `sum(d.${measure}) as ${measure}`).join(', ')}
      from d ${isZoned ? `join reporting_zone_v${v} z on d.occurred_at < z.covered_until` : ''}
     ${where === undefined ? '' : `where ${where}`}
     ${by}`;
}

function upsert({ view, key }: Rollup, v: number, rows: string): string {
  return `
    insert into ${view}_v${v} as t (${[...key, ...measures].join(', ')})
    ${rows}
    on conflict (${key.join(', ')}) do update
       set ${measures.map((measure) => `${measure} = t.${measure} + excluded.${measure}`).join(', ')}`;
}
