import type { TaskOutcome } from '../../src/tasks/tasks.events.js';
import type { SqlReader } from '../engine/sql.js';

/** Tasks that are done, by how they came out. */
export interface OutcomeCounts extends Readonly<Record<TaskOutcome | 'unknown', number>> {
  readonly total: number;
}

export interface Outcomes {
  readonly summary: OutcomeCounts & { readonly averageRetries: number; readonly averageResolutionSeconds: number };
  /** By the name that the agent has now; tasks of nobody under `unassigned`. */
  readonly byAgent: ReadonlyMap<string, OutcomeCounts>;
  readonly byPriority: ReadonlyMap<string, OutcomeCounts>;
  /** Most frequent first. */
  readonly errors: readonly { readonly message: string; readonly count: number }[];
}

/** Unix seconds; `end` is not included. */
export interface CompletionWindow {
  readonly start: number;
  readonly end: number;
}

export interface WindowFigures {
  readonly sampleSize: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly average: number | null;
  /** How many tasks of the sample somebody had to step into. */
  readonly intervened: number;
}

/** Only what belongs to this agent; undefined: everything. */
export type Confinement = { readonly id: number; readonly name: string } | undefined;

const ERRORS_SHOWN = 10;

const ownOf = (id: string, name: string): string => `
  (${id}::bigint is null or assigned_agent_id = ${id} or (assigned_agent_id is null and assigned_to = ${name}))`;

const COUNTS = `
  count(*) as total,
  count(*) filter (where outcome = 'success') as success,
  count(*) filter (where outcome = 'failed') as failed,
  count(*) filter (where outcome = 'partial') as partial,
  count(*) filter (where outcome = 'abandoned') as abandoned,
  count(*) filter (where outcome is null) as unknown`;

// Whole seconds on both ends, as the API shows them. A completion that was set to before the creation says nothing.
const RESOLUTION = `
  case when completed_at >= floor(extract(epoch from created_at))
       then completed_at - floor(extract(epoch from created_at)) end`;

/** Figures over the tasks that are done now. Each answer is one statement, so its parts agree with each other. */
export class TaskOutcomeQueries {
  constructor(private readonly sql: SqlReader) {}

  /** `since`: unix seconds of the completion; undefined: from the beginning. */
  async outcomes(workspaceId: number, since: number | undefined, own?: Confinement): Promise<Outcomes> {
    const rows = await this.sql.query<OutcomeRecord>(
      `with done as (
         select t.outcome, t.priority, t.retry_count, btrim(t.error_message) as error_message,
                ${RESOLUTION} as resolution, coalesce(t.name, t.assigned_to, 'unassigned') as agent
           from (select t.*, a.name from tasks t left join agents a on a.agent_id = t.assigned_agent_id) t
          where t.workspace_id = $1 and t.status = 'done' and t.deleted_at is null
            and ($2::bigint is null or t.completed_at >= $2) and ${ownOf('$3', '$4')}
       )
       select case when grouping(agent) = 0 then 'agent' when grouping(priority) = 0 then 'priority' else 'all' end
                as kind,
              coalesce(agent, priority) as name, ${COUNTS},
              avg(retry_count)::float8 as average_retries, avg(resolution)::float8 as average_resolution
         from done group by grouping sets ((), (agent), (priority))
       union all
       select * from (
         select 'error', error_message, count(*), 0, 0, 0, 0, 0, null::float8, null::float8 from done
          where error_message <> '' group by error_message order by count(*) desc, error_message limit ${ERRORS_SHOWN}
       ) errors
       order by kind, total desc, name`,
      [workspaceId, since ?? null, own?.id ?? null, own?.name ?? null],
    );
    const [all] = rows.filter(({ kind }) => kind === 'all');
    if (all === undefined) throw new Error('the outcomes have no summary');
    return {
      summary: {
        ...countsOf(all),
        averageRetries: all.average_retries ?? 0,
        averageResolutionSeconds: all.average_resolution ?? 0,
      },
      byAgent: named(rows, 'agent'),
      byPriority: named(rows, 'priority'),
      errors: rows
        .filter(({ kind }) => kind === 'error')
        .map(({ name, total }) => ({ message: name ?? '', count: Number(total) })),
    };
  }

  /** The same figures for each of the windows, in their order. */
  async windows(
    workspaceId: number,
    windows: readonly CompletionWindow[],
    own?: Confinement,
  ): Promise<readonly WindowFigures[]> {
    const rows = await this.sql.query<WindowRecord>(
      `select count(resolution) as sample_size,
              percentile_cont(0.5) within group (order by resolution) as p50,
              percentile_cont(0.95) within group (order by resolution) as p95,
              avg(resolution)::float8 as average,
              count(*) filter (where resolution is not null and interventions > 0) as intervened
         from unnest($2::bigint[], $3::bigint[]) with ordinality as w (starts, ends, place)
         left join lateral (
           select (${RESOLUTION})::float8 as resolution, interventions from tasks
            where workspace_id = $1 and status = 'done' and deleted_at is null
              and completed_at >= w.starts and completed_at < w.ends and ${ownOf('$4', '$5')}
         ) done on true
        group by w.place order by w.place`,
      [
        workspaceId,
        windows.map(({ start }) => start),
        windows.map(({ end }) => end),
        own?.id ?? null,
        own?.name ?? null,
      ],
    );
    return rows.map((row) => ({
      sampleSize: Number(row.sample_size),
      p50: row.p50,
      p95: row.p95,
      average: row.average,
      intervened: Number(row.intervened),
    }));
  }
}

interface OutcomeRecord {
  readonly kind: 'all' | 'agent' | 'priority' | 'error';
  readonly name: string | null;
  readonly total: string;
  readonly success: string;
  readonly failed: string;
  readonly partial: string;
  readonly abandoned: string;
  readonly unknown: string;
  readonly average_retries: number | null;
  readonly average_resolution: number | null;
}

interface WindowRecord {
  readonly sample_size: string;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly average: number | null;
  readonly intervened: string;
}

function named(rows: readonly OutcomeRecord[], kind: OutcomeRecord['kind']): ReadonlyMap<string, OutcomeCounts> {
  return new Map(rows.filter((row) => row.kind === kind).map((row) => [row.name ?? '', countsOf(row)]));
}

function countsOf(row: OutcomeRecord): OutcomeCounts {
  return {
    total: Number(row.total),
    success: Number(row.success),
    failed: Number(row.failed),
    partial: Number(row.partial),
    abandoned: Number(row.abandoned),
    unknown: Number(row.unknown),
  };
}
