import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * A secret of this installation: read, or made by `make` on first use and kept with mode 0600. Two processes that start at
 * once agree on one: the file appears complete or not at all.
 */
export async function keptSecret(file: string, make: () => string): Promise<{ value: string; isNew: boolean }> {
  const kept = await readSecret(file);
  if (kept !== undefined) return { value: kept, isNew: false };
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const value = make();
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, `${value}\n`, { mode: 0o600, flush: true });
  try {
    await link(draft, file);
    return { value, isNew: true };
  } catch (error) {
    const other = await readSecret(file);
    if (other === undefined) throw error;
    return { value: other, isNew: false };
  } finally {
    await rm(draft, { force: true });
  }
}

/** Undefined when there is no such file. A mode that lets others read is tightened. */
async function readSecret(file: string): Promise<string | undefined> {
  try {
    const content = await readFile(file, 'utf8');
    await chmod(file, 0o600);
    return content.trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
