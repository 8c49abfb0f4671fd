import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the databases of a running system are found: secrets, because a password is in one of them. */
export interface Connections {
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
}

/**
 * Writes them to `connections.env` in the data directory (mode 0600), to be read by a shell: what `psql` and
 * `dist/projections/main.js` need, and only known when the embedded parts run. Gives the way to remove it.
 */
export function noteConnections(directory: string, { eventStoreUrl, databaseUrl }: Connections): () => void {
  const file = join(directory, 'connections.env');
  const lines = [`EVENTSTORE_URL=${quoted(eventStoreUrl)}`, `DATABASE_URL=${quoted(databaseUrl)}`];
  writeFileSync(`${file}.new`, `${lines.join('\n')}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return () => rmSync(file, { force: true });
}

/** A word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
