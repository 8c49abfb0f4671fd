import { EventStoreDBClient, START } from '@eventstore/db-client';

/** An event as the harness reads it: with the official client, past all code of the product. */
export interface LogEvent {
  readonly stream: string;
  readonly revision: bigint;
  readonly commit: bigint;
  readonly prepare: bigint;
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The whole log without the store's own events. */
export async function readLog(url: string): Promise<readonly LogEvent[]> {
  const client = EventStoreDBClient.connectionString(url);
  const events: LogEvent[] = [];
  try {
    for await (const { event } of client.readAll({ fromPosition: START })) {
      if (event === undefined || event.streamId.startsWith('$') || event.type.startsWith('$')) continue;
      events.push({
        stream: event.streamId,
        revision: event.revision,
        commit: event.position.commit,
        prepare: event.position.prepare,
        id: event.id,
        type: event.type,
        data: event.data as Readonly<Record<string, unknown>>,
      });
    }
    return events;
  } finally {
    await client.dispose();
  }
}
