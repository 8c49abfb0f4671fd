import { hash } from 'node:crypto';
import type { Actor, ProposedMetadata } from '../event-store/stored-event.js';
import { derivedId } from '../ids/ids.js';

/** Who asks for something, and what binds the resulting events together. */
export interface CommandContext {
  /** Derived from the caller's idempotency key, or new. Event ids are derived from it. */
  readonly commandId: string;
  /** True when the caller gave a key: a repeat must find what the first one did. */
  readonly keyed: boolean;
  readonly bodyDigest?: string;
  readonly workspaceId: number;
  readonly correlationId: string;
  readonly traceparent?: string;
  readonly actor: Actor;
  /** Time of the request at this server. */
  readonly receivedAt: Date;
}

/** The envelope of an event that a command caused. */
export function metadataOf(context: CommandContext): ProposedMetadata {
  const recordedAt = context.receivedAt.toISOString();
  return {
    workspaceId: context.workspaceId,
    correlationId: context.correlationId,
    causationId: context.commandId,
    actor: context.actor,
    occurredAt: recordedAt,
    recordedAt,
    commandId: context.commandId,
    ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    ...(context.bodyDigest === undefined ? {} : { bodyDigest: context.bodyDigest }),
  };
}

/** The same command towards another stream: its events get ids of their own. */
export function stepOf(context: CommandContext, step: string): CommandContext {
  return { ...context, commandId: derivedId('step', context.commandId, step) };
}

/** What our own reactors act as. */
export function systemContext(
  name: string,
  workspaceId: number,
  commandId: string,
  correlationId: string,
  now: Date,
): CommandContext {
  return {
    commandId,
    keyed: false,
    workspaceId,
    correlationId,
    actor: { kind: 'system', id: name, name },
    receivedAt: now,
  };
}

/** SHA-256 over the canonical JSON (sorted keys) of a body, hex. */
export function digestOf(body: unknown): string {
  return hash('sha256', canonicalJson(body));
}

/** JSON with sorted keys and no spaces; `undefined` fields are left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
    return `{${fields.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
