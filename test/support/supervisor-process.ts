import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { eventually } from './eventually.js';

/** A supervisor as a process of its own, as `npm start` runs it. */
export interface SupervisorProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything it and its children have printed. */
  printed(): string;
  /** Waits for a line; gives the match. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Waits for its end. */
  exitCode(): Promise<number | null>;
}

export function startSupervisor(script: string, environment: Record<string, string>): SupervisorProcess {
  const child = spawn(process.execPath, [script], {
    // From nothing: a setting of the machine that runs the tests must not change them.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${script} could not be started`);
  return {
    child,
    pid,
    printed: () => printed,
    says: (pattern) =>
      eventually(`the supervisor to say ${String(pattern)}`, () => printed.match(pattern) ?? undefined, 60_000).catch(
        (error: unknown) => {
          throw new Error(`it said:\n${printed}`, { cause: error });
        },
      ),
    exitCode: () => exit,
  };
}

/** Processes that belong to a data directory: told so by environment or, like PostgreSQL, working in it. Linux. */
export function processesOf(dataDir: string): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
        const isOurs = environment.includes(dataDir) || readlinkSync(`/proc/${name}/cwd`).startsWith(dataDir);
        return isOurs && command !== '' ? [{ pid: Number(name), command }] : [];
      } catch {
        return [];
      }
    });
}
