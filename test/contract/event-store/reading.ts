import {
  BACKWARDS,
  END,
  START,
  type AllStreamResolvedEvent,
  type EventStoreDBClient,
  type Position,
  type RecordedEvent,
  type ResolvedEvent,
} from '@eventstore/db-client';

type ReadOptions = Parameters<EventStoreDBClient['readStream']>[1];

/** All of a stream, as the client resolves it. */
export async function readResolved(
  client: EventStoreDBClient,
  stream: string,
  options?: ReadOptions,
): Promise<ResolvedEvent[]> {
  const found: ResolvedEvent[] = [];
  for await (const resolved of client.readStream(stream, options)) found.push(resolved);
  return found;
}

/** All recorded events of a stream. */
export async function readEvents(
  client: EventStoreDBClient,
  stream: string,
  options?: ReadOptions,
): Promise<RecordedEvent[]> {
  return (await readResolved(client, stream, options)).map((resolved) => recorded(resolved));
}

/** Ids of a stream's events; a stream that is not there has none. */
export async function idsOf(client: EventStoreDBClient, stream: string): Promise<string[]> {
  try {
    return (await readEvents(client, stream)).map((event) => event.id);
  } catch (error) {
    if (errorType(error) === 'stream-not-found' || errorType(error) === 'stream-deleted') return [];
    throw error;
  }
}

/** $all from a position on (inclusive), only streams with this prefix. */
export async function readAllFrom(
  client: EventStoreDBClient,
  from: Position | typeof START,
  prefix = '',
): Promise<AllStreamResolvedEvent[]> {
  const found: AllStreamResolvedEvent[] = [];
  for await (const resolved of client.readAll({ fromPosition: from })) {
    if (original(resolved).streamId.startsWith(prefix)) found.push(resolved);
  }
  return found;
}

/** Position of the last event of the whole log; undefined while it is empty. */
export async function headOf(client: EventStoreDBClient): Promise<Position | undefined> {
  let head: Position | undefined;
  for await (const resolved of client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })) {
    head = original(resolved).position;
  }
  return head;
}

/** The event that was read: the link if there is one. */
export function original(resolved: AllStreamResolvedEvent): NonNullable<AllStreamResolvedEvent['event']>;
export function original(resolved: ResolvedEvent): RecordedEvent;
export function original(resolved: ResolvedEvent | AllStreamResolvedEvent): RecordedEvent {
  const event = resolved.link ?? resolved.event;
  if (event === undefined) throw new Error('neither event nor link in a resolved event');
  return event;
}

export function recorded(resolved: ResolvedEvent): RecordedEvent {
  if (resolved.event === undefined) throw new Error('no event in a resolved event');
  return resolved.event;
}

export function positionOf(event: { position?: Position }): Position {
  if (event.position === undefined) throw new Error('an event without a position');
  return event.position;
}

/** What the client calls the error, e.g. `stream-deleted`. */
export function errorType(error: unknown): string | undefined {
  return error instanceof Error && 'type' in error ? String(error.type) : undefined;
}

/** The error that a promise is rejected with; a success is a failed test. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (error instanceof Error) return error as Error & Record<string, unknown>;
    throw error;
  }
  throw new Error(
    `expected a rejection, got ${JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))}`,
  );
}
