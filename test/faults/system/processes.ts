import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.js';
import { processesOf } from '../../support/supervisor-process.js';

export const partNames = ['api', 'projector', 'event store', 'postgres'] as const;
export type PartName = (typeof partNames)[number];

/** The processes of a part that the supervisor keeps running: one, or several `api` workers. */
export function pidsOf(part: PartName, dataDir: string): readonly number[] {
  if (part === 'postgres') return postmasterPid(dataDir);
  return processesOf(dataDir)
    .filter(({ pid, command }) =>
      part === 'event store'
        ? command.includes('embedded/event-store/main.js')
        : command.includes('src/main.js') && isApi(pid) === (part === 'api'),
    )
    .map(({ pid }) => pid);
}

/** The port that the supervisor gave to the running event store node. */
export function eventStorePort(dataDir: string): number {
  for (const { command } of processesOf(dataDir)) {
    const port = /embedded\/event-store\/main\.js .*--port (\d+)/.exec(command)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error('the event store node does not run');
}

/** The port of the running PostgreSQL: the fourth line of its lock file. */
export function postgresPort(dataDir: string): number {
  const port = Number(lockFile(dataDir)[3]);
  if (!Number.isInteger(port) || port < 1) throw new Error('PostgreSQL does not run');
  return port;
}

export function runs(pid: number): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return state.slice(state.lastIndexOf(')') + 2, state.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

/** SIGKILL to all of them, as close together as can be; resolves when they are gone. */
export async function killAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already, with one of those before it.
    }
  }
  await eventually(`the end of processes ${pids.join(', ')}`, () => !pids.some(runs), 15_000);
}

function postmasterPid(dataDir: string): readonly number[] {
  const pid = Number(lockFile(dataDir)[0]);
  return Number.isInteger(pid) && pid > 1 && runs(pid) ? [pid] : [];
}

function lockFile(dataDir: string): readonly string[] {
  try {
    return readFileSync(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    // A server that starts again takes the file of the dead one away first.
    return [];
  }
}

function isApi(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes('MC_ROLES=api');
  } catch {
    return false;
  }
}
