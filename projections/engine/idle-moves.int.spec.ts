import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { type Checkpoint, parseProgress, PROGRESS_CHANNEL, readCheckpoint } from './checkpoint.js';
import { connector, withClient } from './database.js';
import { IdleMoves } from './idle-moves.js';
import { resetProjections } from './testing/reset.js';

const at = (commit: bigint, ordinal: number): Checkpoint => ({ position: { commit, prepare: commit }, ordinal });

describe('moves of idle checkpoints', () => {
  let database: TestDatabase;
  let moves: IdleMoves;
  let start: Checkpoint;

  beforeAll(async () => {
    database = await testDatabase();
  });
  beforeEach(async () => {
    await resetProjections(database.url);
    moves = new IdleMoves(connector(database.url, 'test'));
    start = await checkpointOf('tasks');
  });
  afterEach(() => moves.close());
  afterAll(() => database.drop());

  async function checkpointOf(projection: string): Promise<Checkpoint> {
    const found = await withClient(connector(database.url, 'test'), (client) => readCheckpoint(client, projection, 1));
    if (found === undefined) throw new Error(`there is no checkpoint of ${projection}`);
    return found;
  }

  const move = (projection: string, from: Checkpoint, to: Checkpoint) =>
    moves.move({ projection, version: 1, from, to });

  it('go together, and whoever listens hears of each', async () => {
    await withClient(connector(database.url, 'listener'), async (client) => {
      const heard: string[] = [];
      const all = new Promise<void>((resolve) => {
        client.on('notification', ({ payload }) => {
          heard.push(parseProgress(payload ?? '')?.projection ?? '');
          if (heard.length === 2) resolve();
        });
      });
      await client.query(`listen ${PROGRESS_CHANNEL}`);

      expect(await Promise.all([move('tasks', start, at(7n, 3)), move('keys', start, at(7n, 3))])).toEqual([
        true,
        true,
      ]);
      await all;
      expect(heard.toSorted()).toEqual(['keys', 'tasks']);
    });
    expect([await checkpointOf('tasks'), await checkpointOf('keys')]).toEqual([at(7n, 3), at(7n, 3)]);
  });

  it('leave a checkpoint that somebody else moved where it is, and move the others', async () => {
    await move('tasks', start, at(9n, 4));

    expect(await Promise.all([move('tasks', start, at(7n, 3)), move('keys', start, at(7n, 3))])).toEqual([false, true]);
    expect([await checkpointOf('tasks'), await checkpointOf('keys')]).toEqual([at(9n, 4), at(7n, 3)]);
  });

  it('are refused while the database is away, and go on when it is back', async () => {
    await move('tasks', start, at(7n, 3));
    await withClient(connector(database.url, 'knife'), (client) =>
      client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()`,
      ),
    );

    await expect(move('tasks', at(7n, 3), at(9n, 4))).rejects.toThrow();
    expect(await move('tasks', at(7n, 3), at(9n, 4))).toBe(true);
  });
});
