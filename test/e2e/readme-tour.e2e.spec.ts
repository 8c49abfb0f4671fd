import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
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

  it('runs a system whose metrics are all in the reference', async () => {
    const [, url = ''] = await system.says(/listens on (http:\S+)/);
    const key = (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim();

    const metrics = await (await fetch(`${url}/metrics`, { headers: { 'x-api-key': key } })).text();

    const names = [...metrics.matchAll(/^# TYPE (\S+)/gm)]
      .map(([, name = '']) => name)
      .filter((name) => !/^(?:nodejs|process)_/.test(name));
    const reference = await readFile('docs/reference/metrics.md', 'utf8');
    expect(names).toContain('mc_read_model_lag_seconds');
    expect(names.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  });
});
