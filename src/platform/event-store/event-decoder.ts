import type { ResolvedEvent, RecordedEvent } from '@eventstore/db-client';
import type { EventRegistry } from './event-registry.js';
import type { LogEntry } from './event-store.js';
import { isSystemStream } from './log-filter.js';
import type { Position } from './position.js';

/** The largest unsigned 64-bit number: "the end" to a server, never the place of an event. */
const U64_MAX = 0xffff_ffff_ffff_ffffn;

/**
 * Where an event or a link stands in the log. Servers before 22.6 leave the position out of the record; then the commit
 * position beside it is both numbers, as for everything written over gRPC.
 */
export function positionOf(resolved: ResolvedEvent): Position {
  const record = resolved.link ?? resolved.event;
  if (record?.position !== undefined) return record.position;
  const commit = resolved.commitPosition ?? 0n;
  return { commit, prepare: commit };
}

/** True for the "position" that some servers send for "I am at the end": resuming there would skip events. */
export function isEndMarker(position: Position): boolean {
  return position.commit === U64_MAX || position.prepare === U64_MAX;
}

/** The event as the application sees it; undefined for what is none of its business: system events, links. */
export function decode(resolved: ResolvedEvent, registry: EventRegistry): LogEntry | undefined {
  const record: RecordedEvent | undefined = resolved.event;
  if (record === undefined || resolved.link !== undefined) return undefined;
  const { streamId: stream, type } = record;
  if (isSystemStream(stream) || type.startsWith('$')) return undefined;
  const { revision, id, created: createdAt } = record;
  const position = positionOf(resolved);
  const read = registry.read(type, record.data, record.metadata);
  if ('unreadable' in read) {
    return { unreadable: read.unreadable, reason: read.reason, position, stream, revision, id, type, createdAt };
  }
  return { position, stream, revision, id, type, data: read.data, metadata: read.metadata, createdAt };
}
