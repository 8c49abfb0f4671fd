import type { Position } from '../../src/platform/event-store/position.js';
import type { SqlReader } from '../engine/sql.js';
import type { BeatPeriod } from './liveness.fold.js';

/** A lease that nobody renewed. Acting on it is decided on the agent's stream; this is only whom to look at. */
export interface DueLease {
  readonly agentId: number;
  readonly workspaceId: number;
  /** Null: the agent has no open connection. */
  readonly connectionId: string | null;
  readonly epoch: number;
  readonly silentSeconds: number;
}

/** The due leases, and how far the projection had folded in the same snapshot. */
export interface DueLeases {
  readonly checkpoint: Position;
  readonly databaseTime: Date;
  readonly connections: readonly DueLease[];
  readonly agents: readonly DueLease[];
}

/** A period of beats that is over: the fields of a `HeartbeatsSummarised` event. */
export type DueSummary = BeatPeriod;

export interface LeaseLimits {
  /** Silence after which an open connection is due. */
  readonly connectionSeconds: number;
  /** Silence after which an agent without a connection, that has beaten and is not offline, is due. */
  readonly agentSeconds: number;
  /** At most so many of each, the longest silent first. */
  readonly limit: number;
}

export class LivenessQueries {
  constructor(private readonly sql: SqlReader) {}

  async databaseTime(): Promise<Date> {
    const [row] = await this.sql.query<{ now: Date }>('select clock_timestamp() as now');
    if (row === undefined) throw new Error('the database did not tell its time');
    return row.now;
  }

  /**
   * Leases that have run out by the database's clock as of `at` (default: now), with the checkpoint of the same
   * snapshot: whoever acts on it must see that the checkpoint has passed the head of the log, since a lagging projector
   * must not expire anybody.
   */
  async dueLeases(limits: LeaseLimits, at?: Date): Promise<DueLeases> {
    const rows = await this.sql.query<DueRecord>(
      `select p.commit_position, p.prepare_position, t.at, due.*
         from projection_progress p
         cross join (select coalesce($4::timestamptz, clock_timestamp()) as at) t
         left join lateral (
           (select true as connected, agent_id, workspace_id, connection_id, epoch,
                   extract(epoch from t.at - renewed_at)::float8 as silent_seconds
              from liveness
             where connection_id is not null and renewed_at < t.at - make_interval(secs => $1)
             order by renewed_at limit $3)
           union all
           (select false, agent_id, workspace_id, null, epoch, extract(epoch from t.at - renewed_at)::float8
              from liveness
             where connection_id is null and has_beaten and status <> 'offline'
               and renewed_at < t.at - make_interval(secs => $2)
             order by renewed_at limit $3)
         ) due on true
        where p.projection = 'liveness'`,
      [limits.connectionSeconds, limits.agentSeconds, limits.limit, at ?? null],
    );
    const [first] = rows;
    if (first === undefined) throw new Error('projection liveness has no checkpoint: the schema is not migrated');
    const due = rows.filter(isDue);
    return {
      checkpoint: { commit: BigInt(first.commit_position), prepare: BigInt(first.prepare_position) },
      databaseTime: first.at,
      connections: due.filter((row) => row.connected).map(leaseOf),
      agents: due.filter((row) => !row.connected).map(leaseOf),
    };
  }

  /** Periods of beats that are over and not yet summarised, oldest first. */
  async dueSummaries(limit: number): Promise<readonly DueSummary[]> {
    const rows = await this.sql.query<PeriodRecord>(
      `select connection_id, agent_id, workspace_id, from_at, to_at, beat_count, largest_gap_ms, digest, final
         from liveness_periods order by to_at, connection_id limit $1`,
      [limit],
    );
    return rows.map((row) => ({
      connectionId: row.connection_id,
      agentId: Number(row.agent_id),
      workspaceId: row.workspace_id,
      from: row.from_at.toISOString(),
      to: row.to_at.toISOString(),
      count: row.beat_count,
      largestGapMs: Number(row.largest_gap_ms),
      digest: row.digest,
      final: row.final,
    }));
  }
}

interface Due {
  readonly connected: boolean;
  readonly agent_id: string;
  readonly workspace_id: number;
  readonly connection_id: string | null;
  readonly epoch: number;
  readonly silent_seconds: number;
}

type DueRecord = { readonly commit_position: string; readonly prepare_position: string; readonly at: Date } & (
  Due | { readonly [K in keyof Due]: null }
);

interface PeriodRecord {
  readonly connection_id: string;
  readonly agent_id: string;
  readonly workspace_id: number;
  readonly from_at: Date;
  readonly to_at: Date;
  readonly beat_count: number;
  readonly largest_gap_ms: string;
  readonly digest: string;
  readonly final: boolean;
}

const isDue = (row: DueRecord): row is DueRecord & Due => row.agent_id !== null;

function leaseOf(row: Due): DueLease {
  return {
    agentId: Number(row.agent_id),
    workspaceId: row.workspace_id,
    connectionId: row.connection_id,
    epoch: row.epoch,
    silentSeconds: row.silent_seconds,
  };
}
