import { execFile } from 'node:child_process';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const boundMs = 120_000;

/** Brings `dist` up to date: programs are tested as they run, compiled. Jest's workers take turns. */
export async function buildProgram(): Promise<void> {
  const runDir = process.env['MC_TEST_RUN_DIR'];
  if (runDir === undefined) throw new Error('jest ran without its global setup (test/support/global-setup.mjs)');
  const turn = join(runDir, 'building');
  const until = performance.now() + boundMs;
  while (
    !(await mkdir(turn)
      .then(() => true)
      .catch(() => false))
  ) {
    if (performance.now() > until) throw new Error('another jest worker is still building');
    await delay(100);
  }
  try {
    await promisify(execFile)(process.execPath, ['scripts/build-if-stale.mjs'], { timeout: boundMs });
  } finally {
    await rmdir(turn);
  }
}
