import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { testDatabase, type TestDatabase } from './postgres.js';

describe('the database of a test file', () => {
  let first: TestDatabase;
  let second: TestDatabase;

  beforeAll(async () => {
    first = await testDatabase();
    second = await testDatabase();
  });

  afterAll(async () => {
    await second.drop();
  });

  it('is a real PostgreSQL that no other file sees', async () => {
    await inside(first, (client) => client.query('create table mine (id int)'));
    const { rows } = await inside(second, (client) =>
      client.query(
        "select current_setting('server_version_num')::int >= 150000 as recent, to_regclass('mine') as mine",
      ),
    );
    expect(rows).toEqual([{ recent: true, mine: null }]);
  });

  it('can be dropped while connections are open', async () => {
    const left = new Client({ connectionString: first.url });
    left.on('error', () => undefined);
    await left.connect();
    await first.drop();
    await expect(inside(first, (client) => client.query('select 1'))).rejects.toThrow('does not exist');
    await left.end();
  });
});

async function inside<T>(database: TestDatabase, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: database.url });
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}
