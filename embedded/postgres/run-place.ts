import type { Account } from './account.js';

/** How a PostgreSQL program is pointed at a directory. */
export interface RunPlace {
  /** The value for `-D`. */
  readonly path: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * A lowered account usually cannot walk to a directory below a home of mode 0700. On Linux it does not have to: the
 * child is put into the directory before it gives up root, and `/proc/self/cwd` leads there without touching the path.
 *
 * The environment is written from nothing: no key of ours reaches a database process.
 */
export function runPlace(directory: string, account: Account | undefined): RunPlace {
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  if (account === undefined) return { path: directory, cwd: directory, env };
  const path = process.platform === 'linux' ? '/proc/self/cwd' : directory;
  return { path, cwd: directory, env, ...account };
}
