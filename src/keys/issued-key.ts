import type { StoredEvent } from '../platform/event-store/stored-event.js';
import type { KeyIssued, KeyKind, KeyRole } from './keys.events.js';

/** An issued key as the log tells it. */
export interface IssuedKey {
  readonly keyId: number;
  readonly kind: KeyKind;
  readonly workspaceId: number;
  /** Set for an agent's key; the name is that of the day of issue. */
  readonly agentId: number | null;
  readonly agentName: string | null;
  readonly name: string;
  readonly prefix: string;
  readonly hash: string;
  readonly masterKeyId: string;
  readonly role: KeyRole;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
  readonly issuedAt: Date;
  readonly issuedBy: string;
  readonly revokedAt: Date | null;
}

export function issuedKeyOf({ data, metadata }: Pick<StoredEvent<KeyIssued>, 'data' | 'metadata'>): IssuedKey {
  const { agentId, agentName, expiresAt, keyId, kind, workspaceId, name, prefix, hash, masterKeyId, role, scopes } =
    data;
  return {
    keyId,
    kind,
    workspaceId,
    agentId: agentId ?? null,
    agentName: agentName ?? null,
    name,
    prefix,
    hash,
    masterKeyId,
    role,
    scopes,
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
    issuedAt: new Date(metadata.recordedAt),
    issuedBy: metadata.actor.name,
    revokedAt: null,
  };
}

/** Neither revoked nor expired. An expiry that is no date has passed. */
export function isActive({ revokedAt, expiresAt }: IssuedKey, now: Date): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt > now);
}

/** The stable id of the credential: limits, idempotency and open streams are counted per this. */
export function credentialIdOf(keyId: number): string {
  return `key-${keyId}`;
}

/** The id of an issued key in a credential id; undefined for other credentials. */
export function keyIdIn(credentialId: string): number | undefined {
  const digits = /^key-(\d{1,15})$/.exec(credentialId)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
