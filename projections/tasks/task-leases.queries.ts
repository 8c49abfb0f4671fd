import type { Position } from '../../src/platform/event-store/position.js';
import type { Recipient } from '../../src/tasks/tasks.events.js';
import type { SqlReader } from '../engine/sql.js';

/** A task that an agent has in progress, with a lease or without one. */
export interface HeldRow {
  readonly taskId: number;
  /** Of the task's stream, that the row has reached. */
  readonly revision: bigint;
  readonly updatedAt: Date;
  readonly leaseId: string | null;
  /** Last sign of life on the task itself. */
  readonly renewedAt: Date | null;
  /** Unix seconds; beats of the agent count. */
  readonly leaseExpiresAt: number | null;
}

/** Whose tasks are asked for, one of several. */
export interface TaskHolder {
  readonly workspaceId: number;
  readonly agent: Recipient;
}

/** A lease whose holder has been silent for too long. Its end is decided on the task's stream. */
export interface DueTaskLease {
  readonly taskId: number;
  readonly workspaceId: number;
  readonly leaseId: string;
  readonly epoch: number;
  /** Of the task's stream, that the row has reached. */
  readonly revision: bigint;
  readonly holder: string;
  readonly silentSeconds: number;
}

export interface DueTaskLeases {
  /** How far both the tasks and the beats had been folded in the same snapshot. */
  readonly checkpoint: Position;
  readonly at: Date;
  readonly leases: readonly DueTaskLease[];
}

/** What the index of held tasks holds. */
export const IS_HELD = "deleted_at is null and status = 'in_progress'";

/** For {@link TaskLeaseQueries.held}. */
export const heldIndexes = (v: number): string => `
    create index if not exists tasks_v${v}_held on tasks_v${v} (workspace_id, assigned_agent_id, assigned_to)
      where ${IS_HELD};`;

export class TaskLeaseQueries {
  constructor(private readonly sql: SqlReader) {}

  /** What each of these agents has in progress, last updated first; at most `limit` each. */
  async held(holders: readonly TaskHolder[], limit: number): Promise<readonly (readonly HeldRow[])[]> {
    const rows = await this.sql.query<HeldRecord>(
      `select a.holder, t.task_id, t.revision, t.updated_at, t.lease_id, t.lease_renewed_at,
              floor(extract(epoch from greatest(t.lease_renewed_at, l.last_seen)) + t.lease_seconds)::float8
                as lease_expires_at
         from unnest($1::integer[], $2::bigint[], $3::text[])
              with ordinality as a (workspace_id, agent_id, agent_name, holder)
         cross join lateral (
           select task_id, revision, updated_at, lease_id, lease_renewed_at, lease_seconds, lease_agent_id from tasks
            where workspace_id = a.workspace_id and ${IS_HELD} and assigned_agent_id = a.agent_id
           union all
           select task_id, revision, updated_at, lease_id, lease_renewed_at, lease_seconds, lease_agent_id from tasks
            where workspace_id = a.workspace_id and ${IS_HELD}
              and assigned_agent_id is null and assigned_to = a.agent_name
           order by updated_at desc, task_id desc limit $4
         ) t
         left join liveness l on l.agent_id = t.lease_agent_id
        order by a.holder, t.updated_at desc, t.task_id desc`,
      [
        holders.map(({ workspaceId }) => workspaceId),
        holders.map(({ agent }) => agent.agentId),
        holders.map(({ agent }) => agent.name),
        limit,
      ],
    );
    const found = holders.map((): HeldRow[] => []);
    for (const row of rows) found[Number(row.holder) - 1]?.push(heldOf(row));
    return found;
  }

  /**
   * Leases that have run out by the database's clock as of `at` (default: now), with the checkpoint of the same snapshot: whoever acts
   * on it must see that the checkpoint has passed the head of the log. The last sign of life is the later of the task's
   * own and the agent's last beat. Leases longer than `heardSeconds` are left out: nobody has listened for so long.
   */
  async due(heardSeconds: number, limit: number, at?: Date): Promise<DueTaskLeases> {
    const rows = await this.sql.query<DueRecord>(
      `select p.commit_position, p.prepare_position, c.at, due.*
         from (
           select commit_position, prepare_position from projection_progress
            where projection in ('tasks', 'liveness')
            order by commit_position, prepare_position limit 1
         ) p
         cross join (select coalesce($3::timestamptz, clock_timestamp()) as at) c
         left join lateral (
           select t.task_id, t.workspace_id, t.lease_id, t.lease_epoch, t.revision, t.lease_holder,
                  extract(epoch from c.at - greatest(t.lease_renewed_at, l.renewed_at))::float8
                    as silent_seconds
             from tasks t
             left join liveness l on l.agent_id = t.lease_agent_id
            where t.lease_id is not null and t.lease_seconds <= $1::float8
              and t.lease_renewed_at <= c.at - make_interval(secs => t.lease_seconds)
              and (l.renewed_at is null or l.renewed_at <= c.at - make_interval(secs => t.lease_seconds))
            order by t.lease_renewed_at limit $2
         ) due on true`,
      [heardSeconds, limit, at ?? null],
    );
    const [first] = rows;
    if (first === undefined) throw new Error('the tasks have no checkpoint: the schema is not migrated');
    return {
      checkpoint: { commit: BigInt(first.commit_position), prepare: BigInt(first.prepare_position) },
      at: first.at,
      leases: rows.filter(isDue).map(leaseOf),
    };
  }
}

interface HeldRecord {
  readonly holder: string;
  readonly task_id: string;
  readonly revision: string;
  readonly updated_at: Date;
  readonly lease_id: string | null;
  readonly lease_renewed_at: Date | null;
  readonly lease_expires_at: number | null;
}

interface Due {
  readonly task_id: string;
  readonly workspace_id: number;
  readonly lease_id: string;
  readonly lease_epoch: number;
  readonly revision: string;
  readonly lease_holder: string;
  readonly silent_seconds: number;
}

type DueRecord = { readonly commit_position: string; readonly prepare_position: string; readonly at: Date } & (
  Due | { readonly [K in keyof Due]: null }
);

const isDue = (row: DueRecord): row is DueRecord & Due => row.task_id !== null;

function heldOf(row: HeldRecord): HeldRow {
  return {
    taskId: Number(row.task_id),
    revision: BigInt(row.revision),
    updatedAt: row.updated_at,
    leaseId: row.lease_id,
    renewedAt: row.lease_renewed_at,
    leaseExpiresAt: row.lease_expires_at,
  };
}

function leaseOf(row: Due): DueTaskLease {
  return {
    taskId: Number(row.task_id),
    workspaceId: row.workspace_id,
    leaseId: row.lease_id,
    epoch: row.lease_epoch,
    revision: BigInt(row.revision),
    holder: row.lease_holder,
    silentSeconds: row.silent_seconds,
  };
}
