import type { ListedKey } from '../../projections/keys/keys.queries.js';
import type { EnvironmentKey } from '../platform/config/config.js';
import type { IssuedKey } from './issued-key.js';

/** Unix seconds, or null. */
export function secondsOf(at: Date | null): number | null {
  return at === null ? null : Math.floor(at.getTime() / 1_000);
}

/** A key right after it was issued. An agent's key has no role of its own to show. */
export function issuedKeyJson(key: IssuedKey) {
  return {
    id: key.keyId,
    name: key.name,
    key_prefix: key.prefix,
    ...(key.agentId === null ? { role: key.role } : {}),
    scopes: key.scopes,
    expires_at: secondsOf(key.expiresAt),
    created_at: secondsOf(key.issuedAt),
  };
}

export function listedKeyJson(key: ListedKey) {
  return {
    id: key.keyId,
    name: key.name,
    key_prefix: key.prefix,
    ...(key.agentId === null ? { role: key.role } : {}),
    scopes: key.scopes,
    source: 'api',
    created_by: key.createdBy,
    expires_at: secondsOf(key.expiresAt),
    revoked_at: secondsOf(key.revokedAt),
    last_used_at: secondsOf(key.lastUsedAt),
    created_at: secondsOf(key.createdAt),
    updated_at: secondsOf(key.updatedAt),
  };
}

/** Nothing of the key itself is known to this process, not even how it begins. */
export function environmentKeyJson(key: EnvironmentKey, lastUsedAt: Date | undefined) {
  return {
    id: null,
    name: key.name,
    key_prefix: null,
    role: key.role,
    scopes: [],
    source: 'environment',
    created_by: null,
    expires_at: null,
    revoked_at: null,
    last_used_at: secondsOf(lastUsedAt ?? null),
    created_at: null,
    updated_at: null,
  };
}

export function revokedJson(key: IssuedKey) {
  return { success: true, key_id: key.keyId, revoked_at: secondsOf(key.revokedAt) };
}
