import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface LogNode {
  readonly url: string;
  readonly child: ChildProcess;
}

/** The embedded event store as a process of its own, so that its CPU is not counted as ours. */
export function startLogNode(dir: string): Promise<LogNode> {
  const program = fileURLToPath(new URL('../embedded/event-store/main.js', import.meta.url));
  const child = spawn(process.execPath, [program, '--dir', dir, '--port', '0'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.on('message', (message: { readonly type?: string; readonly url?: string }) => {
      if (message.type === 'ready' && message.url !== undefined) resolve({ url: message.url, child });
    });
    child.once('exit', (code) => reject(new Error(`the event store ended with ${String(code)}`)));
  });
}
