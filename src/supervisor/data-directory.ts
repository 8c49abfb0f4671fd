import { mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodes, StartError } from './exit-codes.js';

/**
 * Creates the data directory (mode 0700) unless it is there and proves by writing that it can be used: permissions alone do
 * not tell, least of all root. Gives its real path.
 *
 * Errors: {@link StartError} `badDirectory`.
 */
export async function prepareDataDirectory(directory: string): Promise<string> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const probe = join(directory, `.probe-${process.pid}`);
    await writeFile(probe, 'x');
    await rm(probe);
    return await realpath(directory);
  } catch (cause) {
    throw new StartError(
      `the data directory ${directory} cannot be written (${reasonOf(cause)}); set MC_DATA_DIR to one that can`,
      exitCodes.badDirectory,
      { cause },
    );
  }
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENOSPC':
      return 'no space is left';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'a file is in the way';
    default:
      return code ?? String(error);
  }
}
