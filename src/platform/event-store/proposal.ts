import type { JSONEventData } from '@eventstore/db-client';
import type { EventRegistry } from './event-registry.js';
import { AppendRefused, MalformedEvent } from './event-store.errors.js';
import type { ExpectedRevision } from './event-store.js';
import { checkJson } from './json-check.js';
import { encodeMetadata } from './metadata-codec.js';
import type { ProposedEvent } from './stored-event.js';
import { isTraceparent } from './trace-context.js';

/**
 * Most bytes of one append: the default limit of every server up to 24.10, counted as the strictest of them does (data,
 * metadata and twice the length of the type), so that what is accepted here is accepted everywhere.
 */
export const MAX_APPEND_BYTES = 1024 * 1024;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** An event as the client takes it. */
export type WireEvent = JSONEventData<{ type: string; data: Record<string, unknown>; metadata: Uint8Array }>;

/**
 * Checks everything that can be checked before the client sees an append, because what the client cannot take makes it
 * hang or ends the process. Throws `MalformedEvent` (a bug of the caller) or `AppendRefused` (too large).
 */
export function wireEventsOf(
  stream: string,
  events: readonly ProposedEvent[],
  expected: ExpectedRevision,
  registry: EventRegistry,
): WireEvent[] {
  if (stream === '' || stream.startsWith('$')) throw new MalformedEvent(stream, 'not a stream name of ours');
  if (typeof expected === 'bigint' ? expected < 0n : !expectations.has(expected)) {
    throw new MalformedEvent(stream, `no expected revision but ${String(expected)}`);
  }
  if (events.length === 0) throw new MalformedEvent(stream, 'an append of no events');
  let maxBytes = 0;
  const wire = events.map((event) => {
    const reason = malformation(event) ?? registry.refusalOf(event);
    if (reason !== undefined) throw new MalformedEvent(stream, reason);
    const checked = checkJson(event.data);
    if (!checked.ok) throw new MalformedEvent(stream, `${event.type}: ${checked.reason}`);
    const metadata = metadataBytes(event, registry);
    maxBytes += checked.maxBytes + metadata.length + 2 * event.type.length;
    const { id, type } = event;
    const data = event.data as Record<string, unknown>;
    return { id, type, data, metadata, contentType: 'application/json' } as const;
  });
  if (maxBytes > MAX_APPEND_BYTES && sizeOf(wire) > MAX_APPEND_BYTES) {
    throw new AppendRefused(stream, `larger than ${String(MAX_APPEND_BYTES)} bytes`);
  }
  return wire;
}

/**
 * The metadata as finished JSON bytes. An object would be sent through base64, which the client decodes character by
 * character, twice an event: a fifth of the CPU of a large append.
 */
function metadataBytes(event: ProposedEvent, registry: EventRegistry): Uint8Array {
  return utf8.encode(JSON.stringify(encodeMetadata(event.metadata, registry.versionOf(event.type))));
}

const utf8 = new TextEncoder();
const expectations: ReadonlySet<unknown> = new Set(['any', 'no_stream', 'stream_exists']);

function malformation(event: ProposedEvent): string | undefined {
  if (!UUID.test(event.id)) return `${event.type}: the event id is not a UUID`;
  const { traceparent } = event.metadata;
  if (traceparent !== undefined && !isTraceparent(traceparent)) return `${event.type}: broken traceparent`;
  return undefined;
}

function sizeOf(events: readonly WireEvent[]): number {
  let bytes = 0;
  for (const { type, data, metadata } of events) {
    bytes += Buffer.byteLength(JSON.stringify(data)) + metadata.length + 2 * type.length;
  }
  return bytes;
}
