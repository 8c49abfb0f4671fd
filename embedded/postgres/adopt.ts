import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError } from './embedded-postgres.error.js';
import { answers, type Connection } from './connect.js';
import { isAlive, readPostmasterFile, servesDirectory } from './postmaster-file.js';
import { adoptedServer, type RunningServer } from './running-server.js';

/** What was found behind `postmaster.pid`. */
export type Found =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'adopted'; readonly server: RunningServer; readonly port: number }
  /** The number in the file now belongs to a process that is certainly no server of this directory. */
  | { readonly kind: 'unrelated'; readonly pid: number };

/** A server that recovers from a crash, or is shutting down, gets this long to show which. */
const patienceMs = 30_000;

/**
 * `kill -9` of its starter leaves PostgreSQL running. It is taken over when it lives and lets us in; one that is on its way
 * out is waited for; one that serves this directory but stays silent is stopped. The lock file is never touched: only
 * PostgreSQL knows when it is stale.
 */
export async function adoptRunning(clusterDir: string, connection: (port: number) => Connection): Promise<Found> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const file = await readPostmasterFile(clusterDir);
    if (file === undefined || !(await isAlive(file.pid))) return { kind: 'nothing' };
    const serves = await servesDirectory(file.pid, clusterDir);
    if (serves === 'no') return { kind: 'unrelated', pid: file.pid };

    const server = adoptedServer(file.pid);
    if (file.port > 0 && (await answers(connection(file.port)))) return { kind: 'adopted', server, port: file.port };
    if (serves === 'maybe') return { kind: 'nothing' };
    if (performance.now() > until) {
      await server.stop();
      if (!(await isAlive(file.pid))) return { kind: 'nothing' };
      throw new EmbeddedPostgresError(
        `the PostgreSQL server ${file.pid} of an earlier start neither answers nor ends; end it and start again`,
      );
    }
    await delay(100);
  }
}
