import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEY_BYTES, keyFrom } from '../auth/key-format.js';
import { keptSecret } from './private-file.js';

/** The admin key of an installation that was given none. */
export interface GeneratedAdminKey {
  readonly key: string;
  readonly file: string;
  /** False until somebody called {@link noteAdminKeyShown}: a first start that failed has shown nothing. */
  readonly wasShown: boolean;
}

/** Reads the key from the data directory, or makes it there (mode 0600). */
export async function generatedAdminKey(dataDir: string): Promise<GeneratedAdminKey> {
  const file = join(dataDir, 'admin-key');
  const { value, isNew } = await keptSecret(file, () => keyFrom('mck_', randomBytes(KEY_BYTES)));
  if (isNew) await writeFile(unshownMark(file), '', { mode: 0o600 });
  return { key: value, file, wasShown: !existsSync(unshownMark(file)) };
}

/** The key was shown: it is not shown again. */
export async function noteAdminKeyShown({ file }: GeneratedAdminKey): Promise<void> {
  await rm(unshownMark(file), { force: true });
}

const unshownMark = (file: string) => `${file}.not-shown`;
