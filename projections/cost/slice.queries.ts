import type { SqlReader } from '../engine/sql.js';
import { columnar, type ColumnarRecord, type Columns, textsOf } from './columnar.js';
import {
  type CostSums,
  GROUP_SUMS,
  SUM_COLUMNS,
  type SumRecord,
  SUMS,
  sumsIn,
  sumsOf,
  TOTALS,
  totalOfAll,
} from './cost-sums.js';
import { binder } from './cost.queries.js';
import {
  type Bind,
  groupedSql,
  hasRowAGroup,
  type Slice,
  type SliceColumn,
  type SliceFilter,
  sliceSql,
  sliceSums,
} from './slices.js';
import type { UsageRange } from './usage-range.js';
import { utcDays, zoneDays } from './zone-days.js';

/** What usage can be sliced by. Times are of when it happened; days, weeks (from Monday) and months of the zone. */
export const sliceKeys = [
  'hour',
  'day',
  'week',
  'month',
  'agent',
  'model',
  'provider',
  'serviceClass',
  'session',
  'task',
  'project',
] as const;
export type SliceKey = (typeof sliceKeys)[number];
export const sliceOrders = ['key', 'cost', 'tokens', 'requests'] as const;
export type SliceOrder = (typeof sliceOrders)[number];
export const sliceFilterKeys = ['agent', 'model', 'provider', 'serviceClass', 'session', 'task', 'project'] as const;
export type SliceFilterKey = (typeof sliceFilterKeys)[number];

export interface SliceQuestion {
  readonly workspaceId: number;
  readonly range: UsageRange;
  readonly zone: string;
  readonly groupBy: readonly SliceKey[];
  readonly filters: Partial<Readonly<Record<SliceFilterKey, readonly string[]>>>;
  readonly agentId?: number;
  readonly orderBy: SliceOrder;
  readonly limit: number;
  readonly offset: number;
}

export interface SliceAnswer {
  readonly rows: readonly { readonly keys: Readonly<Record<string, string | null>>; readonly sums: CostSums }[];
  /** Of all groups, whether they are shown or not. */
  readonly total: CostSums;
  readonly groups: number;
}

/** Of a key: the column that the rollups have for it, by what its groups are made, and how a group is shown. */
interface KeyColumn {
  readonly column: SliceColumn | 'at';
  readonly group: string;
  /** What is read of a group, where it is not the group itself. */
  readonly read?: (group: string) => string;
  /** Never null and without commas. */
  readonly isPlain?: true;
  /** What is read as it is shown, where these differ. */
  readonly shown?: (text: string) => string;
}

const COLUMNS: Readonly<Record<SliceKey, KeyColumn>> = {
  hour: {
    column: 'at',
    group: 'x.at',
    // A number of hours takes a fraction of what a moment takes to be written, and most rows share theirs with another.
    read: (at) => `date_part('epoch', ${at})::bigint / 3600`,
    isPlain: true,
    shown: (hours) => new Date(parseInt(hours, 10) * 3_600_000).toISOString().replace('.000', ''),
  },
  day: { column: 'at', group: 'x.at', isPlain: true },
  week: { column: 'at', group: `date_trunc('week', x.at)::date`, isPlain: true },
  month: { column: 'at', group: `date_trunc('month', x.at)::date`, read: (day) => `substr(${day}::text, 1, 7)` },
  agent: { column: 'agent_name', group: 'x.agent_name' },
  model: { column: 'model', group: 'x.model' },
  // Of the rate: usage without a price belongs to no provider.
  provider: { column: 'rate_id', group: 'r.provider' },
  serviceClass: { column: 'service_class', group: 'x.service_class' },
  session: { column: 'session_id', group: 'x.session_id' },
  task: { column: 'task_id', group: 'x.task_id' },
  project: { column: 'task_id', group: 'k.project_id' },
};

/** Free slicing: any of the keys together, any filters, one statement over the rollups. */
export class SliceQueries {
  constructor(private readonly sql: SqlReader) {}

