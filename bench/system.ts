import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const BENCH_KEY = 'bench-key-0123456789-abcdefghij';

export interface RunningSystem {
  readonly port: number;
  readonly pid: number;
  readonly dataDir: string;
  readonly output: () => string;
  stop(): Promise<void>;
}

/** The whole system as `npm start` runs it, on a fresh data directory and a free port, without rate limits. */
export async function startSystem(environment: Readonly<Record<string, string>> = {}): Promise<RunningSystem> {
  const dataDir = mkdtempSync(join(tmpdir(), 'mission-control-bench-'));
  const child = spawn(process.execPath, ['dist/src/supervisor/main.js'], {
    env: {
      ...process.env,
      PORT: '0',
      MC_DATA_DIR: dataDir,
      API_KEY: BENCH_KEY,
      MC_RATE_LIMIT: 'off',
      MC_LOG_FORMAT: 'json',
      MC_LOG_LEVEL: 'warn',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const port = await listeningPort(child, () => output);
  return {
    port,
    pid: child.pid ?? 0,
    dataDir,
    output: () => output,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function listeningPort(child: ChildProcess, output: () => string): Promise<number> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(output())?.[1];
    if (port !== undefined && (await isReady(Number(port)))) return Number(port);
    if (child.exitCode !== null) throw new Error(`the system ended at its start:\n${output()}`);
    await pause(50);
  }
  throw new Error(`the system did not become ready:\n${output()}`);
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/api/health/ready`);
    return ((await response.json()) as { status: string }).status === 'ready';
  } catch {
    return false;
  }
}

/** What every figure must be read with. */
export function machineLine(): string {
  const [load] = loadavg();
  return `${cpus().length} cores (${cpus()[0]?.model ?? '?'}), load ${(load ?? 0).toFixed(1)}, Node ${process.version}`;
}
