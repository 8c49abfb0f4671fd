import { hourOf, rollups } from './rollups.js';
import type { UsageRange } from './usage-range.js';
import type { ZoneDays } from './zone-days.js';

/** What usage can be sliced by, as the tables name it. */
export type SliceColumn = 'agent_name' | 'agent_id' | 'model' | 'service_class' | 'rate_id' | 'session_id' | 'task_id';

/** `hour`: the UTC hour. `day`: the day in a zone. The column is `at`. */
export type SliceTime = 'hour' | 'day';

export interface Slice {
  readonly workspaceId: number;
  readonly range: UsageRange;
  readonly columns: readonly SliceColumn[];
  readonly time?: SliceTime;
  /** Of the days; needed for them alone. */
  readonly zone?: string;
  readonly filters?: readonly SliceFilter[];
  /** Rows with a task only. */
  readonly hasTask?: boolean;
}

export interface SliceFilter {
  readonly column: SliceColumn;
  readonly values: readonly (string | number)[];
}

/** Binds a value and gives back its parameter. */
export type Bind = (value: unknown) => string;

const HOUR_MS = 3_600_000;
/** The range that PostgreSQL can tell days and hours of; reports outside of it stand at its edges. */
const LEAST_MS = -62_135_596_800_000;
const MOST_MS = 253_402_300_800_000;

export const sliceSums = [
  'requests',
  'unpriced_requests',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cost_usd',
] as const;

/** A stretch of time, ms since 1970. */
interface Stretch {
  readonly from: number | undefined;
  readonly until: number | undefined;
}

interface Sources {
  readonly hours: string;
  readonly days: string | undefined;
}

/**
 * SQL of a relation with the slice's columns, `at` when it has a time, and {@link sliceSums}; several rows may be of one
 * group. Exact whatever the range: whole days come from the days, whole hours at its edges from the hours, and what is
 * left of them from the reports themselves.
 */
export function sliceSql(slice: Slice, days: ZoneDays, bind: Bind): string {
  const { rolled, raw } = partsOf(slice, days, bind);
  const parts = [...rolled, ...raw];
  return parts.length === 0 ? nothing(slice, bind) : parts.join('\n union all ');
}

/** The same with one row a group. The rows of whole hours are taken as they are where they are that already. */
export function groupedSql(slice: Slice, days: ZoneDays, bind: Bind): string {
  const columns = [...(slice.time === undefined ? [] : ['at']), ...slice.columns];
  const sums = sliceSums.map((sum) => `sum(${sum})${isCount(sum) ? '::bigint' : ''} as ${sum}`).join(', ');
  const grouped = (rows: string) =>
    `select ${columns.join(', ')}, ${sums} from (${rows}) x group by ${columns.join(', ')}`;
  if (!hasRowAGroup(slice)) return grouped(sliceSql(slice, days, bind));
  const { rolled, raw } = partsOf(slice, days, bind);
  // In the order of its key, which the planner would not see from outside.
  const inOrder = (rows: string) => `(select * from (${rows}) x order by ${columns.join(', ')})`;
  const parts = [...rolled.map(inOrder), ...raw.map(grouped)];
  return parts.length === 0 ? nothing(slice, bind) : parts.join('\n union all ');
}

/** Of reports: what is never large, and quicker to add as what it is. */
function isCount(sum: (typeof sliceSums)[number]): boolean {
  return sum === 'requests' || sum === 'unpriced_requests';
}

/** Whether the rollup of hours has one row a group of the slice; then no hour is read from it and from reports too. */
export function hasRowAGroup(slice: Slice): boolean {
  const { hours } = sourcesOf(slice) ?? {};
  const rest = rollups.find(({ view }) => view === hours)?.key.filter((column) => column !== 'workspace_id');
  const columns = ['bucket', ...slice.columns];
  return slice.time === 'hour' && rest?.length === columns.length && columns.every((column) => rest.includes(column));
}

interface Parts {
  readonly rolled: readonly string[];
  /** At most one. */
  readonly raw: readonly string[];
}

