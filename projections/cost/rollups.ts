/** The sums that every rollup holds beside its requests. */
export const sums = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens', 'cost_usd'] as const;
/** What every rollup sums. */
export const measures = ['requests', ...sums] as const;
type Measure = (typeof measures)[number] | 'unpriced_requests';

/** SQL of the UTC hour of an instant: a division, where to truncate by the clock of a zone takes several times as long. */
export function hourOf(instant: string): string {
  return `date_bin('1 hour', ${instant}, timestamptz 'epoch')`;
}

export interface Rollup {
  readonly view: string;
  /** The columns of its key, in order. */
  readonly key: readonly string[];
  /** What fills a key's column from a row of a delta, where it is not the column of the same name. */
  readonly from: Readonly<Record<string, string>>;
  /** What is summed. */
  readonly measures: readonly Measure[];
  /** True: one row a rate, which says what is unpriced. Otherwise that is summed. */
  readonly isRated: boolean;
  /** True: one row a zone. Otherwise its days are of UTC. */
  readonly isZoned: boolean;
  /** True: of reports with a task alone. */
  readonly isOfTasks: boolean;
  /** A rollup whose rows it is the sum of: what that one was given need not be summed from the reports again. */
  readonly within?: string;
  /** The same of its days and the hours of another, but for those hours in which a day begins. */
  readonly withinHours?: string;
  create(version: number): string;
  index(version: number): string;
}

const types: Readonly<Record<string, string>> = {
  bucket: 'timestamptz',
  zone: 'text',
  day: 'date',
  workspace_id: 'integer',
  agent_name: 'text',
  // 0: nobody held the name when the report came in
  agent_id: 'bigint',
  session_id: 'text',
  task_id: 'bigint',
  model: 'text',
  service_class: 'text',
  // Not above 0: no price, and why.
  rate_id: 'integer',
};

interface Shape {
  readonly view: string;
  readonly key: readonly string[];
  readonly within?: string;
  readonly withinHours?: string;
  /** Columns of further indexes. */
  readonly indexes?: readonly (readonly string[])[];
}

/**
 * With `rate_id` in its key a change of price in the middle of a bucket stays exact, and every row says by which rate it
 * was priced. What dashboards ask by agent or session alone has rollups without models and rates: a row in the place of
 * ten, and a new price changes it where it lies.
 */
const shapes: readonly Shape[] = [
  { view: 'cost_hour', key: ['workspace_id', 'bucket', 'agent_name', 'agent_id', 'model', 'service_class', 'rate_id'] },
  {
    view: 'cost_hour_model',
    key: ['workspace_id', 'bucket', 'model', 'service_class', 'rate_id'],
    within: 'cost_hour',
  },
  { view: 'cost_hour_by_model', key: ['workspace_id', 'bucket', 'model'], within: 'cost_hour_model' },
  { view: 'cost_hour_agent', key: ['workspace_id', 'bucket', 'agent_name', 'agent_id'], within: 'cost_hour' },
  {
    view: 'cost_day',
    key: ['workspace_id', 'zone', 'day', 'agent_name', 'agent_id', 'model', 'service_class', 'rate_id'],
    withinHours: 'cost_hour',
  },
  {
    view: 'cost_day_model',
    key: ['workspace_id', 'zone', 'day', 'model', 'service_class', 'rate_id'],
    within: 'cost_day',
  },
  { view: 'cost_day_agent', key: ['workspace_id', 'zone', 'day', 'agent_name', 'agent_id'], within: 'cost_day' },
  {
    view: 'cost_session',
    key: ['workspace_id', 'session_id', 'bucket', 'agent_name', 'agent_id', 'model', 'service_class', 'rate_id'],
    indexes: [
      ['workspace_id', 'bucket'],
      ['workspace_id', 'agent_name', 'bucket'],
    ],
  },
  {
    view: 'cost_session_hour',
    key: ['workspace_id', 'session_id', 'bucket', 'agent_name', 'agent_id'],
    within: 'cost_session',
    indexes: [
      ['workspace_id', 'bucket'],
      ['workspace_id', 'agent_name', 'bucket'],
    ],
  },
  {
    view: 'cost_task',
    key: ['workspace_id', 'task_id', 'bucket', 'agent_name', 'agent_id', 'model', 'service_class', 'rate_id'],
    indexes: [['workspace_id', 'bucket']],
  },
  {
    view: 'cost_task_day',
    key: ['workspace_id', 'task_id', 'day', 'agent_name', 'agent_id', 'model'],
    within: 'cost_task',
    indexes: [['workspace_id', 'day']],
  },
];

export const rollups: readonly Rollup[] = shapes.map(rollupOf);

function rollupOf({ view, key, within, withinHours, indexes = [] }: Shape): Rollup {
  const isRated = key.includes('rate_id');
  return {
    view,
    key,
    measures: isRated ? measures : [...measures, 'unpriced_requests'],
    isRated,
    isZoned: key.includes('zone'),
    isOfTasks: key.includes('task_id'),
    from: {
      zone: 'z.zone',
      day: '(d.occurred_at at time zone z.zone)::date',
    },
    ...(within === undefined ? {} : { within }),
    ...(withinHours === undefined ? {} : { withinHours }),
    create: (v) => `
      create table ${view}_v${v} (
        ${key.map((column) => `${column} ${types[column]} not null`).join(',\n        ')},
        requests bigint not null,
        input_tokens numeric(30,0) not null,
        output_tokens numeric(30,0) not null,
        cache_read_tokens numeric(30,0) not null,
        cache_write_tokens numeric(30,0) not null,
        cost_usd numeric(38,12) not null,${isRated ? '' : '\n        unpriced_requests bigint not null,'}
        primary key (${key.join(', ')})
      ) with (fillfactor = 70);`,
    index: (v) =>
      indexes
        .map(
          (columns, at) =>
            `create index if not exists ${view}_v${v}_${at + 1} on ${view}_v${v} (${columns.join(', ')});`,
        )
        .join('\n'),
  };
}
