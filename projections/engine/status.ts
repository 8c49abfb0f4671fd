import { isAfter, type Position } from '../../src/platform/event-store/position.js';
import { lagEvents } from './lag.js';
import type { SqlReader } from './sql.js';

/** So few events behind the head still counts as live: under load nobody stands exactly at it. */
const CLOSE = 1_000n;

export interface StoredStatus {
  readonly projection: string;
  readonly version: number;
  readonly isActive: boolean;
  readonly state: 'live' | 'catching_up' | 'rebuilding' | 'halted';
  readonly position: Position;
  readonly lagEvents: bigint;
  readonly movedAt: Date;
  /** How long the checkpoint has not moved, by the database's clock. */
  readonly stillSeconds: number;
  readonly parkedKeys: number;
  readonly deadLetters: number;
}

/** Where every version of every projection stands by the tables, measured against the store's own head. */
export async function storedStatus(sql: SqlReader, head: Position | undefined): Promise<readonly StoredStatus[]> {
  const rows = await sql.query<StatusRecord>(
    `select c.projection, c.version, coalesce(a.version = c.version, false) as is_active, c.state,
              c.commit_position, c.prepare_position, c.ordinal, c.moved_at,
              extract(epoch from clock_timestamp() - c.moved_at)::float8 as still_seconds,
              r.commit_position as read_commit, r.prepare_position as read_prepare, r.ordinal as read_ordinal,
              count(d.id) as letters,
              count(distinct d.key) filter (where d.state = 'parked') as parked,
              coalesce(bool_or(d.state = 'halted'
                and (d.commit_position, d.prepare_position) > (c.commit_position, c.prepare_position)), false) as halted
         from projection_checkpoint c
         left join projection_active a on a.projection = c.projection
         left join projection_read r on r.projection = c.projection and r.version = c.version
         left join projection_dead_letter d on d.projection = c.projection and d.version = c.version
        group by c.projection, c.version, a.projection, r.projection, r.version
        order by c.projection, c.version`,
  );
  return rows.map((row) => statusOf(row, head));
}

interface StatusRecord {
  readonly projection: string;
  readonly version: number;
  readonly is_active: boolean;
  readonly state: 'building' | 'live';
  readonly commit_position: string;
  readonly prepare_position: string;
  readonly ordinal: string;
  readonly moved_at: Date;
  readonly still_seconds: number;
  readonly read_commit: string | null;
  readonly read_prepare: string | null;
  readonly read_ordinal: string | null;
  readonly letters: string;
  readonly parked: string;
  readonly halted: boolean;
}

function statusOf(row: StatusRecord, head: Position | undefined): StoredStatus {
  const position = { commit: BigInt(row.commit_position), prepare: BigInt(row.prepare_position) };
  const read =
    row.read_commit === null || row.read_prepare === null
      ? undefined
      : {
          position: { commit: BigInt(row.read_commit), prepare: BigInt(row.read_prepare) },
          ordinal: Number(row.read_ordinal),
        };
  const lag = lagEvents({ position, ordinal: Number(row.ordinal) }, read, head);
  const isBehind = head !== undefined && isAfter(head, position);
  return {
    projection: row.projection,
    version: row.version,
    isActive: row.is_active,
    state: stateOf(row, isBehind && lag > CLOSE),
    position,
    lagEvents: lag,
    movedAt: row.moved_at,
    stillSeconds: row.still_seconds,
    parkedKeys: Number(row.parked),
    deadLetters: Number(row.letters),
  };
}

function stateOf(row: StatusRecord, isFarBehind: boolean): StoredStatus['state'] {
  if (row.halted) return 'halted';
  if (row.state === 'building') return 'rebuilding';
  return isFarBehind ? 'catching_up' : 'live';
}
