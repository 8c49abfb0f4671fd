import { execFile } from 'node:child_process';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { buildProgram } from '../support/built-program.js';

interface Ended {
  readonly code: unknown;
  readonly printed: string;
}

function demo(...args: readonly string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  return new Promise((resolve) => {
    execFile(process.execPath, ['dist/cli/demo.js', ...args], { env, timeout: 150_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, printed: stdout + stderr });
    });
  });
}

describe('npm run demo', () => {
  beforeAll(buildProgram, 150_000);

  it('starts a system, plays a session, and proves that the listener missed nothing', async () => {
    const { code, printed } = await demo('--fresh');
    expect(printed).toMatch(/was cut off in the middle of a block[^]*was cut off in the middle of a block/);
    expect(printed.match(/^ {2}holds /gm)).toHaveLength(3);
    expect({ code, printed }).toEqual({ code: 0, printed });
  }, 180_000);

  it('refuses what it does not understand, and says where help is', async () => {
    const { code, printed } = await demo('--frsh');
    expect(code).toBe(2);
    expect(printed).toContain('--help');
  });
});
