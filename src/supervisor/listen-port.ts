import { createServer } from 'node:net';
import { exitCodes, StartError } from './exit-codes.js';

/**
 * Looks whether `host:port` can be listened on, before anything is started; 0 becomes a free port.
 *
 * Errors: {@link StartError} `unavailable` with what to do.
 */
export function reserveListenPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new StartError(sentence(cause, host, port), exitCodes.unavailable, { cause }));
    });
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}

function sentence({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use; stop what listens there, or set PORT (0 picks a free one)`;
    case 'EACCES':
      return `port ${port} on ${host} is reserved for privileged accounts; set PORT to 1024 or above`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no address ${host}; set MC_HOST to one of its own, such as 127.0.0.1 or 0.0.0.0`;
    default:
      return `cannot listen on ${host}:${port} (${code ?? message})`;
  }
}
