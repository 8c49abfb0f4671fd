import { createHmac, hkdfSync } from 'node:crypto';

/**
 * The pepper of API keys, 32 bytes, derived from the master key: HKDF-SHA-256 with info `mc/api-key-pepper/v1`. It is
 * never stored; whoever holds only hashes cannot test guesses.
 */
export function keyPepper(masterKey: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'mc/api-key-pepper/v1', 32));
}

/** How a key is stored and looked up: HMAC-SHA-256 under the pepper, lower-case hex. */
export function keyHash(key: string, pepper: Buffer): string {
  return createHmac('sha256', pepper).update(key).digest('hex');
}
