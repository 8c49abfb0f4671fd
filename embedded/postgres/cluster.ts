import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.js';
import type { Binaries } from './binaries.js';
import { EmbeddedPostgresError } from './embedded-postgres.error.js';
import { runPlace } from './run-place.js';

/** The one user of an embedded server, and the name of its first database. */
export const superuser = 'mission_control';

/** The password of {@link superuser}, made on first use and kept in `dir` with mode 0600. */
export async function clusterPassword(dir: string): Promise<string> {
  const file = join(dir, 'password');
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept.trim() !== '') return kept.trim();
  const password = randomBytes(24).toString('base64url');
  await writeFile(`${file}.new`, `${password}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return password;
}

/**
 * Creates the cluster at `clusterDir` unless it is there. It is made beside it and renamed, so that a start which was cut
 * off leaves no half cluster behind. `durable: false` skips fsync: for tests.
 */
export async function ensureCluster(
  clusterDir: string,
  options: {
    readonly binaries: Binaries;
    readonly account: Account | undefined;
    readonly password: string;
    readonly durable: boolean;
  },
): Promise<void> {
  const { binaries, account, password, durable } = options;
  const version = await readFile(join(clusterDir, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new EmbeddedPostgresError(
      `the PostgreSQL data in ${clusterDir} belongs to another system account; start as that account or as root, or choose another MC_DATA_DIR`,
      { cause: error },
    );
  });
  if (version !== undefined) return assertSameMajor(version.trim(), binaries, clusterDir);
  if ((await stat(clusterDir).catch(() => undefined)) !== undefined) {
    throw new EmbeddedPostgresError(
      `${clusterDir} is there but holds no PostgreSQL data; move it away and start again`,
    );
  }

  const unfinished = `${clusterDir}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await chmod(unfinished, 0o700);
  if (account !== undefined) await chown(unfinished, account.uid, account.gid);
  await initialise(unfinished, binaries, account, password, durable);
  await rename(unfinished, clusterDir);
}

/** The password travels as standard input: a file that the lowered account may read exists for milliseconds only. */
async function initialise(
  directory: string,
  { initdb }: Binaries,
  account: Account | undefined,
  password: string,
  durable: boolean,
): Promise<void> {
  const passwordFile = `${directory}.password`;
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account !== undefined) await chown(passwordFile, account.uid, account.gid);
  const handle = await open(passwordFile, 'r');
  try {
    const { path, ...place } = runPlace(directory, account);
    const child = spawn(
      initdb,
      [
        `--pgdata=${path}`,
        `--username=${superuser}`,
        '--pwfile=/dev/stdin',
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--data-checksums',
        ...(durable ? [] : ['--no-sync']),
      ],
      { ...place, stdio: [handle.fd, 'ignore', 'pipe'] },
    );
    const complaints: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => complaints.push(chunk));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) {
      const said = Buffer.concat(complaints).toString().trim().replaceAll('\n', ' ');
      const nameless = /could not look up effective user ID (\d+)/.exec(said)?.[1];
      if (nameless !== undefined) {
        throw new EmbeddedPostgresError(
          `the system account ${nameless} has no name in /etc/passwd, which PostgreSQL insists on; add it there, start as another account, or set DATABASE_URL`,
        );
      }
      throw new EmbeddedPostgresError(
        `PostgreSQL could not create its data in ${directory}: ${said || `code ${code}`}`,
      );
    }
  } finally {
    await handle.close();
    await rm(passwordFile, { force: true });
  }
}

async function assertSameMajor(found: string, { postgres }: Binaries, clusterDir: string): Promise<void> {
  const { stdout } = await promisify(execFile)(postgres, ['--version']);
  const major = /(\d+)/.exec(stdout)?.[1];
  if (major !== undefined && major !== found) {
    throw new EmbeddedPostgresError(
      `the data in ${clusterDir} was written by PostgreSQL ${found} and the installed programs are ${major}; ` +
        'the read models can be rebuilt, so move that directory away and start again, or set DATABASE_URL',
    );
  }
}
