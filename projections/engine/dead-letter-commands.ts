import type { Client } from 'pg';
import { type EventStore, isReadable } from '../../src/platform/event-store/event-store.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { closeQuietly, type Connect, inTransaction } from './database.js';
import { type DeadLetter, findDeadLetter, noteOf } from './dead-letters.js';
import type { Projection } from './projection.js';
import { transactionOn } from './sql.js';

/** What became of a replay or a discard; `refused` says why nothing was done. */
export type DeadLetterOutcome =
  | { readonly kind: 'applied'; readonly events: number }
  | { readonly kind: 'retrying' }
  | { readonly kind: 'discarded' }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Replays the dead letter `id`. Parked: all parked events of its key are applied in order and the key is un-parked, in
 * one transaction under the lock of the checkpoint. Skipped: it alone is applied. Halted: the projector tries it again
 * within a second. Nothing changes when an event fails again, but its attempts are counted.
 */
export async function replayDeadLetter(
  connect: Connect,
  store: Pick<EventStore, 'readStream'>,
  projections: readonly Projection[],
  id: string,
): Promise<DeadLetterOutcome> {
  const client = await connect();
  try {
    const letter = await findDeadLetter(client, id);
    if (letter === undefined) return refused(`there is no dead letter ${id}`);
    const projection = projections.find((one) => one.name === letter.projection);
    if (projection === undefined) return refused(`there is no projection ${letter.projection}`);
    switch (letter.state) {
      case 'halted':
      case 'retry':
      case 'discarded':
        await setState(client, id, 'retry');
        return { kind: 'retrying' };
      case 'parked':
      case 'skipped':
        return await apply(client, store, projection, letter);
    }
  } finally {
    await closeQuietly(client);
  }
}

/**
 * Gives an event up. Halted: the projector passes over it, and the row stays as the record of that. Parked or skipped:
 * the row goes; a key without rows is un-parked for what comes next.
 */
export async function discardDeadLetter(connect: Connect, id: string): Promise<DeadLetterOutcome> {
  const client = await connect();
  try {
    const letter = await findDeadLetter(client, id);
    if (letter === undefined) return refused(`there is no dead letter ${id}`);
    if (letter.state === 'halted' || letter.state === 'retry') await setState(client, id, 'discarded');
    else if (letter.state !== 'discarded') await client.query('delete from projection_dead_letter where id = $1', [id]);
    return { kind: 'discarded' };
  } finally {
    await closeQuietly(client);
  }
}

async function apply(
  client: Client,
  store: Pick<EventStore, 'readStream'>,
  projection: Projection,
  letter: DeadLetter,
): Promise<DeadLetterOutcome> {
  const { version } = letter;
  try {
    return await inTransaction(client, async () => {
      // The worker moves this row first in every batch: it waits, and sees afterwards that the key is free.
      await client.query('select 1 from projection_checkpoint where projection = $1 and version = $2 for update', [
        projection.name,
        version,
      ]);
      const { rows } = await client.query<{ id: string; stream: string; revision: string }>(
        `select id, stream, revision from projection_dead_letter
          where projection = $1 and version = $2 and (id = $3 or (state = 'parked' and $4 and key = $5))
          order by commit_position, prepare_position for update`,
        [projection.name, version, letter.id, letter.state === 'parked', letter.key],
      );
      // One at a time: each may lean on what the one before has written.
      for (const row of rows) {
        const event = await readOne(store, row.stream, BigInt(row.revision));
        await projection.fold([event]).write(transactionOn(client), version);
      }
      await client.query('delete from projection_dead_letter where id = any($1::bigint[])', [
        rows.map((row) => row.id),
      ]);
      return { kind: 'applied', events: rows.length } as const;
    });
  } catch (error) {
    const note = noteOf(error, 1);
    await client.query(
      `update projection_dead_letter
          set attempts = attempts + 1, last_at = clock_timestamp(), error_class = $2, message = $3, stack_hash = $4
        where id = $1`,
      [letter.id, note.errorClass, note.message, note.stackHash],
    );
    return refused(note.message);
  }
}

async function readOne(store: Pick<EventStore, 'readStream'>, stream: string, revision: bigint): Promise<StoredEvent> {
  const [entry] = (await store.readStream(stream, { from: revision, max: 1 })) ?? [];
  if (entry === undefined || entry.revision !== revision)
    throw new Error(`the log no longer holds ${stream}@${revision}`);
  if (!isReadable(entry)) throw new Error(`${stream}@${revision} is still unreadable: ${entry.reason}`);
  return entry;
}

async function setState(client: Client, id: string, state: 'retry' | 'discarded'): Promise<void> {
  await client.query('update projection_dead_letter set state = $2, last_at = clock_timestamp() where id = $1', [
    id,
    state,
  ]);
}

function refused(reason: string): DeadLetterOutcome {
  return { kind: 'refused', reason };
}
