import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildProgram } from '../support/built-program.js';
import { tourSteps, withoutRandomParts } from '../support/readme-tour.js';
import { startSupervisor, type SupervisorProcess } from '../support/supervisor-process.js';

const separator = '--- next step ---';

describe('the tour of the README', () => {
  let dataDir: string;
  let system: SupervisorProcess;

  beforeAll(async () => {
    await buildProgram();
    dataDir = await mkdtemp(join(tmpdir(), 'mc-tour-'));
    system = startSupervisor('dist/src/supervisor/main.js', { PORT: '0', MC_DATA_DIR: dataDir, MC_LOG_LEVEL: 'warn' });
  }, 150_000);

  afterAll(async () => {
    system.child.kill('SIGTERM');
    await system.exitCode();
    await rm(dataDir, { recursive: true, force: true });
  }, 60_000);

  it('prints on a fresh system what the README shows', async () => {
    const [, url = ''] = await system.says(/listens on (http:\S+)/);
    const steps = await tourSteps();
    const script = steps.map(({ command }) => `${command}\necho '${separator}'\n`).join('');

    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: dataDir, MC: url, DATA: dataDir },
      timeout: 120_000,
    });

    expect(stderr).toBe('');
    const printed = stdout.split(`${separator}\n`);
    expect(steps.length).toBeGreaterThan(8);
    steps.forEach(({ shown }, index) => {
      const line = printed[index] ?? '';
      expect(withoutRandomParts(line).trim()).toBe(withoutRandomParts(shown ?? '').trim());
    });
  }, 180_000);
});
