import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../test/support/eventually.js';
import { DirectoryInUse, LOCK_FILE, lockDirectory } from './lock-file.js';

describe('the lock of a data directory', () => {
  let directory: string;
  const lock = (): string => join(directory, LOCK_FILE);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mc-lock-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('keeps a second holder out, and lets it in after the first', () => {
    const unlock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(DirectoryInUse);
    unlock();
    expect(existsSync(lock())).toBe(false);
    lockDirectory(directory)();
  });

  it('is taken over when its process is gone', () => {
    writeFileSync(lock(), '999999999 1 -');
    const unlock = lockDirectory(directory);
    expect(readFileSync(lock(), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    unlock();
  });

  it('is taken over when its process died and nobody has reaped it', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(printed.toString());
      const stat = await eventually('the entry of a dead process', () => {
        const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return text.includes(') Z ') && text;
      });
      const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      writeFileSync(lock(), `${pid} ${start} ${boot}`);
      lockDirectory(directory)();
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('is taken over when another process has that id by now', () => {
    const unlock = lockDirectory(directory);
    const [pid, , boot] = readFileSync(lock(), 'utf8').split(' ');
    unlock();
    writeFileSync(lock(), `${pid} 1 ${boot}`);
    lockDirectory(directory)();
  });

  it('is taken over when it was never finished', () => {
    writeFileSync(lock(), '');
    lockDirectory(directory)();
  });

  it('does not remove the lock of somebody else', () => {
    const unlock = lockDirectory(directory);
    writeFileSync(lock(), '1 1 other');
    unlock();
    expect(existsSync(lock())).toBe(true);
  });
});
