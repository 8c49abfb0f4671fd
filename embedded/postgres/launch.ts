import { spawn } from 'node:child_process';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from './account.js';
import type { Binaries } from './binaries.js';
import { answers, type Connection } from './connect.js';
import { EmbeddedPostgresError } from './embedded-postgres.error.js';
import { freePort } from './free-port.js';
import { runPlace } from './run-place.js';
import { childServer, type RunningServer } from './running-server.js';
import { serverSettings } from './server-settings.js';

export interface LaunchOptions {
  readonly dir: string;
  readonly clusterDir: string;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly durable: boolean;
  readonly fixedPort: number | undefined;
  readonly connection: (port: number) => Connection;
  /** A process that holds the number in the lock file without being a server of ours. */
  readonly unrelatedPid: number | undefined;
}

export interface Launched {
  readonly server: RunningServer;
  readonly port: number;
}

const recoveryBoundMs = 120_000;
const leftoversBoundMs = 20_000;
const logBoundBytes = 10_000_000;

/**
 * Starts the server process and waits until it answers. What a killed server left (its own children, still ending) is
 * waited for; a port that was taken meanwhile is replaced.
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const leftoversUntil = performance.now() + leftoversBoundMs;
  let port = await choosePort(options);
  for (;;) {
    const outcome = await attempt(options, port);
    if ('server' in outcome) {
      await writeFile(portFile(options.dir), `${port}\n`, { mode: 0o600 });
      return { server: outcome.server, port };
    }
    const { complaint } = outcome;
    if (/could not bind|could not create any TCP/.test(complaint) && options.fixedPort === undefined) {
      port = await anyFreePort();
    } else if (
      /shared memory block|lock file .* already exists/.test(complaint) &&
      performance.now() < leftoversUntil
    ) {
      await delay(200);
    } else {
      const log = join(options.dir, 'postgres.log');
      throw new EmbeddedPostgresError(`PostgreSQL did not start: ${complaint || 'it said nothing'} (its log: ${log})`);
    }
  }
}

/** The port of the last time while it is free: connection strings that people noted stay valid. */
async function choosePort({ dir, fixedPort }: LaunchOptions): Promise<number> {
  if (fixedPort !== undefined && fixedPort !== 0) {
    if ((await freePort(fixedPort)) !== undefined) return fixedPort;
    throw new EmbeddedPostgresError(`port ${fixedPort} for PostgreSQL is in use`);
  }
  const kept = Number(await readFile(portFile(dir), 'utf8').catch(() => ''));
  const usable = Number.isInteger(kept) && kept > 0 && kept < 65_536 ? await freePort(kept) : undefined;
  return usable ?? anyFreePort();
}

async function anyFreePort(): Promise<number> {
  const port = await freePort();
  if (port === undefined) throw new EmbeddedPostgresError('no loopback port is free for PostgreSQL');
  return port;
}

const portFile = (dir: string) => join(dir, 'port');

async function attempt(
  { dir, clusterDir, binaries, account, durable, connection, unrelatedPid }: LaunchOptions,
  port: number,
): Promise<{ readonly server: RunningServer } | { readonly complaint: string }> {
  const { path, env, ...place } = runPlace(clusterDir, account);
  const log = await openLog(join(dir, 'postgres.log'));
  const logStart = (await log.stat()).size;
  // A session of its own: Ctrl-C in the terminal must reach us first, and our death must not reach it.
  // A file as output: a pipe would break with us, and the server is to outlive us.
  const child = spawn(binaries.postgres, ['-D', path, ...serverSettings({ port, durable })], {
    ...place,
    // PostgreSQL's own way of being told that a live process with the noted number is no server (as pg_ctl does).
    env: unrelatedPid === undefined ? env : { ...env, PG_GRANDPARENT_PID: String(unrelatedPid) },
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  let failure: Error | undefined;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      failure = error;
      resolve();
    });
  });
  child.unref();
  await log.close();
  const { pid } = child;
  if (pid !== undefined) {
    const state = await firstOf(exited, () => answers(connection(port)));
    if (state === 'answers') return { server: childServer(child, pid) };
    if (state === 'silent') {
      await childServer(child, pid).stop();
      return { complaint: `no answer within ${recoveryBoundMs / 1000} s` };
    }
  }
  await exited;
  if (failure !== undefined) return { complaint: failure.message };
  return { complaint: lastComplaint((await readFile(join(dir, 'postgres.log'))).subarray(logStart).toString()) };
}

async function firstOf(exited: Promise<void>, isAnswering: () => Promise<boolean>) {
  const until = performance.now() + recoveryBoundMs;
  const ended = exited.then(() => true);
  while (performance.now() < until) {
    if (await Promise.race([ended, delay(40, false)])) return 'exited' as const;
    if (await isAnswering()) return 'answers' as const;
  }
  return 'silent' as const;
}

async function openLog(file: string) {
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  if (size > logBoundBytes) await rename(file, `${file}.old`);
  return open(file, 'a', 0o600);
}

/** The last line that PostgreSQL marked as an error, with its hint of what else is wrong. */
function lastComplaint(text: string): string {
  const lines = text
    .split('\n')
    .filter((line) => /\b(FATAL|ERROR|PANIC|LOG: {2}could not|error while loading)/.test(line));
  return lines
    .slice(-2)
    .map((line) => line.replace(/^.*?\] /, ''))
    .join('; ');
}
