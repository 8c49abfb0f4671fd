import type { SqlReader } from '../engine/sql.js';
import { columnar, type ColumnarRecord, type Columns, plainTextsOf, rowsOf, textsOf } from './columnar.js';
import { type CostSums, GROUP_SUMS, NO_SUMS, SUM_COLUMNS, type SumRecord, SUMS, sumsIn, sumsOf } from './cost-sums.js';
import { type Bind, groupedSql, type Slice, type SliceFilter, sliceSql, sliceSums } from './slices.js';
import type { UsageRange } from './usage-range.js';
import { type UsageRecord, usageOf, type UsageRow } from './usage-row.js';
import { utcDays, type ZoneDays, zoneDays } from './zone-days.js';

export { type CostSums, totalOfAll } from './cost-sums.js';
export type { UsageRange } from './usage-range.js';
export type { UsageRow } from './usage-row.js';

/** Whose usage, and when. `agentId`: of this agent alone. */
export interface UsageScope {
  readonly workspaceId: number;
  readonly range: UsageRange;
  readonly agentId?: number;
}

export type NamedSums = ReadonlyMap<string, CostSums>;

export interface UsagePage {
  readonly rows: readonly UsageRow[];
  readonly total: number;
}

export interface UsageStats {
  readonly summary: CostSums;
  readonly models: NamedSums;
  readonly sessions: NamedSums;
  readonly agents: NamedSums;
}

/** By day in the asked zone, oldest first. */
export type Timeline = readonly { readonly date: string; readonly sums: CostSums }[];

export interface AgentCosts {
  readonly stats: CostSums;
  readonly models: NamedSums;
  readonly sessions: readonly string[];
  readonly timeline: Timeline;
}

export interface AgentUsage {
  readonly stats: CostSums;
  readonly models: NamedSums;
  readonly sessionCount: number;
  /** Ms since 1970 of the newest report. */
  readonly lastActive: number;
}

export interface TaskCosts {
  readonly stats: CostSums;
  readonly models: NamedSums;
  readonly timeline: Timeline;
  /** Undefined: the task is not known here. */
  readonly task: CostedTask | undefined;
}

export interface CostedTask {
  readonly title: string;
  readonly status: string;
  readonly priority: string;
  readonly assignedTo: string | null;
  readonly project: {
    readonly id: number;
    readonly name: string;
    readonly prefix: string;
    readonly slug: string | null;
    readonly ticketNo: number;
  };
}

/** The sums of some tasks together. */
export interface SharedCosts {
  readonly stats: CostSums;
  readonly taskIds: readonly number[];
}

export interface TaskCostReport {
  /** Of everything, whether it belongs to a task or not. */
  readonly all: CostSums;
  readonly attributed: CostSums;
  readonly tasks: ReadonlyMap<number, TaskCosts>;
  readonly agents: ReadonlyMap<string, SharedCosts>;
  /** By the project that the task is in now; undefined: in none that is known. */
  readonly projects: ReadonlyMap<number | undefined, SharedCosts>;
}

export interface TrendPoint {
  /** Ms since 1970 at which the UTC hour begins. */
  readonly at: number;
  readonly sums: CostSums;
}

/** A book that rows are priced anew by at this moment. */
export interface Repricing {
  readonly bookVersion: number;
  readonly done: number;
  readonly total: number;
}

/**
 * Usage and its cost. Every method takes the caller's workspace. Each answer is one statement over the rollups, so its
 * parts agree with each other; the edges of a range that are no whole hours come from the reports themselves.
 */
