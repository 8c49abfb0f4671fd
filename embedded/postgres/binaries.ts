import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Account } from './account.js';
import { copyTree } from './copy-tree.js';
import { EmbeddedPostgresError } from './embedded-postgres.error.js';
import { runPlace } from './run-place.js';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Set when they had to be copied out of a place that the account cannot enter. */
  readonly copiedTo?: string;
}

/**
 * Finds the PostgreSQL programs that npm installed. When `account` cannot reach them (a clone below a home of mode
 * 0700), they are copied once to a root-owned directory below the temporary one and used from there.
 *
 * Errors: {@link EmbeddedPostgresError} when there is no package for this platform or the programs do not run.
 */
export async function findBinaries(account: Account | undefined): Promise<Binaries> {
  const installed = await installedPackage();
  const first = await tryRun(installed.native, account);
  if (first === 'runs') return programsIn(installed.native);
  if (account === undefined || !first.unreachable) {
    throw new EmbeddedPostgresError(
      `the PostgreSQL programs in ${installed.native} do not run (${first.reason}); ` +
        'run "npm install" again with install scripts allowed, or set DATABASE_URL',
    );
  }
  const reasons: string[] = [];
  for (const base of new Set([tmpdir(), '/var/tmp', '/tmp'])) {
    try {
      const copiedTo = await copyTree(installed.native, join(base, `mission-control-postgres-${installed.version}`));
      const copy = await tryRun(copiedTo, account);
      if (copy === 'runs') return { ...programsIn(copiedTo), copiedTo };
      reasons.push(`${copiedTo}: ${copy.reason}`);
    } catch (error) {
      reasons.push(`${base}: ${messageOf(error)}`);
    }
  }
  throw new EmbeddedPostgresError(
    `user id ${account.uid}, which runs PostgreSQL when we are root, can enter neither ${installed.native} nor a copy of it ` +
      `(${reasons.join('; ')}); move the project out of the private directory, start as an ordinary user, or set DATABASE_URL`,
  );
}

interface InstalledPackage {
  readonly native: string;
  readonly version: string;
}

async function installedPackage(): Promise<InstalledPackage> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const root = join(dirname(createRequire(wrapper).resolve(name)), '..');
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `no PostgreSQL for ${platform}-${process.arch} is installed (npm package ${name}); run "npm install", or set DATABASE_URL`,
      { cause },
    );
  }
}

function programsIn(native: string): Binaries {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

type Attempt = 'runs' | { readonly unreachable: boolean; readonly reason: string };

function tryRun(native: string, account: Account | undefined): Promise<Attempt> {
  const { path: _, ...options } = runPlace('/', account);
  return new Promise((resolve) => {
    execFile(programsIn(native).postgres, ['--version'], { ...options, timeout: 30_000 }, (error, _stdout, stderr) => {
      if (error === null) return resolve('runs');
      const { code } = error as NodeJS.ErrnoException;
      resolve({
        unreachable: code === 'EACCES' || /permission denied/i.test(stderr),
        reason: stderr.trim().split('\n')[0] || (code ?? error.message),
      });
    });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
