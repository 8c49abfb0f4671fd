import type { Json } from '../../src/platform/event-store/stored-event.js';
import type { SqlReader } from '../engine/sql.js';

export interface ActivityRow {
  readonly id: number;
  readonly workspaceId: number;
  readonly type: string;
  readonly entityType: string;
  readonly entityId: number | null;
  readonly actor: string;
  readonly description: string;
  readonly data: { readonly [key: string]: Json } | null;
  readonly createdAt: Date;
  /** What it is about, as it is now; null when that is gone or has no list of its own. */
  readonly entity: ActivityEntity | null;
}

export type ActivityEntity =
  | { readonly type: 'task'; readonly id: number; readonly title: string; readonly status: string }
  | {
      readonly type: 'agent';
      readonly id: number;
      readonly name: string;
      readonly role: string;
      readonly status: string;
    }
  | {
      readonly type: 'comment';
      readonly id: number;
      readonly taskId: number;
      readonly taskTitle: string;
      readonly preview: string;
    };

/** Who looks: what is for admins only, and what is no business of an agent key's agent, is left out. */
export interface ActivityViewer {
  readonly workspaceId: number;
  readonly isAdmin: boolean;
  readonly agentId?: number;
}

export interface ActivityFilter {
  readonly types?: readonly string[];
  readonly actor?: string;
  readonly entityType?: string;
  readonly since?: Date;
}

export interface ActivityPage {
  readonly rows: readonly ActivityRow[];
  readonly total: number;
}

export interface ActivityStats {
  readonly byType: readonly { readonly type: string; readonly count: number }[];
  readonly topActors: readonly { readonly actor: string; readonly count: number }[];
  /** By the hour, oldest first; hours without any are left out. */
  readonly timeline: readonly { readonly hour: Date; readonly count: number }[];
}

const TOP_ACTORS = 10;
const PREVIEW = 100;

/** The feed, newest first. */
export class ActivityQueries {
  constructor(private readonly sql: SqlReader) {}