export class CostQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Newest first by when it happened. */
  async list(scope: UsageScope, paging: { readonly limit: number; readonly offset: number }): Promise<UsagePage> {
    const { bind, values } = binder();
    const { workspaceId, range, agentId } = scope;
    const counted = sliceSql(sliceOf(scope, []), utcDays(range), bind);
    const conditions = [
      `workspace_id = ${bind(workspaceId)}`,
      ...(range.from === undefined ? [] : [`occurred_ms >= ${bind(range.from)}`]),
      ...(range.until === undefined ? [] : [`occurred_ms < ${bind(range.until)}`]),
      ...(agentId === undefined ? [] : [`agent_id = ${bind(agentId)}`]),
    ];
    const rows = await this.sql.query<{ readonly total: string } & (UsageRecord | { readonly id: null })>(
      `select t.total, page.*
         from (select coalesce(sum(requests), 0)::bigint as total from (${counted}) c) t
         left join lateral (
           select * from usage_event where ${conditions.join(' and ')}
            order by occurred_ms desc, id desc limit ${bind(paging.limit)} offset ${bind(paging.offset)}
         ) page on true
        order by page.occurred_ms desc, page.id desc`,
      values,
    );
    return {
      rows: rows.flatMap((row) => (row.id === null ? [] : [usageOf(row)])),
      total: Number(rows[0]?.total ?? 0),
    };
  }

  async stats(scope: UsageScope): Promise<UsageStats> {
    const { bind, values } = binder();
    const days = utcDays(scope.range);
    const rows = namedRows(
      await this.read(
        NAMED,
        `with u as materialized (${groupedSql(sliceOf(scope, ['agent_name', 'model']), days, bind)})
       select 'all' as kind, null as name, ${SUMS} from u
       union all select 'model', model, ${GROUP_SUMS} from u group by model
       union all select 'agent', agent_name, ${GROUP_SUMS} from u group by agent_name
       union all select 'session', s.* from (${groupedSql(sliceOf(scope, ['session_id']), days, bind)}) s
       order by kind, name`,
        values,
      ),
    );
    return {
      summary: sumsOfKind(rows, 'all'),
      models: named(rows, 'model'),
      sessions: named(rows, 'session'),
      agents: named(rows, 'agent'),
    };
  }

  /** Per agent: sums, models, sessions, and days in `zone` (an IANA name). */
  async agentCosts(scope: UsageScope, zone: string): Promise<ReadonlyMap<string, AgentCosts>> {
    const { bind, values } = binder();
    const days = await this.daysOf(scope, zone);
    const byModel = groupedSql(sliceOf(scope, ['agent_name', 'model']), utcDays(scope.range), bind);
    const byDay = groupedSql({ ...sliceOf(scope, ['agent_name']), time: 'day', zone }, days, bind);
    const rows = ownedRows(
      await this.read(
        OWNED,
        `with m as materialized (${byModel})
         select agent_name as owner, 'all' as kind, null as name, ${GROUP_SUMS} from m group by agent_name
         union all select agent_name, 'model', model, ${GROUP_SUMS} from m group by agent_name, model
         union all select agent_name, 'day', at::text, ${sliceSums.join(', ')} from (${byDay}) d
         union all
         select agent_name, 'sessions', json_agg(session_id order by session_id)::text, ${sliceSums.map(() => '0').join(', ')}
           from (select distinct agent_name, session_id from (${sessionsIn(scope, bind)}) y) s group by agent_name
         order by owner, kind, name`,
        values,
      ),
    );
    return mapOwned(rows, (group) => ({
      stats: sumsOfKind(group, 'all'),
      models: named(group, 'model'),
      sessions: textList(group.find(isKind('sessions'))?.name),
      timeline: timelineOf(group),
    }));
  }

  /** Since an instant, ms since 1970, up to the newest report. */
  async byAgent(
    asked: Omit<UsageScope, 'range'> & { readonly since: number },
  ): Promise<ReadonlyMap<string, AgentUsage>> {
    const { bind, values } = binder();
    const scope = { ...asked, range: { from: asked.since } };
    const days = utcDays(scope.range);
    const record = await this.read(
      { ...OWNED, sessions: 'plain', last_active: 'plain' },
      `with u as materialized (${groupedSql(sliceOf(scope, ['agent_name', 'model']), days, bind)}),
            i as not materialized (${sessionsIn(scope, bind)}),
            s as materialized (
              select agent_name, count(*) as spans, max(last_ms) as last_active, min(agent_id) <> max(agent_id) as is_shared
                from i group by agent_name),
            shared as materialized (
              select agent_name, count(distinct session_id) as sessions
                from i where agent_name in (select agent_name from s where is_shared) group by agent_name)
       select a.*, coalesce(h.sessions, s.spans, 0) as sessions, coalesce(s.last_active, 0) as last_active
         from (select agent_name as owner, 'all' as kind, null as name, ${GROUP_SUMS} from u group by agent_name
               union all select agent_name, 'model', model, ${GROUP_SUMS} from u group by agent_name, model) a
         left join s on s.agent_name = a.owner and a.kind = 'all'
         left join shared h on h.agent_name = s.agent_name
        order by owner, kind, name`,
      values,
    );
    const sessions = plainTextsOf(record?.['sessions']);
    const lastActive = plainTextsOf(record?.['last_active']);
    const rows = ownedRows(record).map((row, at) => ({ ...row, sessions: sessions[at], lastActive: lastActive[at] }));
    return mapOwned(rows, (group) => {
      const all = group.find(isKind('all'));
      return {
        stats: all?.sums ?? NO_SUMS,
        models: named(group, 'model'),
        sessionCount: Number(all?.sessions ?? 0),
        lastActive: Number(all?.lastActive ?? 0),
      };
    });
  }

  /** Per task: sums, models, days in `zone`; and what the tasks of an agent and of a project come to. */
  async taskCosts(scope: UsageScope, zone: string): Promise<TaskCostReport> {
    const { bind, values } = binder();
    const days = await this.daysOf(scope, zone);
    const workspace = bind(scope.workspaceId);
    const record = await this.read(
      { ...OWNED, task_ids: 'text', task: 'text' },
      `with u as materialized (
              ${groupedSql(
                { ...sliceOf(scope, ['task_id', 'agent_name', 'model']), time: 'day', zone, hasTask: true },
                days,
                bind,
              )}),
            k as materialized (
              select t.task_id, t.title, t.status, t.priority, t.assigned_to, t.project_id, t.project_name,
                     t.project_prefix, t.ticket_no, p.slug
                from tasks t left join projects p on p.project_id = t.project_id
               where t.workspace_id = ${workspace} and t.task_id in (select task_id from u))
       select 'all' as kind, null::text as owner, null::text as name, null::text as task_ids, null::text as task, ${SUMS}
         from (${sliceSql(sliceOf(scope, []), utcDays(scope.range), bind)}) x
       union all select 'attributed', null, null, null, null, ${SUMS} from u
       union all
       select 'task', u.task_id::text, null, null, (select row_to_json(k)::text from k where k.task_id = u.task_id), ${SUMS}
         from u group by u.task_id
       union all select 'model', task_id::text, model, null, null, ${SUMS} from u group by task_id, model
       union all select 'day', task_id::text, at::text, null, null, ${SUMS} from u group by task_id, at
       union all
       select 'agent', agent_name, null, json_agg(distinct task_id order by task_id)::text, null, ${SUMS}
         from u group by agent_name
       union all
       select 'project', k.project_id::text, null, json_agg(distinct u.task_id order by u.task_id)::text, null, ${SUMS}
         from u left join k on k.task_id = u.task_id group by k.project_id
       order by kind, owner, name`,
      values,
    );
    const taskIds = textsOf(record?.['task_ids']);
    const tasksAsJson = textsOf(record?.['task']);
    const rows = ownedRows(record).map((row, at) => ({ ...row, taskIds: taskIds[at], task: tasksAsJson[at] ?? null }));
    const shared = (kind: string) =>
      rows
        .filter(isKind(kind))
        .map((row) => [row.owner, { stats: row.sums, taskIds: JSON.parse(row.taskIds ?? '[]') as number[] }] as const);
    const ofTasks = rows.filter(({ kind }) => kind === 'task' || kind === 'model' || kind === 'day');
    const tasks = mapOwned(ofTasks, (group) => ({
      stats: sumsOfKind(group, 'task'),
      models: named(group, 'model'),
      timeline: timelineOf(group),
      task: taskOf(group.find(isKind('task'))?.task ?? null),
    }));
    return {
      all: sumsOfKind(rows, 'all'),
      attributed: sumsOfKind(rows, 'attributed'),
      tasks: new Map([...tasks].map(([id, costs]) => [Number(id), costs] as const).sort(([a], [b]) => a - b)),
      agents: new Map(shared('agent').map(([name, costs]) => [name ?? '', costs])),
      projects: new Map(shared('project').map(([id, costs]) => [id === null ? undefined : Number(id), costs])),
    };
  }

  /** By UTC hour, oldest first. */
  async trends(scope: UsageScope): Promise<readonly TrendPoint[]> {
    const { bind, values } = binder();
    const rows = await this.sql.query<SumRecord & { readonly ms: string }>(
      `select (extract(epoch from at) * 1000)::bigint as ms, ${GROUP_SUMS}
         from (${sliceSql({ ...sliceOf(scope, []), time: 'hour' }, utcDays(scope.range), bind)}) u
        group by at order by at`,
      values,
    );
    return rows.map((row) => ({ at: Number(row.ms), sums: sumsOf(row) }));
  }

  /** The books that rows are priced anew by now; none: everything is priced by the last one. */
  async repricing(): Promise<Repricing | undefined> {
    const [row] = await this.sql.query<{ book_version: number; done: string; total: string }>(
      `select book_version, rows_done as done, rows_total as total
         from repricing where state <> 'done' order by book_version desc limit 1`,
    );
    return row && { bookVersion: row.book_version, done: Number(row.done), total: Number(row.total) };
  }

  private async read(columns: Columns, text: string, values: readonly unknown[]): Promise<ColumnarRecord | undefined> {
    const [record] = await this.sql.query<ColumnarRecord>(columnar(columns, text), values);
    return record;
  }

  /** How the days of a zone lie over a range. */
  daysOf({ workspaceId, range }: UsageScope, zone: string): Promise<ZoneDays> {
    return zone === 'UTC' ? Promise.resolve(utcDays(range)) : zoneDays(this.sql, workspaceId, zone, range);
  }
}

