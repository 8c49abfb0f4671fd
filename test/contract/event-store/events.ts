import { randomUUID } from 'node:crypto';
import {
  binaryEvent,
  jsonEvent,
  type AppendExpectedRevision,
  type AppendResult,
  type BinaryEventData,
  type EventStoreDBClient,
  type JSONEventData,
} from '@eventstore/db-client';

type Options = NonNullable<Parameters<EventStoreDBClient['appendToStream']>[2]>;

export type AnyEvent = JSONEventData | BinaryEventData;

/** One of the two RPCs by which the client appends. Per-call credentials force the classic one. */
export interface AppendRoute {
  readonly route: 'BatchAppend' | 'Append';
  readonly append: (
    client: EventStoreDBClient,
    stream: string,
    events: AnyEvent | AnyEvent[],
    expectedRevision: AppendExpectedRevision,
    options?: Omit<Options, 'expectedRevision'>,
  ) => Promise<AppendResult>;
}

export const appendRoutes: readonly [AppendRoute, AppendRoute] = [
  {
    route: 'BatchAppend',
    append: (client, stream, events, expectedRevision, options) =>
      client.appendToStream(stream, events, { ...options, expectedRevision }),
  },
  {
    route: 'Append',
    append: (client, stream, events, expectedRevision, options) =>
      client.appendToStream(stream, events, { ...options, expectedRevision, credentials: perCallCredentials() }),
  },
];

/** On an insecure channel the client drops them; by URL with TLS they must be real, so those of the URL are taken. */
function perCallCredentials(): { username: string; password: string } {
  const user = /^[^:]+:\/\/([^:@/]+):([^@/]+)@/.exec(process.env['EVENTSTORE_URL'] ?? '');
  return {
    username: decodeURIComponent(user?.[1] ?? 'contract'),
    password: decodeURIComponent(user?.[2] ?? 'contract'),
  };
}

/** A proposed event; only what matters to the test is given. */
export function anEvent(
  given: { id?: string; type?: string; data?: Record<string, unknown>; metadata?: Record<string, unknown> } = {},
): JSONEventData {
  return jsonEvent({
    id: given.id ?? randomUUID(),
    type: given.type ?? 'something-happened',
    data: given.data ?? { some: 'fact' },
    ...(given.metadata === undefined ? {} : { metadata: given.metadata }),
  });
}

export function someEvents(count: number, given: Parameters<typeof anEvent>[0] = {}): JSONEventData[] {
  return Array.from({ length: count }, () => anEvent(given));
}

/** A link event to `<revision>@<stream>`. */
export function aLink(to: string): BinaryEventData {
  return binaryEvent({ type: '$>', data: Buffer.from(to) });
}