function partsOf(slice: Slice, days: ZoneDays, bind: Bind): Parts {
  const range = { from: clamped(slice.range.from), until: clamped(slice.range.until) };
  const sources = sourcesOf(slice);
  const parts: string[] = [];
  const raw: Stretch[] = [];
  const hours: Stretch[] = [];
  const addStretch = (stretch: Stretch): void => {
    const { whole, edges } = sources === undefined ? { whole: undefined, edges: [stretch] } : cut(stretch);
    if (whole !== undefined) hours.push(whole);
    raw.push(...edges);
  };
  const canUseDays = sources?.days !== undefined && days.isCovered && slice.time !== 'hour';
  if (canUseDays && (days.first?.at ?? LEAST_MS) < (days.after?.at ?? MOST_MS)) {
    parts.push(daysPart(slice, sources.days ?? '', days, bind));
    if (range.from !== undefined) addStretch({ from: range.from, until: days.first?.at });
    if (range.until !== undefined) addStretch({ from: days.after?.at, until: range.until });
  } else addStretch(range);
  const split = slice.time === 'day' ? days.splitHours : [];
  if (sources !== undefined) {
    for (const stretch of hours) parts.push(hoursPart(slice, sources.hours, stretch, split, bind));
    raw.push(...splitStretches(hours, split));
  }
  const open = raw.filter(({ from, until }) => from === undefined || until === undefined || from < until);
  return { rolled: parts, raw: open.length === 0 ? [] : [rawPart(slice, open, bind)] };
}

const columnsOfModels: readonly SliceColumn[] = ['model', 'service_class', 'rate_id'];
const columnsOfRates: readonly SliceColumn[] = ['service_class', 'rate_id'];
const zonedTables = new Set(rollups.filter(({ isZoned }) => isZoned).map(({ view }) => view));
const unratedTables = new Set(rollups.filter(({ isRated }) => !isRated).map(({ view }) => view));

/** Undefined: no rollup holds these columns together. */
function sourcesOf({ columns, filters = [], hasTask = false, time, zone = 'UTC' }: Slice): Sources | undefined {
  const needed = new Set<SliceColumn>([...columns, ...filters.map(({ column }) => column)]);
  const needsTask = hasTask || needed.has('task_id');
  if (needsTask && needed.has('session_id')) return undefined;
  const hasRate = columnsOfRates.some((column) => needed.has(column));
  if (needsTask) {
    const isOfUtc = time !== 'day' || zone === 'UTC';
    return { hours: 'cost_task', days: isOfUtc && !hasRate ? 'cost_task_day' : undefined };
  }
  const hasModel = columnsOfModels.some((column) => needed.has(column));
  if (needed.has('session_id')) return { hours: hasModel ? 'cost_session' : 'cost_session_hour', days: undefined };
  if (!needed.has('agent_name') && !needed.has('agent_id')) {
    return { hours: hasRate ? 'cost_hour_model' : 'cost_hour_by_model', days: 'cost_day_model' };
  }
  return hasModel ? { hours: 'cost_hour', days: 'cost_day' } : { hours: 'cost_hour_agent', days: 'cost_day_agent' };
}

/** The whole hours of a stretch and what is left of it on both sides. */
function cut({ from, until }: Stretch): { readonly whole: Stretch | undefined; readonly edges: readonly Stretch[] } {
  const first = from === undefined ? undefined : Math.ceil(from / HOUR_MS) * HOUR_MS;
  const last = until === undefined ? undefined : Math.floor(until / HOUR_MS) * HOUR_MS;
  if (first !== undefined && last !== undefined && first >= last) return { whole: undefined, edges: [{ from, until }] };
  return {
    whole: { from: first, until: last },
    edges: [...(first === from ? [] : [{ from, until: first }]), ...(last === until ? [] : [{ from: last, until }])],
  };
}

function splitStretches(hours: readonly Stretch[], split: readonly number[]): readonly Stretch[] {
  return split
    .filter((hour) => hours.some(({ from = LEAST_MS, until = MOST_MS }) => from <= hour && hour < until))
    .map((hour) => ({ from: hour, until: hour + HOUR_MS }));
}

function daysPart(slice: Slice, table: string, days: ZoneDays, bind: Bind): string {
  return part(slice, table, 't.day', [
    `t.workspace_id = ${bind(slice.workspaceId)}::integer`,
    ...(zonedTables.has(table) ? [`t.zone = ${bind(slice.time === 'day' ? (slice.zone ?? 'UTC') : 'UTC')}::text`] : []),
    ...(days.first === undefined ? [] : [`t.day >= ${bind(days.first.day)}::date`]),
    ...(days.after === undefined ? [] : [`t.day < ${bind(days.after.day)}::date`]),
    ...filtersOf(slice, bind),
  ]);
}