/** Collects bound values and hands out their parameters. */
export function binder(): { readonly bind: Bind; readonly values: unknown[] } {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}

function sliceOf({ workspaceId, range, agentId }: UsageScope, columns: Slice['columns']): Slice {
  const filters: SliceFilter[] = agentId === undefined ? [] : [{ column: 'agent_id', values: [agentId] }];
  return { workspaceId, range, columns, filters };
}

/** SQL of the sessions in use. Of a range without an end the last use tells; of any other, what was used within. */
function sessionsIn(scope: UsageScope, bind: Bind): string {
  const { workspaceId, range, agentId } = scope;
  if (range.until !== undefined) {
    return sliceSql(sliceOf(scope, ['agent_name', 'session_id']), utcDays(range), bind);
  }
  const conditions = [
    `workspace_id = ${bind(workspaceId)}::integer`,
    ...(range.from === undefined ? [] : [`last_ms >= ${bind(range.from)}::bigint`]),
    ...(agentId === undefined ? [] : [`agent_id = ${bind(agentId)}::bigint`]),
  ];
  return `select agent_name, agent_id, session_id, last_ms from session_span where ${conditions.join(' and ')}`;
}

const NAMED: Columns = { kind: 'text', name: 'text', ...SUM_COLUMNS };
const OWNED: Columns = { owner: 'text', ...NAMED };

