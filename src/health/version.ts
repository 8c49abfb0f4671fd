import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version in the nearest package.json above this file, in the sources as in the build. */
export const version: string = readVersion(dirname(fileURLToPath(import.meta.url)));

function readVersion(folder: string): string {
  try {
    const { version: found } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string };
    return found ?? 'unknown';
  } catch {
    const parent = dirname(folder);
    return parent === folder ? 'unknown' : readVersion(parent);
  }
}
