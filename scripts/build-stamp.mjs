import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const sources = [
  'src',
  'projections',
  'embedded',
  'cli',
  'bench',
  'test/faults',
  'scripts',
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
];

function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stat.mtimeMs);
}

export const stampFile = join('dist', '.built');

/** When the youngest source file (or folder: a deletion counts) last changed. */
export function newestSourceMs() {
  return Math.max(...sources.map(newest));
}

export function builtStampMs() {
  try {
    return Number(readFileSync(stampFile, 'utf8'));
  } catch {
    return 0;
  }
}
