import { isAfter, type Position } from '../../src/platform/event-store/position.js';
import { type Connect, withClient } from './database.js';
import { lagEvents } from './lag.js';

export interface StoredStatus {
  readonly projection: string;
  readonly version: number;
  readonly isActive: boolean;
  readonly state: 'live' | 'catching_up' | 'rebuilding' | 'halted';
  readonly position: Position;
  readonly lagEvents: bigint;
  readonly movedAt: Date;
  readonly parkedKeys: number;
  readonly deadLetters: number;
}

/** Where every version of every projection stands by the tables, measured against the store's own head. */
export function storedStatus(connect: Connect, head: Position | undefined): Promise<readonly StoredStatus[]> {
  return withClient(connect, async (client) => {
    const { rows } = await client.query<StatusRecord>(
      `select c.projection, c.version, coalesce(a.version = c.version, false) as is_active, c.state,
              c.commit_position, c.prepare_position, c.ordinal, c.moved_at,
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
  });
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
  return {
    projection: row.projection,
    version: row.version,
    isActive: row.is_active,
    state: stateOf(row, head !== undefined && isAfter(head, position)),
    position,
    lagEvents: lagEvents({ position, ordinal: Number(row.ordinal) }, read, head),
    movedAt: row.moved_at,
    parkedKeys: Number(row.parked),
    deadLetters: Number(row.letters),
  };
}

function stateOf(row: StatusRecord, isBehind: boolean): StoredStatus['state'] {
  if (row.halted) return 'halted';
  if (row.state === 'building') return 'rebuilding';
  return isBehind ? 'catching_up' : 'live';
}