function hoursPart(slice: Slice, table: string, stretch: Stretch, split: readonly number[], bind: Bind): string {
  const at = slice.time === 'day' ? dayOf('t.bucket', slice, bind) : 't.bucket';
  return part(slice, table, at, [
    `t.workspace_id = ${bind(slice.workspaceId)}::integer`,
    ...(stretch.from === undefined ? [] : [`t.bucket >= ${momentOf(stretch.from, bind)}`]),
    ...(stretch.until === undefined ? [] : [`t.bucket < ${momentOf(stretch.until, bind)}`]),
    ...(split.length === 0
      ? []
      : [`not (t.bucket = any(${bind(split.map((ms) => new Date(ms).toISOString()))}::timestamptz[]))`]),
    ...filtersOf(slice, bind),
  ]);
}

/** Each stretch with values of its own, not as a relation to join: the planner must know how short they are. */
function rawPart(slice: Slice, stretches: readonly Stretch[], bind: Bind): string {
  const workspace = `t.workspace_id = ${bind(slice.workspaceId)}::integer`;
  const within = stretches.map(({ from, until }) =>
    [
      workspace,
      ...(from === undefined ? [] : [`t.occurred_ms >= ${bind(from)}::bigint`]),
      ...(until === undefined ? [] : [`t.occurred_ms < ${bind(until)}::bigint`]),
    ].join(' and '),
  );
  const at = slice.time === 'day' ? dayOf('t.occurred_at', slice, bind) : hourOf('t.occurred_at');
  return part(slice, 'usage_event', at, [
    `(${within.map((stretch) => `(${stretch})`).join(' or ')})`,
    ...(slice.hasTask === true ? ['t.task_id is not null'] : []),
    ...filtersOf(slice, bind),
  ]);
}

function nothing(slice: Slice, bind: Bind): string {
  return rawPart(slice, [{ from: 0, until: 0 }], bind);
}

function part(slice: Slice, table: string, at: string, conditions: readonly string[]): string {
  const isRaw = table === 'usage_event';
  const columns = slice.columns.map((column) => `${columnOf(column, isRaw)} as ${column}`);
  const requests = isRaw ? '1::bigint' : 't.requests';
  const unpriced = unratedTables.has(table)
    ? 't.unpriced_requests'
    : `case when t.rate_id > 0 then 0 else ${requests} end`;
  return `
    select ${[...(slice.time === undefined ? [] : [`${at} as at`]), ...columns].map((column) => `${column}, `).join('')}
           ${requests} as requests, ${unpriced} as unpriced_requests,
           t.input_tokens, t.output_tokens, t.cache_read_tokens, t.cache_write_tokens,
           ${isRaw ? 'coalesce(t.cost_usd, 0.000000000000) as cost_usd' : 't.cost_usd'}
      from ${table} t
     where ${conditions.join(' and ')}`;
}

function columnOf(column: SliceColumn, isRaw: boolean): string {
  if (isRaw && column === 'agent_id') return 'coalesce(t.agent_id, 0)';
  if (isRaw && column === 'service_class') return `coalesce(t.service_class, 'standard')`;
  return `t.${column}`;
}

const TYPES: Readonly<Record<SliceColumn, string>> = {
  agent_name: 'text',
  agent_id: 'bigint',
  model: 'text',
  service_class: 'text',
  rate_id: 'integer',
  session_id: 'text',
  task_id: 'bigint',
};

/** Without the wrapping of nulls, which would hide a column from its index; none of these is asked for with null. */
function filtersOf({ filters = [] }: Slice, bind: Bind): string[] {
  return filters.map(({ column, values }) => {
    const isClass = column === 'service_class';
    return `${isClass ? `coalesce(t.service_class, 'standard')` : `t.${column}`} = any(${bind(values)}::${TYPES[column]}[])`;
  });
}

function dayOf(instant: string, { zone = 'UTC' }: Slice, bind: Bind): string {
  return `(${instant} at time zone ${bind(zone)}::text)::date`;
}

function momentOf(ms: number, bind: Bind): string {
  return `timestamptz 'epoch' + ${bind(ms)}::bigint * interval '1 millisecond'`;
}

function clamped(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(Math.max(ms, LEAST_MS), MOST_MS);
}
