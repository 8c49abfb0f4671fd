import { createHmac, hkdfSync } from 'node:crypto';

/**
 * A key for one purpose, 32 bytes, derived from the master key: HKDF-SHA-256 with info `mc/<purpose>/v1`. Derived keys
 * are never stored, and one tells nothing about another.
 */
export function derivedKey(masterKey: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `mc/${purpose}/v1`, 32));
}

/** The pepper of API keys: whoever holds only hashes cannot test guesses. */
export function keyPepper(masterKey: Buffer): Buffer {
  return derivedKey(masterKey, 'api-key-pepper');
}

/** How a key is stored and looked up: HMAC-SHA-256 under the pepper, lower-case hex. */
export function keyHash(key: string, pepper: Buffer): string {
  return createHmac('sha256', pepper).update(key).digest('hex');
}
