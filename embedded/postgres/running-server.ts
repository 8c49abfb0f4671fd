import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './postmaster-file.js';

/** A server process, ours by birth or by adoption. */
export interface RunningServer {
  readonly pid: number;
  readonly ended: Promise<void>;
  /** Fast shutdown; after `boundMs` an immediate one, which the next start recovers from. */
  stop(boundMs?: number): Promise<void>;
}

const fastBoundMs = 3_500;
const immediateBoundMs = 2_000;

/** A child tells of its end by itself. */
export function childServer(child: ChildProcess, pid: number): RunningServer {
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  return { pid, ended, stop: (boundMs) => stopProcess(pid, ended, boundMs) };
}

/** An adopted process is not our child: looking is the only way. */
export function adoptedServer(pid: number): RunningServer {
  const ended = (async () => {
    while (await isAlive(pid)) await delay(100, undefined, { ref: false });
  })();
  return { pid, ended, stop: (boundMs) => stopProcess(pid, ended, boundMs) };
}

/** SIGINT asks PostgreSQL for a fast shutdown, SIGQUIT for an immediate one. */
async function stopProcess(pid: number, ended: Promise<void>, boundMs = fastBoundMs): Promise<void> {
  if (await endsAfter('SIGINT', pid, ended, boundMs)) return;
  await endsAfter('SIGQUIT', pid, ended, immediateBoundMs);
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
