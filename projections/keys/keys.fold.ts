import type { KeyIssued, KeyRevoked, KeysUsed } from '../../src/keys/keys.events.js';
import type { Stored } from '../engine/projection.js';

export type KeysEvent = KeyIssued | KeyRevoked | KeysUsed;

export interface NewKeyRow {
  readonly data: KeyIssued['data'];
  readonly createdBy: string;
  readonly createdAt: string;
}

export interface Revocation {
  readonly at: string;
  readonly reason: string;
}

export interface KeysChanges {
  readonly issued: ReadonlyMap<number, NewKeyRow>;
  readonly revoked: ReadonlyMap<number, Revocation>;
  /** The latest use by credential, ISO 8601. */
  readonly lastUses: ReadonlyMap<string, string>;
}

export function foldKeys(events: readonly Stored<KeysEvent>[]): KeysChanges {
  const issued = new Map<number, NewKeyRow>();
  const revoked = new Map<number, Revocation>();
  const lastUses = new Map<string, string>();
  for (const { type, data, metadata } of events) {
    switch (type) {
      case 'KeyIssued':
        issued.set(data.keyId, { data, createdBy: metadata.actor.name, createdAt: metadata.recordedAt });
        break;
      case 'KeyRevoked':
        revoked.set(data.keyId, { at: metadata.recordedAt, reason: data.reason });
        break;
      case 'KeysUsed':
        for (const { credentialId, at } of data.uses) {
          const known = lastUses.get(credentialId);
          if (known === undefined || known < at) lastUses.set(credentialId, at);
        }
    }
  }
  return { issued, revoked, lastUses };
}
