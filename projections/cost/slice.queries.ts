import type { SqlReader } from '../engine/sql.js';
import { type CostSums, GROUP_SUMS, NO_SUMS, type SumRecord, SUMS, sumsOf } from './cost-sums.js';
import { binder } from './cost.queries.js';
import { type Bind, type SliceColumn, type SliceFilter, sliceSql, sliceSums } from './slices.js';
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
  /** Of the group, once for each: texts of thousands of rows would cost more than their sums. */
  shown(group: string): string;
}

const asText = (group: string): string => `${group}::text`;

const COLUMNS: Readonly<Record<SliceKey, KeyColumn>> = {
  hour: { column: 'at', group: 'x.at', shown: (at) => `replace((${at} at time zone 'UTC')::text, ' ', 'T') || 'Z'` },
  day: { column: 'at', group: 'x.at', shown: asText },
  week: { column: 'at', group: `date_trunc('week', x.at)::date`, shown: asText },
  month: { column: 'at', group: `date_trunc('month', x.at)::date`, shown: (day) => `substr(${day}::text, 1, 7)` },
  agent: { column: 'agent_name', group: 'x.agent_name', shown: asText },
  model: { column: 'model', group: 'x.model', shown: asText },
  // Of the rate: usage without a price belongs to no provider.
  provider: { column: 'rate_id', group: 'r.provider', shown: asText },
  serviceClass: { column: 'service_class', group: 'x.service_class', shown: asText },
  session: { column: 'session_id', group: 'x.session_id', shown: asText },
  task: { column: 'task_id', group: 'x.task_id', shown: asText },
  project: { column: 'task_id', group: 'k.project_id', shown: asText },
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
    const needsRate = columns.has('rate_id');
    const needsTask = groupBy.includes('project') || filters.project !== undefined;
    const source = sliceSql(
      {
        workspaceId,
        range,
        columns: [...columns],
        ...(isByHour ? { time: 'hour' as const } : isByDay ? { time: 'day' as const, zone } : {}),
        filters: filtersOf(filters, agentId),
        hasTask: columns.has('task_id'),
      },
      days,
      bind,
    );
    const groups = keys.map(({ group }, index) => `${group} as g${index}`);
    const shown = keys.map((key, index) => `${key.shown(`g${index}`)} as k${index}`);
    const by = keys.map((_, index) => `g${index}`).join(', ');
    const rows = await this.sql.query<GroupRecord>(
      `with g as materialized (
         select ${[...groups, by === '' ? SUMS : GROUP_SUMS].join(', ')}
           from (${source}) x
           ${needsRate ? 'left join model_rate r on r.rate_id = x.rate_id' : ''}
           ${needsTask ? 'left join tasks k on k.task_id = x.task_id' : ''}
          ${outerFilters(filters, bind)}
          ${by === '' ? '' : `group by ${keys.map((_, index) => index + 1).join(', ')}`})
       (select null::bigint as groups, row_number() over (order by ${orderOf(question.orderBy, by)}) as place,
               ${[...shown, ...sliceSums].join(', ')}
          from g order by place limit ${bind(question.limit)} offset ${bind(question.offset)})
       union all
       select count(*), null, ${[...keys.map(() => 'null'), SUMS].join(', ')} from g
        order by place`,
      values,
    );
    const total = rows.find(({ groups }) => groups !== null);
    return {
      groups: Number(total?.groups ?? 0),
      total: total === undefined ? NO_SUMS : sumsOf(total),
      rows: rows
        .filter(({ groups }) => groups === null)
        .map((row) => ({
          keys: Object.fromEntries(groupBy.map((key, at) => [key, row[`k${at}`] ?? null])),
          sums: sumsOf(row),
        })),
    };
  }
}

type GroupRecord = SumRecord & { readonly [key: `k${number}`]: string | null } & {
  /** On the one row that is the sum of all groups. */
  readonly groups: string | null;
};

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