  async slice(question: SliceQuestion): Promise<SliceAnswer> {
    const { workspaceId, range, zone, groupBy, filters, agentId } = question;
    const { bind, values } = binder();
    const keys = groupBy.map((key) => COLUMNS[key]);
    const isByDay = groupBy.some((key) => key === 'day' || key === 'week' || key === 'month');
    const isByHour = groupBy.includes('hour');
    const days = isByDay && zone !== 'UTC' ? await zoneDays(this.sql, workspaceId, zone, range) : utcDays(range);
    const columns = new Set<SliceColumn>(keys.flatMap(({ column }) => (column === 'at' ? [] : [column])));
    if (filters.provider !== undefined) columns.add('rate_id');
    if (filters.project !== undefined) columns.add('task_id');
    const by = keys.map((_, index) => `g${index}`).join(', ');
    const needsRate = columns.has('rate_id');
    const needsTask = groupBy.includes('project') || filters.project !== undefined;
    const slice: Slice = {
      workspaceId,
      range,
      columns: [...columns],
      ...(isByHour ? { time: 'hour' as const } : isByDay ? { time: 'day' as const, zone } : {}),
      filters: filtersOf(filters, agentId),
      hasTask: columns.has('task_id'),
    };
    // Then there is nothing to sum, and hardly anything to gain from keeping what was read.
    const isGrouped = groupBy.length === columns.size + 1 && !needsRate && !needsTask && hasRowAGroup(slice);
    const source = isGrouped ? groupedSql(slice, days, bind) : sliceSql(slice, days, bind);
    const sums = isGrouped ? sliceSums.join(', ') : by === '' ? SUMS : GROUP_SUMS;
    const groups = keys.map(({ group }, index) => `${group} as g${index}`);
    const read = keys.map(({ read }, index) => `${read?.(`g${index}`) ?? `g${index}`} as k${index}`);
    const shown: Columns = {
      ...Object.fromEntries(keys.map(({ isPlain }, index) => [`k${index}`, isPlain ? 'plain' : 'text'])),
      ...SUM_COLUMNS,
    };
    const limit = bind(question.limit);
    const offset = bind(question.offset);
    const hasMore = `${offset}::bigint > 0 or page.shown >= ${limit}::bigint`;
    const [record] = await this.sql.query<ColumnarRecord & TotalRecord>(
      `with g as ${isGrouped ? 'not ' : ''}materialized (
         select ${[...groups, sums].join(', ')}
           from (${isByHour && !isGrouped ? inOrder(source, columns) : source}) x
           ${needsRate ? 'left join model_rate r on r.rate_id = x.rate_id' : ''}
           ${needsTask ? 'left join tasks k on k.task_id = x.task_id' : ''}
          ${outerFilters(filters, bind)}
          ${by === '' || isGrouped ? '' : `group by ${keys.map((_, index) => index + 1).join(', ')}`})
       select case when ${hasMore} then (select count(*) from g) end as groups,
              case when ${hasMore} then (select json_build_array(${TOTALS}) from g) end as total,
              page.*
         from (${columnar(
           shown,
           `select ${[...read, ...sliceSums].join(', ')}
              from g order by ${orderOf(question.orderBy, by)}
             limit ${limit} offset ${offset}`,
         )}) page`,
      values,
    );
    const rows = rowsIn(record, groupBy);
    const total = record?.total ?? undefined;
    return {
      groups: Number(record?.groups ?? rows.length),
      total: total === undefined ? totalOfAll(rows.map((row) => row.sums)) : sumsOf(recordOf(total)),
      rows,
    };
  }
}

/** Null: every group is shown, and what is shown can be counted and summed here for less. */
interface TotalRecord {
  readonly groups: string | null;
  readonly total: readonly string[] | null;
}

function rowsIn(record: ColumnarRecord | undefined, groupBy: readonly SliceKey[]): SliceAnswer['rows'] {
  const keys = groupBy.map((key, at) => [key, shownTexts(textsOf(record?.[`k${at}`]), COLUMNS[key])] as const);
  return sumsIn(record).map((sums, at) => {
    const shown: Record<string, string | null> = {};
    for (const [key, texts] of keys) shown[key] = texts[at] ?? null;
    return { keys: shown, sums };
  });
}

/** Neighbours are often equal. */
function shownTexts(texts: readonly (string | null)[], { shown }: KeyColumn): readonly (string | null)[] {
  if (shown === undefined) return texts;
  let last: string | null = null;
  let lastShown: string | null = null;
  return texts.map((text) => {
    if (text !== last) [last, lastShown] = [text, text === null ? null : shown(text)];
    return lastShown;
  });
}

function recordOf(totals: readonly string[]): SumRecord {
  return Object.fromEntries(sliceSums.map((sum, at) => [sum, totals[at] ?? '0'])) as SumRecord;
}

/** Hours make as many groups as rows, nearly: to sum what lies together costs half of what a table of hashes does. */
function inOrder(source: string, columns: ReadonlySet<SliceColumn>): string {
  return `select * from (${source}) s order by ${['at', ...columns].join(', ')}`;
}

const FILTER_COLUMNS: Partial<Readonly<Record<SliceFilterKey, SliceColumn>>> = {
  agent: 'agent_name',
  model: 'model',
  serviceClass: 'service_class',
  session: 'session_id',
  task: 'task_id',
};

function filtersOf(filters: SliceQuestion['filters'], agentId: number | undefined): readonly SliceFilter[] {
  return [
    ...(agentId === undefined ? [] : [{ column: 'agent_id' as const, values: [agentId] }]),
    ...sliceFilterKeys.flatMap((key) => {
      const column = FILTER_COLUMNS[key];
      const values = filters[key];
      return column === undefined || values === undefined ? [] : [{ column, values }];
    }),
  ];
}

/** What only the joined tables know. */
function outerFilters({ provider, project }: SliceQuestion['filters'], bind: Bind): string {
  const conditions = [
    ...(provider === undefined ? [] : [`r.provider = any(${bind(provider)}::text[])`]),
    ...(project === undefined ? [] : [`k.project_id = any(${bind(project)}::bigint[])`]),
  ];
  return conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
}

function orderOf(order: SliceOrder, by: string): string {
  const keys = by === '' ? 'requests' : by;
  switch (order) {
    case 'key':
      return keys;
    case 'cost':
      return `cost_usd desc, ${keys}`;
    case 'tokens':
      return `input_tokens + output_tokens + cache_read_tokens + cache_write_tokens desc, ${keys}`;
    case 'requests':
      return `requests desc, ${keys}`;
  }
}
