import type { Position } from './position.js';

/** Who caused an event. `id` is our own id as text (a key id, an agent id), never a secret. */
export interface Actor {
  readonly kind: 'key' | 'agent' | 'user' | 'system';
  readonly id: string;
  readonly name: string;
}

/** What every event carries beside its data. On the wire every value is a string (metadata codec). */
export interface EventMetadata {
  readonly schemaVersion: number;
  readonly workspaceId: number;
  readonly correlationId: string;
  /** The command id or the id of the causing event. */
  readonly causationId: string;
  readonly actor: Actor;
  /** When it is said to have happened: ISO 8601 with Z. */
  readonly occurredAt: string;
  /** When this server learned it: ISO 8601 with Z. */
  readonly recordedAt: string;
  /** W3C trace context of the request, when there was one. */
  readonly traceparent?: string;
  /** Identity of the command, where a command caused the event. */
  readonly commandId?: string;
  /** Digest of the command's body: the same key with another digest is a conflict. */
  readonly bodyDigest?: string;
}

/** What a writer says; the version of the event's type is the registry's to add. */
export type ProposedMetadata = Omit<EventMetadata, 'schemaVersion'>;

/** JSON that survives the log byte for byte: no floats that matter, no integers above 2^53. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A type and its data, as deciders produce and fold them. */
export interface DomainEvent {
  readonly type: string;
  readonly data: object;
}

/** An event on its way into a stream. The id is deterministic: a repeat of the append carries the same one. */
export interface ProposedEvent<E extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly metadata: ProposedMetadata;
}

/** An event as the log holds it, upcast to the current version of its type. */
export interface StoredEvent<E extends DomainEvent = DomainEvent> {
  readonly position: Position;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly metadata: EventMetadata;
  /** The store's own clock when it accepted the event. */
  readonly createdAt: Date;
}
