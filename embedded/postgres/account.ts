import { stat } from 'node:fs/promises';

/** The system account that PostgreSQL's processes get. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` on every Linux and on macOS by number: no account has to be created. */
const NOBODY: Account = { uid: 65534, gid: 65534 };

/**
 * The account to lower to, or undefined when we are not root and run it as ourselves: PostgreSQL refuses to run as
 * root. Data that an ordinary user created stays that user's, so that both can start it afterwards.
 */
export async function loweredAccount(clusterDir: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await stat(clusterDir).catch(() => undefined);
  return existing === undefined || existing.uid === 0 ? NOBODY : { uid: existing.uid, gid: existing.gid };
}
