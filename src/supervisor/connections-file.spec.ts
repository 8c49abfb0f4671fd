import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { noteConnections } from './connections-file.js';

describe('the file that says where the databases are', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mc-connections-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('gives a shell what was written, whatever characters are in it, and is readable by its owner only', () => {
    const databaseUrl = `postgres://me:it's $HOME "here"@127.0.0.1:1/db`;
    const remove = noteConnections(dir, { eventStoreUrl: 'esdb://127.0.0.1:1?tls=false', databaseUrl });
    const file = join(dir, 'connections.env');

    const read = execFileSync('sh', ['-c', '. "$1"; printf "%s\\n" "$EVENTSTORE_URL" "$DATABASE_URL"', 'sh', file]);

    expect(read.toString()).toBe(`esdb://127.0.0.1:1?tls=false\n${databaseUrl}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    remove();
    expect(existsSync(file)).toBe(false);
  });
});
