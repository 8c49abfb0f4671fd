import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { keyChecksum } from '../auth/key-format.js';
import { keptSecret } from './private-file.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The admin key of an installation that was given none. */
export interface GeneratedAdminKey {
  readonly key: string;
  readonly file: string;
  /** True on the start that made it: the only one that may show it. */
  readonly isNew: boolean;
}

/** Reads the key from the data directory, or makes it there (mode 0600). */
export async function generatedAdminKey(dataDir: string): Promise<GeneratedAdminKey> {
  const file = join(dataDir, 'admin-key');
  const { value, isNew } = await keptSecret(file, newKey);
  return { key: value, file, isNew };
}

/** 30 digits without bias: bytes from 248 on are dropped, or the first letters would come more often. */
function newKey(): string {
  let digits = '';
  while (digits.length < 30) {
    for (const byte of randomBytes(40)) {
      if (byte < 248 && digits.length < 30) digits += ALPHABET.charAt(byte % 62);
    }
  }
  const key = `mck_${digits}`;
  return key + keyChecksum(key);
}