interface NamedRow {
  readonly kind: string | null;
  readonly name: string | null;
  readonly sums: CostSums;
}

interface OwnedRow extends NamedRow {
  readonly owner: string | null;
}

function namedRows(record: ColumnarRecord | undefined): readonly NamedRow[] {
  return rowsOf<NamedRow>({
    kind: textsOf(record?.['kind']),
    name: textsOf(record?.['name']),
    sums: sumsIn(record),
  });
}

function ownedRows(record: ColumnarRecord | undefined): readonly OwnedRow[] {
  const owners = textsOf(record?.['owner']);
  return namedRows(record).map((row, at) => ({ ...row, owner: owners[at] ?? null }));
}

const isKind = (kind: string) => (row: NamedRow) => row.kind === kind;

function sumsOfKind(rows: readonly NamedRow[], kind: string): CostSums {
  return rows.find(isKind(kind))?.sums ?? NO_SUMS;
}

function named(rows: readonly NamedRow[], kind: string): NamedSums {
  return new Map(rows.filter(isKind(kind)).map(({ name, sums }) => [name ?? '', sums]));
}

function timelineOf(rows: readonly NamedRow[]): Timeline {
  return rows.filter(isKind('day')).map(({ name, sums }) => ({ date: name ?? '', sums }));
}

function textList(json: string | null | undefined): readonly string[] {
  return json === null || json === undefined ? [] : (JSON.parse(json) as string[]);
}

function mapOwned<Row extends OwnedRow, Value>(
  rows: readonly Row[],
  valueOf: (group: readonly Row[]) => Value,
): ReadonlyMap<string, Value> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const owner = row.owner ?? '';
    const group = groups.get(owner);
    if (group === undefined) groups.set(owner, [row]);
    else group.push(row);
  }
  return new Map([...groups].map(([owner, group]) => [owner, valueOf(group)]));
}

interface TaskJson {
  readonly title: string;
  readonly status: string;
  readonly priority: string;
  readonly assigned_to: string | null;
  readonly project_id: number;
  readonly project_name: string;
  readonly project_prefix: string;
  readonly ticket_no: number;
  readonly slug: string | null;
}

function taskOf(json: string | null): CostedTask | undefined {
  if (json === null) return undefined;
  const task = JSON.parse(json) as TaskJson;
  return {
    title: task.title,
    status: task.status,
    priority: task.priority,
    assignedTo: task.assigned_to,
    project: {
      id: task.project_id,
      name: task.project_name,
      prefix: task.project_prefix,
      slug: task.slug,
      ticketNo: task.ticket_no,
    },
  };
}
