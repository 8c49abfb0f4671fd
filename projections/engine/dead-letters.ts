import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { LogEntry } from '../../src/platform/event-store/event-store.js';

/**
 * `halted`: the projection stands at it. `parked`: set aside with its key. `skipped`: set aside alone. `retry` and
 * `discarded` are an operator's answer to a halted one: try again, or pass over it.
 */
export type DeadLetterState = 'halted' | 'parked' | 'skipped' | 'retry' | 'discarded';

export interface DeadLetter {
  readonly id: string;
  readonly projection: string;
  readonly version: number;
  readonly position: string;
  readonly stream: string;
  readonly revision: bigint;
  readonly eventId: string;
  readonly eventType: string;
  readonly key: string;
  readonly kind: 'failed' | 'behind';
  readonly state: DeadLetterState;
  readonly errorClass: string;
  readonly message: string;
  readonly attempts: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** What is noted about a failure. Never the event's data: that stays in the log only. */
export interface FailureNote {
  readonly errorClass: string;
  readonly message: string;
  readonly stackHash: string;
  readonly attempts: number;
}

export interface NewDeadLetter {
  readonly entry: LogEntry;
  readonly ordinal: number;
  readonly key: string;
  readonly kind: DeadLetter['kind'];
  readonly state: DeadLetterState;
  readonly failure: FailureNote;
}

const MESSAGE_LIMIT = 500;

export function noteOf(error: unknown, attempts: number): FailureNote {
  const known = error instanceof Error ? error : new Error(String(error));
  return {
    errorClass: known.name,
    message: known.message.slice(0, MESSAGE_LIMIT).replaceAll('\0', '\uFFFD'),
    stackHash: createHash('sha256')
      .update(known.stack ?? known.message)
      .digest('hex'),
    attempts,
  };
}

export const BEHIND_PARKED: FailureNote = {
  errorClass: 'BehindParked',
  message: 'an earlier event of its key is parked',
  stackHash: '',
  attempts: 0,
};

/** Adds rows, or counts another failure of the same event. */
export async function addDeadLetters(
  client: ClientBase,
  projection: string,
  version: number,
  letters: readonly NewDeadLetter[],
): Promise<void> {
  for (const { entry, ordinal, key, kind, state, failure } of letters) {
    await client.query(
      `insert into projection_dead_letter as d (
         projection, version, commit_position, prepare_position, ordinal, stream, revision, event_id, event_type, key,
         kind, state, error_class, message, stack_hash, attempts)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
       on conflict (projection, version, commit_position, prepare_position) do update
          set state = excluded.state, error_class = excluded.error_class, message = excluded.message,
              stack_hash = excluded.stack_hash, attempts = d.attempts + excluded.attempts,
              last_at = clock_timestamp()`,
      [
        projection,
        version,
        entry.position.commit,
        entry.position.prepare,
        ordinal,
        entry.stream,
        entry.revision,
        entry.id,
        entry.type,
        key,
        kind,
        state,
        failure.errorClass,
        failure.message,
        failure.stackHash,
        failure.attempts,
      ],
    );
  }
}

/** Keys of which something is parked. */
export async function parkedKeys(client: ClientBase, projection: string, version: number): Promise<Set<string>> {
  const { rows } = await client.query<{ key: string }>(
    `select distinct key from projection_dead_letter where projection = $1 and version = $2 and state = 'parked'`,
    [projection, version],
  );
  return new Set(rows.map((row) => row.key));
}

/** Event ids of halted events that an operator decided to pass over. */
export async function discardedEvents(client: ClientBase, projection: string, version: number): Promise<Set<string>> {
  const { rows } = await client.query<{ event_id: string }>(
    `select event_id from projection_dead_letter where projection = $1 and version = $2 and state = 'discarded'`,
    [projection, version],
  );
  return new Set(rows.map((row) => row.event_id));
}

/** Projections whose halted event an operator has answered: `name:version`. */
export async function answeredHalts(client: ClientBase): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ projection: string; version: number }>(
    `select distinct d.projection, d.version
       from projection_dead_letter d
       join projection_checkpoint c on c.projection = d.projection and c.version = d.version
      where d.state in ('retry', 'discarded')
        and (d.commit_position, d.prepare_position) > (c.commit_position, c.prepare_position)`,
  );
  return new Set(rows.map((row) => `${row.projection}:${row.version}`));
}

/** Forgets halts that the checkpoint has passed: the event was folded after all. */
export async function forgetPassedHalts(client: ClientBase, projection: string, version: number): Promise<void> {
  await client.query(
    `delete from projection_dead_letter d using projection_checkpoint c
      where d.projection = $1 and d.version = $2 and d.state in ('halted', 'retry')
        and c.projection = d.projection and c.version = d.version
        and (d.commit_position, d.prepare_position) <= (c.commit_position, c.prepare_position)`,
    [projection, version],
  );
}

/** Dead letters in log order, newest last. */
export async function listDeadLetters(
  client: ClientBase,
  filter: { readonly projection?: string; readonly key?: string } = {},
  limit = 1_000,
): Promise<readonly DeadLetter[]> {
  const { rows } = await client.query<DeadLetterRecord>(
    `select * from projection_dead_letter
      where ($1::text is null or projection = $1) and ($2::text is null or key = $2)
      order by projection, version, commit_position, prepare_position limit $3`,
    [filter.projection ?? null, filter.key ?? null, limit],
  );
  return rows.map(letterOf);
}

export async function findDeadLetter(client: ClientBase, id: string): Promise<DeadLetter | undefined> {
  const { rows } = await client.query<DeadLetterRecord>('select * from projection_dead_letter where id = $1', [id]);
  return rows.map(letterOf)[0];
}

interface DeadLetterRecord {
  readonly id: string;
  readonly projection: string;
  readonly version: number;
  readonly commit_position: string;
  readonly prepare_position: string;
  readonly stream: string;
  readonly revision: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly key: string;
  readonly kind: DeadLetter['kind'];
  readonly state: DeadLetterState;
  readonly error_class: string;
  readonly message: string;
  readonly attempts: number;
  readonly first_at: Date;
  readonly last_at: Date;
}

function letterOf(row: DeadLetterRecord): DeadLetter {
  return {
    id: row.id,
    projection: row.projection,
    version: row.version,
    position: `${row.commit_position}/${row.prepare_position}`,
    stream: row.stream,
    revision: BigInt(row.revision),
    eventId: row.event_id,
    eventType: row.event_type,
    key: row.key,
    kind: row.kind,
    state: row.state,
    errorClass: row.error_class,
    message: row.message,
    attempts: row.attempts,
    firstAt: row.first_at,
    lastAt: row.last_at,
  };
}
