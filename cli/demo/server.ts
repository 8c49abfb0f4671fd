import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEnvironment } from '../../src/platform/config/environment.js';
import { readSettings } from '../../src/platform/config/settings.js';
import { Api } from './api.js';

/** A system to play on. */
export interface Server {
  readonly api: Api;
  /** Where it came from, for the reader. */
  readonly origin: string;
  /** Stops it if the demo started it. */
  release(): Promise<void>;
}

/**
 * The system at `MC_URL`; else the one that listens where the settings say, if its key can be found; else one of its own
 * in a temporary directory. An interruption ends what was started.
 */
export async function findOrStartServer(isFresh: boolean, interrupted: Promise<never>): Promise<Server> {
  const environment = await readEnvironment(process.env);
  const given = environment['MC_URL'] ?? '';
  if (given !== '' && !isFresh) {
    const key = environment['API_KEY'] ?? '';
    if (key === '') throw new Error('MC_URL needs API_KEY: an admin key of that server');
    return { api: new Api(given.replace(/\/$/, ''), key), origin: 'MC_URL', release: async () => undefined };
  }
  const running = isFresh ? undefined : await runningServer(environment);
  return running ?? (await startServer(interrupted));
}

async function runningServer(environment: Awaited<ReturnType<typeof readEnvironment>>): Promise<Server | undefined> {
  const { host, port, dataDir } = readSettings(environment);
  const key = environment['API_KEY'] || (await readFile(join(dataDir, 'admin-key'), 'utf8').catch(() => '')).trim();
  if (key === '' || port === 0) return undefined;
  const api = new Api(`http://${host}:${port}`, key);
  try {
    await api.call('GET', '/api/index');
    return { api, origin: 'already running', release: async () => undefined };
  } catch {
    return undefined;
  }
}

async function startServer(interrupted: Promise<never>): Promise<Server> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mission-control-demo-'));
  const key = `demo-${randomBytes(24).toString('base64url')}`;
  const script = fileURLToPath(new URL('../../src/supervisor/main.js', import.meta.url));
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, PORT: '0', MC_DATA_DIR: dataDir, API_KEY: key, MC_ROLES: 'all', MC_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C is for the demo, which ends the system in order.
    detached: true,
  });
  const ended = once(child, 'exit');
  const release = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  };
  let said = '';
  const url = new Promise<string>((resolve) => {
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      const address = /listens on (http:\S+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
  });
  const failed = ended.then(() => {
    throw new Error(`the system did not start:\n${said}`);
  });
  try {
    const api = new Api(await Promise.race([url, failed, interrupted]), key);
    return { api, origin: `started for this, data in ${dataDir}`, release };
  } catch (error) {
    await release();
    throw error;
  }
}
