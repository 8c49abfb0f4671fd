import type { Actor, EventMetadata, ProposedMetadata } from './stored-event.js';
import { isTraceparent } from './trace-context.js';

/**
 * Metadata as it stands in the log: every value is a string, because newer store clients accept nothing else, and the
 * actor is flattened. This file is the only place that knows both spellings.
 */
export type WireMetadata = Readonly<Record<string, string>>;

const actorKinds: ReadonlySet<string> = new Set<Actor['kind']>(['key', 'agent', 'user', 'system']);
const INTEGER = /^(0|[1-9]\d{0,15})$/;

export function encodeMetadata(metadata: ProposedMetadata, schemaVersion: number): WireMetadata {
  const wire: Record<string, string> = {
    schemaVersion: String(schemaVersion),
    workspaceId: String(metadata.workspaceId),
    correlationId: metadata.correlationId,
    causationId: metadata.causationId,
    actorKind: metadata.actor.kind,
    actorId: metadata.actor.id,
    actorName: metadata.actor.name,
    occurredAt: metadata.occurredAt,
    recordedAt: metadata.recordedAt,
  };
  if (metadata.traceparent !== undefined) wire['traceparent'] = metadata.traceparent;
  if (metadata.commandId !== undefined) wire['commandId'] = metadata.commandId;
  if (metadata.bodyDigest !== undefined) wire['bodyDigest'] = metadata.bodyDigest;
  return wire;
}

/** Reads what {@link encodeMetadata} wrote. A text says what is wrong with it; unknown keys are ignored. */
export function decodeMetadata(wire: unknown): EventMetadata | string {
  if (typeof wire !== 'object' || wire === null || wire instanceof Uint8Array) return 'metadata is not a JSON object';
  const fields = wire as Record<string, unknown>;
  const { schemaVersion, workspaceId, correlationId, causationId } = fields;
  const { actorKind, actorId, actorName, occurredAt, recordedAt } = fields;
  if (typeof schemaVersion !== 'string' || !INTEGER.test(schemaVersion)) return wrong('schemaVersion');
  if (typeof workspaceId !== 'string' || !INTEGER.test(workspaceId)) return wrong('workspaceId');
  if (typeof correlationId !== 'string') return wrong('correlationId');
  if (typeof causationId !== 'string') return wrong('causationId');
  if (typeof actorKind !== 'string' || !actorKinds.has(actorKind)) return wrong('actorKind');
  if (typeof actorId !== 'string') return wrong('actorId');
  if (typeof actorName !== 'string') return wrong('actorName');
  if (typeof occurredAt !== 'string') return wrong('occurredAt');
  if (typeof recordedAt !== 'string') return wrong('recordedAt');
  const { traceparent, commandId, bodyDigest } = fields;
  return {
    schemaVersion: Number(schemaVersion),
    workspaceId: Number(workspaceId),
    correlationId,
    causationId,
    actor: { kind: actorKind as Actor['kind'], id: actorId, name: actorName },
    occurredAt,
    recordedAt,
    ...(typeof traceparent === 'string' && isTraceparent(traceparent) && { traceparent }),
    ...(typeof commandId === 'string' && { commandId }),
    ...(typeof bodyDigest === 'string' && { bodyDigest }),
  };
}

function wrong(field: string): string {
  return `metadata.${field} is missing or not what we write`;
}
