// Plain JavaScript: jest loads its global setup outside of the transform.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const prefix = 'mission-control-jest-';

export function createRunDir() {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  writeFileSync(join(dir, 'owner'), String(process.pid));
  return dir;
}

/** Stops the server that tests may have started there, and removes the directory. */
export async function removeRunDir(dir) {
  const pid = Number(firstLine(join(dir, 'postgres', 'cluster', 'postmaster.pid')));
  if (pid > 1 && serves(pid, join(dir, 'postgres', 'cluster'))) {
    process.kill(pid, 'SIGINT');
    for (let waited = 0; waited < 10_000 && isAlive(pid); waited += 50) await delay(50);
  }
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

/** What a killed jest run left behind. Runs that live, and those of other accounts, are left alone. */
export async function removeAbandonedRunDirs() {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const dir = join(tmpdir(), name);
    const owner = Number(firstLine(join(dir, 'owner')));
    if (owner > 1 && !isAlive(owner)) await removeRunDir(dir).catch(() => undefined);
  }
}

function firstLine(file) {
  try {
    return readFileSync(file, 'utf8').split('\n')[0];
  } catch {
    return '';
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  return !/^\d+ \(.*\) Z/s.test(firstLine(`/proc/${pid}/stat`));
}

/** A number in a file may belong to another process by now. */
function serves(pid, clusterDir) {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  return firstLine(`/proc/${pid}/stat`).includes('(postgres)') && firstLine(join(clusterDir, 'PG_VERSION')) !== '';
}
