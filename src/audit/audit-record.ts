import { positionText } from '../platform/event-store/position-text.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';

/** One fact as auditors get it: what the log holds, without anything added or left out. */
export interface AuditRecord {
  readonly position: string;
  readonly eventId: string;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly actor: { readonly kind: string; readonly id: string; readonly name: string };
  readonly workspaceId: number;
  readonly correlationId: string;
  readonly causationId: string;
  readonly data: object;
}

export function auditRecord(event: StoredEvent, generation: string): AuditRecord {
  const { metadata } = event;
  return {
    position: positionText(event.position, generation),
    eventId: event.id,
    stream: event.stream,
    revision: Number(event.revision),
    type: event.type,
    schemaVersion: metadata.schemaVersion,
    occurredAt: metadata.occurredAt,
    recordedAt: metadata.recordedAt,
    actor: { kind: metadata.actor.kind, id: metadata.actor.id, name: metadata.actor.name },
    workspaceId: metadata.workspaceId,
    correlationId: metadata.correlationId,
    causationId: metadata.causationId,
    data: event.data,
  };
}
