import { renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A child process, as noted for the next start. */
export interface NotedProcess {
  readonly name: string;
  readonly pid: number;
  /** The script that it runs: how a later start recognises it. */
  readonly script: string;
}

const patienceMs = 3_000;

/** Notes which processes run, so that a start after `kill -9` finds them. */
export function noteProcesses(directory: string, processes: readonly NotedProcess[]): void {
  const file = noteFile(directory);
  writeFileSync(`${file}.new`, JSON.stringify(processes), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/**
 * Children end by themselves when their supervisor is gone; this waits for those that a killed supervisor left, and ends
 * what hangs. A number that belongs to something else by now is left alone.
 */
export async function endLeftovers(directory: string, say: (message: string) => void): Promise<void> {
  for (const noted of await readNoted(directory)) {
    const until = performance.now() + patienceMs;
    let isRunning = await runs(noted);
    if (!isRunning) continue;
    say(`an earlier start left ${noted.name} running (process ${noted.pid}): waiting for its end`);
    while (isRunning && performance.now() < until) {
      await delay(50);
      isRunning = await runs(noted);
    }
    if (!isRunning) continue;
    say(`${noted.name} (process ${noted.pid}) did not end by itself: killed`);
    process.kill(noted.pid, 'SIGKILL');
    while (await runs(noted)) await delay(20);
  }
}

async function readNoted(directory: string): Promise<NotedProcess[]> {
  try {
    const parsed: unknown = JSON.parse(await readFile(noteFile(directory), 'utf8'));
    return Array.isArray(parsed) ? parsed.filter(isNoted) : [];
  } catch {
    return [];
  }
}

function isNoted(value: unknown): value is NotedProcess {
  if (typeof value !== 'object' || value === null) return false;
  const { name, pid, script } = value as Record<string, unknown>;
  return typeof name === 'string' && typeof script === 'string' && Number.isInteger(pid) && Number(pid) > 1;
}

/** Whether that process still runs that script. Systems without /proc cannot tell, so nothing is ended there. */
async function runs({ pid, script }: NotedProcess): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(script);
}

const noteFile = (directory: string) => join(directory, 'processes.json');
