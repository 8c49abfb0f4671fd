import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A server in a process of its own that tells its URL when it is ready. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** From the spawn to the ready message. */
  readonly readyMs: number;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** The embedded event store, as it is built. */
export function startEventStore(dir: string): Promise<ServerProcess> {
  return start('../embedded/event-store/main.js', ['--dir', dir, '--port', '0']);
}

export function startNoOpServer(): Promise<ServerProcess> {
  return start('./no-op-event-store.js', []);
}

async function start(program: string, args: readonly string[]): Promise<ServerProcess> {
  const began = performance.now();
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const ended = once(child, 'close');
  const ready = new Promise<string>((resolve) => {
    child.on('message', (message) => {
      if (typeof message === 'object' && message !== null && 'url' in message) resolve(String(message.url));
    });
  });
  const url = await Promise.race([
    ready,
    ended.then(() => {
      throw new Error(`${program} ended before it was ready: ${said}`);
    }),
  ]);
  ended.catch(() => undefined);
  return {
    url,
    pid: child.pid ?? 0,
    readyMs: performance.now() - began,
    end: async (signal) => {
      child.kill(signal);
      await ended;
    },
  };
}
