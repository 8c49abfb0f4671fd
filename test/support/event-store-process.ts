import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { compiled } from './compiled.js';
import { within } from './eventually.js';

export interface NodeExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The embedded event store as a process of its own: for kills, signals and broken disks. */
export interface NodeProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly exited: Promise<NodeExit>;
  /** Everything that it has written to stdout and stderr so far. */
  output(): string;
  kill(signal: NodeJS.Signals): Promise<NodeExit>;
}

interface Launch {
  readonly dir: string;
  readonly port?: number;
  /** Wraps the command line, e.g. to set a limit: gets the command, returns the one to run. */
  readonly wrap?: (command: readonly string[]) => readonly string[];
  readonly args?: readonly string[];
}

/** Starts it and waits until it is ready. Rejects with its output when it ends before that. */
export async function spawnEventStoreNode(launch: Launch): Promise<NodeProcess> {
  const { child, exited, output } = await launchEventStoreNode(launch);
  const ready = new Promise<{ url: string; port: number }>((resolve) => {
    child.on('message', (message) => {
      if (isReady(message)) resolve(message);
    });
  });
  const early = exited.then(({ code, signal }) => {
    throw new Error(`the node ended before it was ready (code ${code}, signal ${signal}): ${output()}`);
  });
  const { url, port } = await within('the node to be ready', Promise.race([ready, early]), 20_000);
  early.catch(() => undefined);
  if (child.pid === undefined) throw new Error('a running node without a pid');
  return {
    url,
    port,
    pid: child.pid,
    exited,
    output,
    kill: async (signal) => {
      child.kill(signal);
      return within(`the end of the node after ${signal}`, exited, 20_000);
    },
  };
}

/** Starts it without waiting: for starts that must fail. */
export async function launchEventStoreNode(
  launch: Launch,
): Promise<{ child: ChildProcess; exited: Promise<NodeExit>; output: () => string }> {
  const folder = await compiled('embedded/event-store');
  const command = [
    process.execPath,
    join(folder, 'main.js'),
    '--dir',
    launch.dir,
    '--port',
    String(launch.port ?? 0),
    ...(launch.args ?? []),
  ];
  const [program = process.execPath, ...args] = launch.wrap?.(command) ?? command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let text = '';
  const collect = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const exited = once(child, 'close').then(([code, signal]): NodeExit => {
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  return { child, exited, output: () => text };
}

function isReady(message: unknown): message is { url: string; port: number } {
  return typeof message === 'object' && message !== null && 'url' in message && 'port' in message;
}
