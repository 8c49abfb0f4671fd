import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** What `postmaster.pid` says: the lock file of a running server, or of one that died. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
}

/** Undefined: no file, or one that is still being written. Its layout is that of PostgreSQL's `pidfile.h`. */
export async function readPostmasterFile(clusterDir: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  return Number.isInteger(pid) && pid > 1 ? { pid, port: Number.isInteger(port) ? port : 0 } : undefined;
}

/** True while the process exists and is more than an unreaped entry. A container without an init keeps such entries. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return (await linuxStat(pid))?.state !== 'Z';
}

/**
 * Whether the process is the server of this directory (a real path). `no` is certain: after a reboot, or in a new
 * container, the number in the file often belongs to something else. `maybe` where the system does not tell.
 */
export async function servesDirectory(pid: number, clusterDir: string): Promise<'yes' | 'no' | 'maybe'> {
  const facts = await linuxStat(pid);
  if (facts === undefined) return 'maybe';
  if (facts.program !== 'postgres') return 'no';
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  if (cwd === undefined) return 'maybe';
  return cwd === clusterDir ? 'yes' : 'no';
}

/** Everybody may read this one, also for processes of other accounts. */
async function linuxStat(pid: number): Promise<{ program: string; state: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const match = /^\d+ \((.*)\) (\w)/s.exec(text);
  return match === null ? undefined : { program: match[1] ?? '', state: match[2] ?? '' };
}
