import { rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodes, StartError } from './exit-codes.js';

/**
 * Makes this process the only supervisor of a directory. The lock is a listening local socket named after the directory's
 * inode, so it ends with the process: there is no stale lock. Who connects is told the owner's process id.
 *
 * Errors: {@link StartError} `alreadyRunning`.
 */
export async function becomeSingleOwner(directory: string): Promise<{ release(): void }> {
  const address = await socketAddress(directory);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const server = await listen(address);
    if (server !== undefined) return { release: () => server.close() };
    const owner = await ask(address);
    if (owner !== undefined) {
      throw new StartError(
        `Mission Control already runs on ${directory} (process ${owner}); stop it, or set MC_DATA_DIR to another directory`,
        exitCodes.alreadyRunning,
      );
    }
    // Only where sockets are files: nobody listens any more.
    if (!address.startsWith('\0')) await rm(address, { force: true });
  }
  throw new StartError(`another start on ${directory} is under way`, exitCodes.alreadyRunning);
}

async function socketAddress(directory: string): Promise<string> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const name = `mission-control-${dev.toString(36)}-${ino.toString(36)}`;
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

function listen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(`${process.pid}\n`);
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** The owner's process id; undefined when nobody answers. A busy owner that stays silent is an owner. */
function ask(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(address);
    socket.setTimeout(2_000, () => socket.destroy());
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    socket.once('connect', () => socket.once('close', () => resolve(answer.trim() || 'unknown')));
    socket.once('error', () => resolve(undefined));
  });
}
