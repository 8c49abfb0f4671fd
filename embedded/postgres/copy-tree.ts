import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

/**
 * Copies a folder so that every account can read and run it (symbolic links become files, whatever the umask), and gives
 * back where it is: `target`, or beside it when somebody else owns that name. An intact earlier copy is used again.
 */
export async function copyTree(source: string, target: string): Promise<string> {
  const files = await filesBelow(source);
  if (await isIntactCopy(files, target)) return target;

  const fresh = await mkdtemp(`${target}-`);
  for (const file of files) await copyOne(join(source, file.path), join(fresh, file.path), file);
  await makeReadable(fresh);
  if (await isOurs(target)) await rm(target, { recursive: true, force: true });
  try {
    await rename(fresh, target);
    return target;
  } catch {
    return fresh;
  }
}

interface FileFacts {
  readonly path: string;
  readonly size: number;
  readonly executable: boolean;
}

async function filesBelow(root: string): Promise<FileFacts[]> {
  const found: FileFacts[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const facts = await stat(path);
    if (facts.isFile()) {
      found.push({ path: relative(root, path), size: facts.size, executable: (facts.mode & 0o100) !== 0 });
    }
  }
  return found;
}

async function copyOne(from: string, to: string, { executable }: FileFacts): Promise<void> {
  await mkdir(join(to, '..'), { recursive: true });
  await copyFile(from, to);
  await chmod(to, executable ? 0o755 : 0o644);
}

async function makeReadable(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
}

/** A temporary directory belongs to everybody: only what we own and nobody else may write is run from it. */
async function isOurs(target: string): Promise<boolean> {
  const facts = await lstat(target).catch(() => undefined);
  return facts !== undefined && facts.isDirectory() && facts.uid === process.getuid?.() && (facts.mode & 0o022) === 0;
}

/** Cleaners of temporary directories remove single files: each one is looked at. */
async function isIntactCopy(files: readonly FileFacts[], target: string): Promise<boolean> {
  if (!(await isOurs(target))) return false;
  for (const file of files) {
    const facts = await stat(join(target, file.path)).catch(() => undefined);
    if (facts === undefined || facts.size !== file.size) return false;
  }
  return true;
}
