import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../support/postgres.js';

describe('the bench of the books of cost', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database.drop());

  it('runs through in its quick form, and what it made agrees with itself', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['dist/bench/costs.js', '--quick', '--database', database.url],
      { timeout: 100_000 },
    );
    expect(stdout).toContain('invariants: all hold');
    expect(stdout).toMatch(/^100 reports priced anew/m);
    expect(stdout).toMatch(/^rebuild of 2000 reports/m);
    expect(stdout).not.toContain('NaN');
  });
});
