import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyTree } from './copy-tree.js';

describe('a copy of the programs', () => {
  let dir: string;
  let source: string;
  let target: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mc-copy-'));
    source = join(dir, 'source');
    target = join(dir, 'target');
    await mkdir(join(source, 'bin'), { recursive: true, mode: 0o700 });
    await writeFile(join(source, 'bin', 'program'), 'run me', { mode: 0o700 });
    await writeFile(join(source, 'library.so.1'), 'library', { mode: 0o600 });
    await symlink('library.so.1', join(source, 'library.so'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('can be read and run by everybody, with links turned into files', async () => {
    expect(await copyTree(source, target)).toBe(target);
    expect((await stat(target)).mode & 0o777).toBe(0o755);
    expect((await stat(join(target, 'bin'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(target, 'bin', 'program'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(target, 'library.so'))).mode & 0o777).toBe(0o644);
    expect(await readFile(join(target, 'library.so'), 'utf8')).toBe('library');
  });

  it('is used again while it is whole, and made anew when a file is missing', async () => {
    await copyTree(source, target);
    const made = (await stat(target, { bigint: true })).ino;
    await copyTree(source, target);
    expect((await stat(target, { bigint: true })).ino).toBe(made);
    await rm(join(target, 'library.so'));
    expect(await copyTree(source, target)).toBe(target);
    expect(await readFile(join(target, 'library.so'), 'utf8')).toBe('library');
  });

  it('is made beside a directory that others can write into', async () => {
    await mkdir(target);
    await chmod(target, 0o777);
    await writeFile(join(target, 'planted'), 'x');
    const elsewhere = await copyTree(source, target);
    expect(elsewhere).not.toBe(target);
    expect(await readFile(join(elsewhere, 'bin', 'program'), 'utf8')).toBe('run me');
  });
});
