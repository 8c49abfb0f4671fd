import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadEnvFile } from 'node:process';
import { parseArgs } from 'node:util';
import { allMigrations } from '../all.migrations.js';
import { connector, withClient } from '../engine/database.js';
import { migrate } from '../engine/migrations.js';
import { analystSql, grantAnalyst, hasSideEffects } from './analyst-role.js';

const HELP = `Usage: npm run analyst -- [--name analyst] [--database <url>] [--print]

Makes the read-only role for analysts, or gives it a new password, and prints the password once.

  --name       name of the role, default analyst
  --database   default: DATABASE_URL, else that of the system that runs on the data directory
  --print      print what to run, for an administrator, and change nothing

The password is that of ANALYST_PASSWORD, or a new one.
`;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      name: { type: 'string', default: 'analyst' },
      database: { type: 'string' },
      print: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(HELP);
    return 0;
  }
  const database = values.database ?? databaseUrl();
  if (database === '') {
    process.stderr.write('say which database: --database <url> or DATABASE_URL, or start the system first\n');
    return 2;
  }
  const password = process.env['ANALYST_PASSWORD'] ?? randomBytes(24).toString('base64url');
  const role = { name: values.name, password };
  await withClient(connector(database, 'command line'), async (client) => {
    if (values.print) {
      say(await analystSql(client, role));
      return;
    }
    await migrate(client, allMigrations);
    await grantAnalyst(client, role);
    say(`the role ${role.name} reads the schema analytics; its password is`);
    say(password);
    if (await hasSideEffects(client, role.name)) {
      process.stderr.write(
        'it can still take advisory locks and write large objects: let a superuser run what --print prints\n',
      );
    }
  });
  return 0;
}

/** While the system runs on its own PostgreSQL, its address stands in the data directory. */
function databaseUrl(): string {
  const file = join(process.env['MC_DATA_DIR'] ?? '.data', 'connections.env');
  if (!process.env['DATABASE_URL'] && existsSync(file)) loadEnvFile(file);
  return process.env['DATABASE_URL'] ?? '';
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
