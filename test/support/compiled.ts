import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { transform } from '@swc/core';

const cache = join(process.cwd(), 'node_modules', '.cache', 'mission-control');

/**
 * Compiles a folder of TypeScript (types are stripped, not checked) so that a test can run it as a process of its own
 * without a build step. The result lies below node_modules, where bare imports resolve, in a folder named after the
 * content: concurrent test files share it, and it is never stale. Returns the folder.
 */
export async function compiled(folder: string): Promise<string> {
  const sources = await sourcesBelow(folder);
  const digest = createHash('sha256');
  for (const { path, text } of sources) digest.update(`${path}\0`).update(text);
  const target = join(cache, `${basename(folder)}-${digest.digest('hex').slice(0, 16)}`);
  if (existsSync(target)) return target;

  const draft = `${target}.${randomUUID()}`;
  for (const { path, text } of sources) {
    const file = join(draft, path);
    await mkdir(dirname(file), { recursive: true });
    if (path.endsWith('.ts')) await writeFile(file.replace(/\.ts$/, '.js'), await javascriptOf(text.toString()));
    else await copyFile(join(folder, path), file);
  }
  await writeFile(join(draft, 'package.json'), '{"type":"module"}\n');
  try {
    await rename(draft, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
    await rm(draft, { recursive: true, force: true });
  }
  return target;
}

async function sourcesBelow(folder: string): Promise<{ path: string; text: Buffer }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(folder, path)) })));
}

async function javascriptOf(source: string): Promise<string> {
  const { code } = await transform(source, {
    jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true } },
    module: { type: 'es6' },
    swcrc: false,
  });
  return code;
}
