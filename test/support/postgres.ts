import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { startPostgres } from '../../embedded/postgres/index.js';

export interface TestDatabase {
  readonly url: string;
  /** Also ends connections that are still open. */
  drop(): Promise<void>;
}

/**
 * An empty database of its own, for one test file. The server is that of `TEST_DATABASE_URL`, else one embedded server a jest
 * run: the first file that asks starts it, jest's global teardown stops it.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = process.env['TEST_DATABASE_URL'] || (await sharedServer());
  const name = `mc_test_${randomBytes(6).toString('hex')}`;
  await command(server, `create database ${name} template template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => command(server, `drop database if exists ${name} with (force)`) };
}

const startBoundMs = 90_000;

/** Jest's workers are separate processes: making a directory decides which of them starts the server. */
async function sharedServer(): Promise<string> {
  const runDir = process.env['MC_TEST_RUN_DIR'];
  if (runDir === undefined) throw new Error('jest ran without its global setup (test/support/global-setup.mjs)');
  const urlFile = join(runDir, 'database-url');
  const isFirst = await mkdir(join(runDir, 'starting')).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const { url } = await startPostgres({ dir: join(runDir, 'postgres'), forTests: true });
    await writeFile(`${urlFile}.new`, url, { mode: 0o600 });
    await rename(`${urlFile}.new`, urlFile);
    return url;
  }
  const until = performance.now() + startBoundMs;
  while (performance.now() < until) {
    const url = await readFile(urlFile, 'utf8').catch(() => '');
    if (url !== '') return url;
    await delay(50);
  }
  throw new Error(`the test server of another jest worker did not come up within ${startBoundMs / 1000} s`);
}

async function command(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
}
