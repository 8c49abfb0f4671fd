import { EventStoreDBClient } from '@eventstore/db-client';

/**
 * Opens a client object for a connection string. Nothing is dialled before the first call. Throws when the string turns
 * `throwOnAppendFailure` off: the client then reports a conflict as a result with a wrong revision in it.
 */
export function openClient(url: string): EventStoreDBClient {
  if (/[?&]throwOnAppendFailure=false/i.test(url))
    throw new Error('the event store URL must not set throwOnAppendFailure');
  return EventStoreDBClient.connectionString(url);
}

/**
 * Ends every call of a client object and closes its channel: `dispose` alone leaves the connection open. Bounded and
 * never throws; pending calls of the object are rejected or stay pending, and nobody waits for them any more.
 */
export async function closeClient(client: EventStoreDBClient): Promise<void> {
  const closed = (async () => {
    await client.dispose();
    const getChannel: unknown = Reflect.get(client, 'getChannel');
    if (typeof getChannel !== 'function') return;
    const channel: unknown = await Reflect.apply(getChannel, client, []);
    const close: unknown = Reflect.get(Object(channel), 'close');
    if (typeof close === 'function') Reflect.apply(close, channel, []);
  })();
  await Promise.race([closed.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
}
