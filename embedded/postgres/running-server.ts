import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './postmaster-file.js';

/** A server process, ours by birth or by adoption. */
export interface RunningServer {
  readonly pid: number;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** SIGINT asks PostgreSQL for a fast shutdown, SIGQUIT for an immediate one that the next start recovers from. */
const patienceMs = { fast: 3_500, immediate: 3_000 };

/** A child tells of its end by itself. */
export function childServer(child: ChildProcess, pid: number): RunningServer {
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  return { pid, ended, stop: () => stopProcess(pid, ended) };
}

/** An adopted process is not our child: looking is the only way. */
export function adoptedServer(pid: number): RunningServer {
  const ended = (async () => {
    while (await isAlive(pid)) await delay(100, undefined, { ref: false });
  })();
  return { pid, ended, stop: () => stopProcess(pid, ended) };
}

async function stopProcess(pid: number, ended: Promise<void>): Promise<void> {
  if (await endsAfter('SIGINT', pid, ended, patienceMs.fast)) return;
  await endsAfter('SIGQUIT', pid, ended, patienceMs.immediate);
}

async function endsAfter(signal: NodeJS.Signals, pid: number, ended: Promise<void>, boundMs: number) {
  try {
    process.kill(pid, signal);
  } catch {
    return true;
  }
  const waiting = new AbortController();
  const timeout = delay(boundMs, false, { signal: waiting.signal }).catch(() => false);
  const gone = await Promise.race([ended.then(() => true), timeout]);
  waiting.abort();
  return gone;
}
