import { allMigrations } from '../../all.migrations.js';
import { connector, withClient } from '../database.js';
import { migrate } from '../migrations.js';

/** Gives a test an empty, migrated schema. */
export async function resetProjections(databaseUrl: string): Promise<void> {
  await withClient(connector(databaseUrl, 'test'), async (client) => {
    await client.query('drop schema public cascade; create schema public');
    await migrate(client, allMigrations);
  });
}
