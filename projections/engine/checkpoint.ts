import type { ClientBase } from 'pg';
import type { Position } from '../../src/platform/event-store/position.js';

/** Where a projection stands: the position, and how many events of its reader it has looked at up to there. */
export interface Checkpoint {
  readonly position: Position;
  readonly ordinal: number;
}

/** The NOTIFY channel of moved checkpoints. Payload: see {@link progressPayload}. */
export const PROGRESS_CHANNEL = 'projection_progress';

/** `projection:version:commit:prepare:ordinal`, decimal. A wake-up that saves a look at the table, never the truth itself. */
export function progressPayload(projection: string, version: number, checkpoint: Checkpoint): string {
  const { position, ordinal } = checkpoint;
  return `${projection}:${version}:${position.commit}:${position.prepare}:${ordinal}`;
}

export interface Progress {
  readonly projection: string;
  readonly version: number;
  readonly checkpoint: Checkpoint;
}

/** Reads {@link progressPayload}; undefined for anything else. */
export function parseProgress(payload: string): Progress | undefined {
  const match = /^([a-z-]+):(\d+):(-?\d+):(-?\d+):(\d+)$/.exec(payload);
  const [, projection, version, commit, prepare, ordinal] = match ?? [];
  if (projection === undefined || commit === undefined || prepare === undefined) return undefined;
  return {
    projection,
    version: Number(version),
    checkpoint: { position: { commit: BigInt(commit), prepare: BigInt(prepare) }, ordinal: Number(ordinal) },
  };
}

/** Undefined: this version does not exist. */
export async function readCheckpoint(
  client: ClientBase,
  projection: string,
  version: number,
): Promise<Checkpoint | undefined> {
  const { rows } = await client.query<{ commit_position: string; prepare_position: string; ordinal: string }>(
    'select commit_position, prepare_position, ordinal from projection_checkpoint where projection = $1 and version = $2',
    [projection, version],
  );
  const [row] = rows;
  return row === undefined
    ? undefined
    : {
        position: { commit: BigInt(row.commit_position), prepare: BigInt(row.prepare_position) },
        ordinal: Number(row.ordinal),
      };
}

/**
 * The fence, first statement of a batch's transaction: moves the checkpoint from exactly where this worker read it, and
 * takes the row lock. False: somebody else moved it, and nothing of this batch may be written. The NOTIFY goes out with
 * the commit.
 */
export async function moveCheckpoint(
  client: ClientBase,
  projection: string,
  version: number,
  from: Checkpoint,
  to: Checkpoint,
): Promise<boolean> {
  const { rows } = await client.query({
    name: 'projection_move_checkpoint',
    text: `
      with moved as (
        update projection_checkpoint
           set commit_position = $3, prepare_position = $4, ordinal = $5, moved_at = clock_timestamp()
         where projection = $1 and version = $2 and commit_position = $6 and prepare_position = $7
        returning 1
      )
      select pg_notify('${PROGRESS_CHANNEL}', $8) from moved`,
    values: [
      projection,
      version,
      to.position.commit,
      to.position.prepare,
      to.ordinal,
      from.position.commit,
      from.position.prepare,
      progressPayload(projection, version, to),
    ],
  });
  return rows.length === 1;
}
