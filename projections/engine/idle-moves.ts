import type { Client } from 'pg';
import { GroupCommit } from '../../src/platform/group-commit/group-commit.js';
import { type Checkpoint, PROGRESS_CHANNEL, progressPayload } from './checkpoint.js';
import { closeQuietly, type Connect, unflushed } from './database.js';

/** A checkpoint that moves over events that its projection does not handle: nothing else is written. */
export interface IdleMove {
  readonly projection: string;
  readonly version: number;
  readonly from: Checkpoint;
  readonly to: Checkpoint;
}

const MAX_MOVES = 1_000;

/**
 * Moves the checkpoints of idle projections together: those that fall due at the same time share a statement, a commit
 * and a wake-up of whoever listens, where each alone would cost all three. The same compare-and-set as that of a batch.
 */
export class IdleMoves {
  private client: Client | undefined;
  private readonly group = new GroupCommit<IdleMove, boolean>(
    async (moves) => {
      const moved = await this.moveAll(moves);
      return moves.map((move) => ({ status: 'fulfilled' as const, value: moved.has(keyOf(move)) }));
    },
    { maxItems: MAX_MOVES, maxWaiting: MAX_MOVES, overload: () => new Error('too many checkpoints wait to be moved') },
  );

  private readonly connect: Connect;

  constructor(connect: Connect) {
    this.connect = unflushed(connect);
  }

  /** False: somebody else moved it. Rejects when the database is away; then the outcome is unknown. */
  move(move: IdleMove): Promise<boolean> {
    return this.group.add(move);
  }

  /** After the moves in hand. */
  async close(): Promise<void> {
    await this.group.idle();
    await this.dropConnection();
  }

  private async moveAll(moves: readonly IdleMove[]): Promise<ReadonlySet<string>> {
    try {
      this.client ??= await this.connect();
      const { rows } = await this.client.query<{ projection: string; version: number }>({
        name: 'projection_move_idle',
        text: MOVE,
        values: [
          moves.map(({ projection }) => projection),
          moves.map(({ version }) => version),
          moves.map(({ from }) => from.position.commit),
          moves.map(({ from }) => from.position.prepare),
          moves.map(({ to }) => to.position.commit),
          moves.map(({ to }) => to.position.prepare),
          moves.map(({ to }) => to.ordinal),
          moves.map(({ projection, version, to }) => progressPayload(projection, version, to)),
        ],
      });
      return new Set(rows.map(keyOf));
    } catch (error) {
      await this.dropConnection();
      throw error;
    }
  }

  private async dropConnection(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await closeQuietly(client);
  }
}

const MOVE = `
  with moved as (
    update projection_checkpoint c
       set commit_position = m.to_commit, prepare_position = m.to_prepare, ordinal = m.ordinal,
           moved_at = clock_timestamp()
      from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                  $8::text[])
             as m (projection, version, from_commit, from_prepare, to_commit, to_prepare, ordinal, payload)
     where c.projection = m.projection and c.version = m.version
       and c.commit_position = m.from_commit and c.prepare_position = m.from_prepare
    returning c.projection, c.version, m.payload
  )
  select projection, version, pg_notify('${PROGRESS_CHANNEL}', payload) from moved`;

function keyOf({ projection, version }: Pick<IdleMove, 'projection' | 'version'>): string {
  return `${projection}:${version}`;
}
