import { closeSync, linkSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const LOCK_FILE = 'node.lock';

/** Another process, still alive, has the data directory. */
export class DirectoryInUse extends Error {
  constructor(directory: string, holder: string) {
    super(`The event store in ${directory} is in use by process ${holder}.`);
    this.name = 'DirectoryInUse';
  }
}

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** The fields of a process from its state on, where the system tells (Linux). */
const factsOf = (pid: number): readonly string[] => {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
};

/** When it started, in ticks since boot: tells a process from a later one with its id. */
const startOf = (pid: number): string => factsOf(pid)[19] ?? '-';

/** True for what died and was not reaped: after a kill of everything the entry of the node may stay for seconds. */
const isOnlyAnEntry = (pid: number): boolean => ['Z', 'X'].includes(factsOf(pid)[0] ?? '');

const bootId = (): string => textOf('/proc/sys/kernel/random/boot_id') ?? '-';

const ownMark = (): string => `${process.pid} ${startOf(process.pid)} ${bootId()}`;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

const isStale = (mark: string): boolean => {
  const [pidText, start, boot] = mark.split(' ');
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0) return true;
  if (boot !== bootId() || !isAlive(pid) || isOnlyAnEntry(pid)) return true;
  return start !== '-' && start !== startOf(pid);
};

const createExclusively = (path: string): boolean => {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, ownMark());
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

/** Moves a stale lock away, and puts it back when it turns out that somebody else was quicker and it is theirs. */
const removeStale = (path: string, mark: string): void => {
  const aside = `${path}.stale-${process.pid}`;
  renameSync(path, aside);
  if (textOf(aside) !== mark) linkSync(aside, path);
  unlinkSync(aside);
};

/**
 * Takes the data directory for this process, exclusively. LMDB does not keep a second writer out, and two writers would
 * number the same stream twice. A lock whose process is gone is taken over.
 * @returns the function that gives the directory back
 * @throws DirectoryInUse
 */
export const lockDirectory = (directory: string): (() => void) => {
  const path = join(directory, LOCK_FILE);
  if (!createExclusively(path)) {
    const mark = textOf(path);
    if (mark !== undefined && !isStale(mark)) throw new DirectoryInUse(directory, mark.split(' ')[0] ?? '?');
    if (mark !== undefined) removeStale(path, mark);
    if (!createExclusively(path)) throw new DirectoryInUse(directory, textOf(path)?.split(' ')[0] ?? '?');
  }
  const mark = ownMark();
  return () => {
    if (textOf(path) === mark) unlinkSync(path);
  };
};
