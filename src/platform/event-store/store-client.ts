import type { EventEmitter } from 'node:events';
import { EventStoreDBClient } from '@eventstore/db-client';

/**
 * Opens a client object for a connection string. Nothing is dialled before the first call. Throws when the string turns
 * `throwOnAppendFailure` off: the client then reports a conflict as a result with a wrong revision in it.
 */
export function openClient(url: string): EventStoreDBClient {
  if (/[?&]throwOnAppendFailure=false/i.test(url))
    throw new Error('the event store URL must not set throwOnAppendFailure');
  const client = EventStoreDBClient.connectionString(url);
  forgiveStrayAnswers(client);
  return client;
}

type StreamCreator = (
  service: unknown,
  name: string,
  create: (grpc: unknown) => EventEmitter,
  cache?: unknown,
) => () => Promise<unknown>;

/**
 * Client 6.2.1 keeps one table of pending appends for all client objects of a process, and empties it when any one's
 * stream breaks. The answer to an append of another object then finds nobody, and its listener throws out of a socket
 * event: an uncaught exception, which ends the process. Those appends were rejected, their outcome is unknown, and they
 * are repeated; the late answer is of no use to anybody.
 */
function forgiveStrayAnswers(client: EventStoreDBClient): void {
  const original = Reflect.get(client, 'GRPCStreamCreator') as StreamCreator;
  const forgiving: StreamCreator = (service, name, create, cache) =>
    name === 'appendToStream'
      ? original.call(client, service, name, (grpc) => withoutStrayAnswers(create(grpc)), cache)
      : original.call(client, service, name, create, cache);
  Reflect.set(client, 'GRPCStreamCreator', forgiving);
}

function withoutStrayAnswers(stream: EventEmitter): EventEmitter {
  const listeners = stream.listeners('data');
  stream.removeAllListeners('data');
  for (const listener of listeners) {
    stream.on('data', (answer: unknown) => {
      try {
        Reflect.apply(listener, stream, [answer]);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    });
  }
  return stream;
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
