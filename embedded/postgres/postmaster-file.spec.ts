import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isAlive, readPostmasterFile } from './postmaster-file.js';

describe('postmaster.pid', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mc-pid-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const holding = async (text: string) => {
    await writeFile(join(dir, 'postmaster.pid'), text);
    return readPostmasterFile(dir);
  };

  it('gives process and port', async () => {
    expect(await holding('4711\n/data\n1795300386\n45999\n\n127.0.0.1\n  2146449 4\nready   \n')).toEqual({
      pid: 4711,
      port: 45999,
    });
  });

  it('is nothing when absent, empty or garbled, and never names a process group or init', async () => {
    expect(await readPostmasterFile(dir)).toBeUndefined();
    for (const text of ['', 'abc\n', '-1\n', '0\n', '1\n']) expect(await holding(text)).toBeUndefined();
  });

  it('tells a living process from one that is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    const { pid = 0 } = child;
    expect(await isAlive(process.pid)).toBe(true);
    await once(child, 'exit');
    expect(await isAlive(pid)).toBe(false);
  });
});
