import { mkdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loweredAccount } from './account.js';
import { adoptRunning } from './adopt.js';
import { findBinaries } from './binaries.js';
import { clusterPassword, ensureCluster, superuser } from './cluster.js';
import { connectionUrl, ensureDatabase } from './connect.js';
import { launch } from './launch.js';
import type { RunningServer } from './running-server.js';

export interface PostgresOptions {
  /** Everything that the server keeps lies below it. Created with mode 0700. */
  readonly dir: string;
  /** A fixed port. Without it a free one is chosen on first start and kept. */
  readonly port?: number;
  /** Skips fsync: quick, and lost in a power cut. */
  readonly forTests?: boolean;
}

export interface EmbeddedPostgres {
  /** `postgres://…` with the password in it: a secret. */
  readonly url: string;
  /** True when the server of an earlier process was still running and is used on. */
  readonly adopted: boolean;
  readonly pid: number;
  readonly port: number;
  /** Where the programs were copied to, when their own place could not be entered. */
  readonly programsCopiedTo?: string;
  /** Resolves when the server process is gone, whoever ended it. */
  readonly ended: Promise<void>;
  /**
   * Fast shutdown: running transactions are rolled back. After `boundMs` (3,500) an immediate one, which the next start
   * recovers from. Resolves when the process is gone.
   */
  stop(boundMs?: number): Promise<void>;
}

/**
 * Runs a real PostgreSQL from the programs that npm installed, on loopback, with a generated password. Resolves when
 * it accepts connections and its database exists. A server that outlived its starter is adopted. The server runs on when
 * this process dies; it ends by {@link EmbeddedPostgres.stop}.
 *
 * Errors: {@link EmbeddedPostgresError} with one sentence for the operator; errors of the file system as they are.
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const clusterDir = join(await realpath(dir), 'cluster');
  const password = await clusterPassword(dir);
  const connection = (port: number) => ({ port, user: superuser, password });
  const running = (server: RunningServer, port: number) => ({
    url: connectionUrl(connection(port)),
    pid: server.pid,
    port,
    ended: server.ended,
    stop: (boundMs?: number) => server.stop(boundMs),
  });

  const found = await adoptRunning(clusterDir, connection);
  if (found.kind === 'adopted') {
    await ensureDatabase(connection(found.port));
    return { ...running(found.server, found.port), adopted: true };
  }

  const account = await loweredAccount(clusterDir);
  const binaries = await findBinaries(account);
  const durable = options.forTests !== true;
  await ensureCluster(clusterDir, { binaries, account, password, durable });
  const { server, port } = await launch({
    dir,
    clusterDir,
    binaries,
    account,
    durable,
    connection,
    fixedPort: options.port,
    unrelatedPid: found.kind === 'unrelated' ? found.pid : undefined,
  });
  await ensureDatabase(connection(port));
  return {
    ...running(server, port),
    adopted: false,
    ...(binaries.copiedTo === undefined ? {} : { programsCopiedTo: binaries.copiedTo }),
  };
}
