import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';

/** The program with a bug in it, built aside. */
export interface PlantedProgram {
  readonly dir: string;
  remove(): Promise<void>;
}

const copied = [
  'src',
  'projections',
  'embedded',
  'package.json',
  'tsconfig.json',
  'dist/src',
  'dist/projections',
  'dist/embedded',
];

/**
 * Copies the sources and what is built of them below the system's temporary directory, applies the patch there and
 * compiles what it touches. Rejects when the patch does not apply exactly: a plant that does not grow is no plant.
 */
export async function plantedProgram(patchFile: string): Promise<PlantedProgram> {
  const dir = await mkdtemp(join(tmpdir(), 'mc-plant-'));
  try {
    for (const path of copied) await cp(path, join(dir, path), { recursive: true });
    await symlink(resolve('node_modules'), join(dir, 'node_modules'));
    const patch = resolve(patchFile);
    await promisify(execFile)('git', ['apply', patch], {
      cwd: dir,
      env: { ...process.env, GIT_CEILING_DIRECTORIES: dir },
    });
    const touched = [...(await readFile(patch, 'utf8')).matchAll(/^\+\+\+ b\/(\S+)$/gm)].map(([, path]) => path ?? '');
    for (const path of touched) await compile(dir, path);
    return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

async function compile(dir: string, path: string): Promise<void> {
  const { config } = ts.readConfigFile(join(dir, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: { compilerOptions: Record<string, unknown> };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, dir);
  const { outputText } = ts.transpileModule(await readFile(join(dir, path), 'utf8'), {
    compilerOptions: { ...options, module: ts.ModuleKind.ESNext, sourceMap: false },
    fileName: path,
  });
  await writeFile(join(dir, 'dist', path.replace(/\.ts$/, '.js')), outputText);
}