  async list(
    viewer: ActivityViewer,
    filter: ActivityFilter,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<ActivityPage> {
    const { from, where, values } = visible(viewer, filter);
    const [records, total] = await Promise.all([
      this.sql.query<ActivityRecord>(
        `select p.*, t.title, t.status as task_status, g.name, g.role, g.status as agent_status,
                c.task_id as comment_task, ct.title as comment_task_title, left(c.content, ${PREVIEW}) as preview
           from (select a.* from ${from} where ${where} order by a.id desc limit ${limit} offset ${offset}) p
           left join tasks t
             on p.entity_type = 'task' and t.task_id = p.entity_id and t.workspace_id = p.workspace_id
            and t.deleted_at is null
           left join agents g
             on p.entity_type = 'agent' and g.agent_id = p.entity_id and g.workspace_id = p.workspace_id
            and g.retired_at is null
           left join task_comments c
             on p.entity_type = 'comment' and c.comment_id = p.entity_id and c.workspace_id = p.workspace_id
           left join tasks ct on ct.task_id = c.task_id and ct.deleted_at is null
          order by p.id desc`,
        values,
      ),
      this.total(viewer, filter),
    ]);
    return { rows: records.map(activityOf), total };
  }

  /** Of everything since an instant, by one actor or by all. */
  async stats(viewer: ActivityViewer, since: Date, actor?: string): Promise<ActivityStats> {
    const { from, where, values } = visible(viewer, { since, ...(actor === undefined ? {} : { actor }) });
    const [byType, topActors, timeline] = await Promise.all([
      this.sql.query<{ type: string; count: string }>(
        `select a.type, count(*) as count from ${from} where ${where} group by a.type order by count(*) desc, a.type`,
        values,
      ),
      this.sql.query<{ actor: string; count: string }>(
        `select a.actor, count(*) as count from ${from} where ${where}
          group by a.actor order by count(*) desc, a.actor limit ${TOP_ACTORS}`,
        values,
      ),
      this.sql.query<{ hour: Date; count: string }>(
        `select date_trunc('hour', a.created_at, 'UTC') as hour, count(*) as count from ${from} where ${where}
          group by 1 order by 1`,
        values,
      ),
    ]);
    return {
      byType: byType.map(({ type, count }) => ({ type, count: Number(count) })),
      topActors: topActors.map(({ actor, count }) => ({ actor, count: Number(count) })),
      timeline: timeline.map(({ hour, count }) => ({ hour, count: Number(count) })),
    };
  }

  private async total(viewer: ActivityViewer, filter: ActivityFilter): Promise<number> {
    const isCounted = viewer.agentId === undefined && filter.actor === undefined && filter.since === undefined;
    const { from, where, values } = visible(viewer, filter, isCounted ? 'activity_counts' : 'activities');
    const [row] = await this.sql.query<{ total: string }>(
      `select ${isCounted ? 'coalesce(sum(a.activities), 0)' : 'count(*)'} as total from ${from} where ${where}`,
      values,
    );
    return Number(row?.total ?? 0);
  }
}

/** Both tables have the columns of the filters that the counted total serves. */
function visible(viewer: ActivityViewer, filter: ActivityFilter, table = 'activities') {
  const values: unknown[] = [viewer.workspaceId];
  const conditions = ['a.workspace_id = $1'];
  const add = (condition: (parameter: string) => string, value: unknown) => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (!viewer.isAdmin) conditions.push('not a.admin_only');
  if (viewer.agentId !== undefined) add((id) => `g.agent_id = ${id}`, viewer.agentId);
  const [only, ...others] = filter.types ?? [];
  if (only !== undefined && others.length === 0) add((type) => `a.type = ${type}`, only);
  if (others.length > 0) add((types) => `a.type = any(${types}::text[])`, filter.types);
  if (filter.actor !== undefined) add((actor) => `a.actor = ${actor}`, filter.actor);
  if (filter.entityType !== undefined) add((type) => `a.entity_type = ${type}`, filter.entityType);
  if (filter.since !== undefined) add((since) => `a.created_at >= ${since}`, filter.since);
  const from =
    viewer.agentId === undefined ? `${table} a` : `activity_agents g join ${table} a on a.id = g.activity_id`;
  return { from, where: conditions.join(' and '), values };
}

interface ActivityRecord {
  readonly id: string;
  readonly workspace_id: number;
  readonly type: string;
  readonly entity_type: string;
  readonly entity_id: string | null;
  readonly actor: string;
  readonly description: string;
  readonly data: ActivityRow['data'];
  readonly created_at: Date;
  readonly title: string | null;
  readonly task_status: string | null;
  readonly name: string | null;
  readonly role: string | null;
  readonly agent_status: string | null;
  readonly comment_task: string | null;
  readonly comment_task_title: string | null;
  readonly preview: string | null;
}

function activityOf(row: ActivityRecord): ActivityRow {
  return {
    id: Number(row.id),
    workspaceId: row.workspace_id,
    type: row.type,
    entityType: row.entity_type,
    entityId: row.entity_id === null ? null : Number(row.entity_id),
    actor: row.actor,
    description: row.description,
    data: row.data,
    createdAt: row.created_at,
    entity: entityOf(row),
  };
}

function entityOf(row: ActivityRecord): ActivityEntity | null {
  const id = Number(row.entity_id);
  if (row.title !== null && row.task_status !== null) {
    return { type: 'task', id, title: row.title, status: row.task_status };
  }
  if (row.name !== null && row.role !== null && row.agent_status !== null) {
    return { type: 'agent', id, name: row.name, role: row.role, status: row.agent_status };
  }
  if (row.comment_task !== null && row.comment_task_title !== null) {
    const { comment_task: taskId, comment_task_title: taskTitle, preview } = row;
    return { type: 'comment', id, taskId: Number(taskId), taskTitle, preview: preview ?? '' };
  }
  return null;
}
