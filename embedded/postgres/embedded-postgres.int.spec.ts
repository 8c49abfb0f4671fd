import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { type EmbeddedPostgres, startPostgres } from './index.js';
import { isAlive } from './postmaster-file.js';

describe('the embedded PostgreSQL', () => {
  let dir: string;
  let running: EmbeddedPostgres[];
  let bystander: ChildProcess | undefined;

  beforeEach(async () => {
    dir = join(await mkdtemp(join(tmpdir(), 'mc-postgres-')), 'postgres');
    running = [];
    bystander = undefined;
  });

  afterEach(async () => {
    bystander?.kill('SIGKILL');
    await Promise.all(running.map((server) => server.stop()));
    await rm(join(dir, '..'), { recursive: true, force: true });
  });

  const start = async (options: { port?: number } = {}) => {
    const server = await startPostgres({ dir, forTests: true, ...options });
    running.push(server);
    return server;
  };

  it('keeps data, port and password over a stop and a start', async () => {
    const first = await start();
    await query(first.url, 'create table kept as select 42 as answer');
    await first.stop();
    expect(await isAlive(first.pid)).toBe(false);

    const second = await start();
    expect(second).toMatchObject({ url: first.url, adopted: false });
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  it('lets nobody in without the password, which only its owner can read', async () => {
    const { url } = await start();
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
    expect((await stat(join(dir, 'password'))).mode & 0o777).toBe(0o600);
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
  });

  it('listens on loopback only and leaves no socket file', async () => {
    const { url } = await start();
    expect(
      await query(url, "select current_setting('listen_addresses') a, current_setting('unix_socket_directories') b"),
    ).toEqual([{ a: '127.0.0.1', b: '' }]);
  });

  it('adopts the server that an earlier starter left running, and can stop it', async () => {
    const first = await start();
    const second = await start();
    expect(second).toMatchObject({ url: first.url, pid: first.pid, adopted: true });
    await second.stop();
    await first.ended;
    expect(await isAlive(first.pid)).toBe(false);
  });

  it('recovers from kill -9 of the server, with everything that was committed', async () => {
    const first = await start();
    await query(first.url, 'create table kept as select 1 as one');
    process.kill(first.pid, 'SIGKILL');
    await first.ended;

    const second = await start();
    expect(second).toMatchObject({ url: first.url, adopted: false });
    expect(await query(second.url, 'select one from kept')).toEqual([{ one: 1 }]);
  });

  it('starts when the number in the lock file belongs to another program by now', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    await first.ended;
    bystander = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' });
    const file = join(dir, 'cluster', 'postmaster.pid');
    const lines = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, [String(bystander.pid), ...lines.slice(1)].join('\n'));

    expect(await start()).toMatchObject({ url: first.url, adopted: false });
    expect(await isAlive(bystander.pid ?? 0)).toBe(true);
  });

  it('finishes what an interrupted creation left', async () => {
    await mkdir(join(dir, 'cluster.unfinished', 'base'), { recursive: true });
    expect(await query((await start()).url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  describe('when its port is taken', () => {
    let taken: Server;
    afterEach(() => new Promise<void>((resolve) => void taken.close(() => resolve())));

    const take = (port: number) =>
      new Promise<number>((resolve) => {
        taken = createServer().listen(port, '127.0.0.1', () => {
          const address = taken.address();
          resolve(typeof address === 'object' && address !== null ? address.port : 0);
        });
      });

    it('takes another one, unless that port was asked for', async () => {
      const first = await start();
      await first.stop();
      await take(first.port);
      const second = await start();
      expect(second.port).not.toBe(first.port);
      expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    });

    it('says so when that port was asked for', async () => {
      const port = await take(0);
      await expect(start({ port })).rejects.toThrow(`port ${port} for PostgreSQL is in use`);
    });
  });

  it('refuses data of another major version with what can be done', async () => {
    const first = await start();
    await first.stop();
    await writeFile(join(dir, 'cluster', 'PG_VERSION'), '15\n');
    await expect(start()).rejects.toThrow(/was written by PostgreSQL 15 and the installed programs are 18/);
  });

  it('refuses a directory in its place that holds something else', async () => {
    await mkdir(join(dir, 'cluster'), { recursive: true });
    await expect(start()).rejects.toThrow('holds no PostgreSQL data');
  });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}
