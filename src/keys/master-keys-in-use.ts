import { ConfigError } from '../platform/config/config.error.js';
import type { MasterKey } from '../platform/config/config.js';
import { isActive, type IssuedKey } from './issued-key.js';

/**
 * Every key that still counts can be checked with the configured master keys. Without one of them its keys would be
 * refused as unknown, one after the other, and nobody would know why.
 *
 * Errors: {@link ConfigError}, naming the ids of the missing master keys.
 */
export function assertMasterKeys(keys: Iterable<IssuedKey>, configured: readonly MasterKey[], now: Date): void {
  const known = new Set(configured.map(({ id }) => id));
  const missing = new Map<string, number>();
  for (const key of keys) {
    if (!isActive(key, now) || known.has(key.masterKeyId)) continue;
    missing.set(key.masterKeyId, (missing.get(key.masterKeyId) ?? 0) + 1);
  }
  if (missing.size === 0) return;
  throw new ConfigError(
    [...missing].map(
      ([id, count]) =>
        `MC_SECRET_KEY: master key ${id} is missing, and ${count} issued keys still need it: add it again, or revoke them first`,
    ),
  );
}
