import type { SqlTransaction } from '../engine/sql.js';
import { deltaColumns, sumsOfRated } from './rollup-sql.js';
import { rollups } from './rollups.js';

/** About how many reports one chunk sums. */
const CHUNK_REQUESTS = 50_000;

interface ZoneRow {
  readonly zone: string;
  readonly covered_until: string;
}

/**
 * Brings the zones that days are kept in to the wanted ones. A new zone is filled from the oldest report on, a stretch a
 * chunk; up to where it has come, every change of a report changes its days too, so that it may be cut off anywhere.
 * A zone that the database does not know is left out. False: nothing is left to do.
 */
export async function coverZones(transaction: SqlTransaction, v: number, wanted: readonly string[]): Promise<boolean> {
  const zones = await transaction.run<ZoneRow>({
    text: `select zone, covered_until::text from reporting_zone_v${v} order by zone`,
  });
  const known = new Set(zones.map(({ zone }) => zone));
  const added = [...new Set(wanted)].filter((zone) => !known.has(zone));
  const removed = [...known].filter((zone) => zone !== 'UTC' && !wanted.includes(zone));
  if (removed.length > 0) await dropZones(transaction, v, removed);
  const isAdded = added.length > 0 && (await addZones(transaction, v, added));
  const open = zones.find(({ zone, covered_until }) => covered_until !== 'infinity' && !removed.includes(zone));
  if (open === undefined) return isAdded;
  await coverNext(transaction, v, open);
  return true;
}

async function dropZones(transaction: SqlTransaction, v: number, zones: readonly string[]): Promise<void> {
  for (const table of ['reporting_zone', ...zoned().map(({ view }) => view)]) {
    await transaction.run({ text: `delete from ${table}_v${v} where zone = any($1::text[])`, values: [zones] });
  }
}

async function addZones(transaction: SqlTransaction, v: number, zones: readonly string[]): Promise<boolean> {
  const added = await transaction.run({
    text: `insert into reporting_zone_v${v} (zone, covered_until)
           select name, '-infinity' from pg_timezone_names where name = any($1::text[]) returning zone`,
    values: [zones],
  });
  return added.length > 0;
}

async function coverNext(transaction: SqlTransaction, v: number, { zone, covered_until }: ZoneRow): Promise<void> {
  const [next] = await transaction.run<{ until: string }>({
    text: `
      select coalesce(
        (select s.bucket + interval '1 hour'
           from (select bucket, sum(sum(requests)) over (order by bucket) as so_far
                   from cost_hour_model_v${v} where bucket >= $1::timestamptz group by bucket) s
          where s.so_far >= ${CHUNK_REQUESTS} order by s.bucket limit 1),
        'infinity')::text as until`,
    values: [covered_until],
  });
  const until = next?.until ?? 'infinity';
  for (const rollup of zoned()) {
    const { view, key, from, measures } = rollup;
    await transaction.run({
      text: `
        insert into ${view}_v${v} as t (${[...key, ...measures].join(', ')})
        select ${key.map((column) => `${from[column] ?? `d.${column}`} as ${column}`).join(', ')},
               ${sumsOfRated(rollup, 'd')}
          from (
            select ${deltaColumns('1', 'e')}
              from (select distinct workspace_id from cost_hour_model_v${v}
                     where bucket >= $2::timestamptz and bucket < $3::timestamptz) w
              join usage_event_v${v} e on e.workspace_id = w.workspace_id
               and e.occurred_ms >= ${msOf('$2', 'least')} and e.occurred_ms < ${msOf('$3', 'most')}
          ) d, (select $1::text as zone) z
         group by ${key.map((_, index) => index + 1).join(', ')}
        on conflict (${key.join(', ')}) do update
           set ${measures.map((measure) => `${measure} = t.${measure} + excluded.${measure}`).join(', ')}`,
      values: [zone, covered_until, until],
    });
  }
  await transaction.run({
    text: `update reporting_zone_v${v} set covered_until = $2::timestamptz where zone = $1`,
    values: [zone, until],
  });
}

function zoned() {
  return rollups.filter(({ isZoned }) => isZoned);
}

/** Ms since 1970 of an hour; before everything and after everything for the infinities. */
function msOf(parameter: string, edge: 'least' | 'most'): string {
  const infinite = edge === 'least' ? '-9223372036854775808' : '9223372036854775807';
  return `case when isfinite(${parameter}::timestamptz)
               then (extract(epoch from ${parameter}::timestamptz) * 1000)::bigint else ${infinite} end`;
}
