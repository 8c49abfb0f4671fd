import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ConfigError } from './config.error.js';
import type { MasterKey } from './config.js';
import { keptSecret } from './private-file.js';

/** Where the master key of an installation is kept that was given none. */
export const masterKeyFileName = 'secret-key';

/**
 * The master keys, newest first: from `MC_SECRET_KEY` or the file of `MC_SECRET_KEY_FILE`, each `value` or `id:value` with 32
 * bytes in base64, separated by commas or line breaks. With none: made and kept in the data directory outside
 * production; refused in production, where replicas must share it.
 *
 * Errors: {@link ConfigError}, by the number of the entry.
 */
export async function loadMasterKeys(given: {
  readonly setting: 'MC_SECRET_KEY' | 'MC_SECRET_KEY_FILE';
  readonly content: string;
  readonly production: boolean;
  readonly dataDir: string;
}): Promise<readonly MasterKey[]> {
  if (given.content.trim() !== '') return readMasterKeys(given.setting, given.content);
  if (given.production) {
    throw new ConfigError([
      'MC_SECRET_KEY or MC_SECRET_KEY_FILE must be set in production: 32 random bytes in base64, for example from "openssl rand -base64 32"',
    ]);
  }
  const file = join(given.dataDir, masterKeyFileName);
  const { value } = await keptSecret(file, () => randomBytes(32).toString('base64'));
  return readMasterKeys(file, value);
}

function readMasterKeys(label: string, content: string): readonly MasterKey[] {
  const keys: MasterKey[] = [];
  const entries = content.split(/[,\n]/).filter((entry) => entry.trim() !== '');
  for (const [index, entry] of entries.entries()) {
    const match = /^(?:([A-Za-z0-9_-]{1,32}):)?([A-Za-z0-9+/_-]+={0,2})$/.exec(entry.trim());
    const value = Buffer.from(match?.[2] ?? '', 'base64');
    if (match === null || value.length !== 32) {
      throw new ConfigError([`${label} entry ${index + 1}: must be 32 bytes in base64, alone or as id:value`]);
    }
    const id = match[1] ?? fingerprint(value);
    if (keys.some((key) => key.id === id || key.value.equals(value))) {
      throw new ConfigError([`${label} entry ${index + 1}: the same key or id as an entry before it`]);
    }
    keys.push({ id, value });
  }
  return keys;
}

/** An id that stays when other keys are added around it, and tells nothing about the key. */
function fingerprint(value: Buffer): string {
  return createHmac('sha256', value).update('mc/master-key-id/v1').digest('hex').slice(0, 8);
}
