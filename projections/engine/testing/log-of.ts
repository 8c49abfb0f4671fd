import { createHash } from 'node:crypto';
import type { DomainEvent, EventMetadata, StoredEvent } from '../../../src/platform/event-store/stored-event.js';

/** An event for a test: only what matters to it; the rest is filled in by {@link logOf}. */
export interface Written<E extends DomainEvent = DomainEvent> {
  readonly stream: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly workspaceId?: number;
  readonly recordedAt?: string;
}

const EPOCH = Date.parse('2026-01-01T00:00:00.000Z');

/** Stored events from written ones: positions and revisions grow, a second passes between two, ids follow the place. */
export function logOf(written: readonly Written[], startAt = 0): readonly StoredEvent[] {
  const revisions = new Map<string, bigint>();
  return written.map((one, index) => {
    const revision = revisions.get(one.stream) ?? 0n;
    revisions.set(one.stream, revision + 1n);
    // Positions have gaps, as byte offsets do.
    const place = BigInt(startAt + index) * 37n;
    const recordedAt = one.recordedAt ?? new Date(EPOCH + (startAt + index) * 1_000).toISOString();
    return {
      position: { commit: place, prepare: place },
      stream: one.stream,
      revision,
      id: idOf(`event ${startAt + index}`),
      type: one.type,
      data: one.data,
      metadata: metadataOf(one, recordedAt),
      createdAt: new Date(recordedAt),
    };
  });
}

/** A UUID that only depends on the text. */
export function idOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function metadataOf({ workspaceId = 1 }: Written, recordedAt: string): EventMetadata {
  return {
    schemaVersion: 1,
    workspaceId,
    correlationId: idOf('correlation'),
    causationId: idOf('cause'),
    actor: { kind: 'system', id: 'test', name: 'test' },
    occurredAt: recordedAt,
    recordedAt,
  };
}
