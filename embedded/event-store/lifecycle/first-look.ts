import { spawn } from 'node:child_process';

/** Exit codes of the program, after sysexits.h. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 64,
  /** The store is damaged or incomplete: starting again will not help. */
  badStore: 65,
} as const;

/** The store cannot be opened; restarting does not change that. */
export class UnreadableStore extends Error {
  constructor(
    reason: string,
    readonly exitCode: number = exitCodes.badStore,
  ) {
    super(reason);
    this.name = 'UnreadableStore';
  }
}

/**
 * Looks at an existing store in another process. A damaged LMDB file can end the process that opens it (SIGSEGV, SIGBUS);
 * this way that becomes a message instead of a restart loop.
 * @returns what the other process printed
 * @throws UnreadableStore when it died, or said why the store cannot be opened
 */
export const lookInChild = (args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(printed.trim());
      else if (signal !== null) {
        reject(
          new UnreadableStore(
            `The data file of the event store is damaged: reading it ended the process (${signal}). Move the directory ` +
              `aside and restore a backup; the damaged file is kept as it is.`,
          ),
        );
      } else
        reject(new UnreadableStore(complaint.trim() || `The first look failed with code ${code}.`, code ?? undefined));
    });
  });
