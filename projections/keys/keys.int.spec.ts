import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { given } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { keys } from './keys.projection.js';
import { KeysQueries } from './keys.queries.js';

const stream = 'keyring-all';
const ALL = { limit: 10, offset: 0 };

const issued = (keyId: number, more: object = {}): Written => ({
  stream,
  type: 'KeyIssued',
  data: {
    keyId,
    kind: 'workspace',
    workspaceId: 1,
    name: `key "${keyId}"`,
    prefix: `mck_000${keyId}`,
    hash: 'f'.repeat(64),
    masterKeyId: 'first',
    role: 'operator',
    scopes: ['auditor'],
    expiresAt: '2026-04-01T00:00:00.000Z',
    ...more,
  },
});
const ofAgent = (keyId: number, agentId: number) => issued(keyId, { kind: 'agent', agentId, agentName: 'a' });
const revoked = (keyId: number): Written => ({
  stream,
  type: 'KeyRevoked',
  data: { keyId, kind: 'workspace', workspaceId: 1, name: 'x', reason: 'revoked' },
});
const used = (shard: number, ...uses: readonly (readonly [string, string])[]): Written => ({
  stream: `keyuse-${shard}`,
  type: 'KeysUsed',
  data: { uses: uses.map(([credentialId, at]) => ({ credentialId, at })) },
});
const at = (minute: number) => `2026-01-02T00:0${minute}:00.000Z`;

describe('the list of keys', () => {
  let database: TestDatabase;
  let queries: KeysQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new KeysQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const show = (...events: readonly Written[]) => given(database.url, keys).when(logOf(events)).deliver();

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'comes out the same, delivered twice, $batch at a time',
    async ({ batch }) => {
      const log = [issued(1), ofAgent(2, 7), revoked(1), issued(3, { expiresAt: null, scopes: [] }), revoked(9)];
      const rows = await given(database.url, keys, [])
        .when(logOf(log), { times: 2, batch })
        .rows('api_keys', 'key_id, agent_id, name, scopes, expires_at is null as for_ever, revoked_at, revoke_reason');
      const [first, ...others] = rows;
      expect(first).toEqual({
        key_id: '1',
        agent_id: null,
        name: 'key "1"',
        scopes: ['auditor'],
        for_ever: false,
        revoked_at: new Date('2026-01-01T00:00:02.000Z'),
        revoke_reason: 'revoked',
      });
      expect(others).toMatchObject([
        { key_id: '2', agent_id: '7', revoked_at: null },
        { key_id: '3', scopes: [], for_ever: true },
      ]);
    },
  );

  it('holds neither keys nor hashes', async () => {
    const rows = await given(database.url, keys)
      .when(logOf([issued(1)]))
      .rows('api_keys');
    expect(JSON.stringify(rows)).not.toContain('ffff');
  });

  it('keeps the keys of the workspace, of each agent and of other workspaces apart, newest first, in pages', async () => {
    // Numbers tell nothing of the order: every process takes them from a block of its own.
    await show(issued(4), ofAgent(2, 7), ofAgent(3, 8), issued(1), issued(5, { workspaceId: 2 }));
    const ids = async (page: ReturnType<typeof queries.ofWorkspace>) => (await page).rows.map(({ keyId }) => keyId);
    expect(await ids(queries.ofWorkspace(1, ALL))).toEqual([1, 4]);
    expect(await ids(queries.ofAgent(1, 7, ALL))).toEqual([2]);
    expect(await ids(queries.ofAgent(2, 7, ALL))).toEqual([]);
    expect(await queries.ofWorkspace(1, { limit: 1, offset: 1 })).toMatchObject({ rows: [{ keyId: 4 }], total: 2 });
    expect(await queries.ofWorkspace(1, { limit: 0, offset: 0 })).toEqual({ rows: [], total: 2 });
  });

  it('knows the latest use of each credential, in whatever order the processes tell', async () => {
    await show(
      issued(1),
      used(0, ['key-1', at(3)], ['env-a', at(1)]),
      used(1, ['key-1', at(2)]),
      used(0, ['env-a', at(4)]),
    );
    expect((await queries.ofWorkspace(1, ALL)).rows[0]?.lastUsedAt).toEqual(new Date(at(3)));
    expect(await queries.lastUses(['env-a', 'env-b'])).toEqual(new Map([['env-a', new Date(at(4))]]));
  });

  it('finds the key of the last rotation, also when it was revoked', async () => {
    expect(await queries.lastRotated(1)).toBeUndefined();
    await show(issued(1), issued(2, { rotates: null }), issued(3, { rotates: 2 }), revoked(2), issued(4), revoked(3));
    expect(await queries.lastRotated(1)).toMatchObject({ keyId: 3, revokedAt: expect.any(Date) });
    expect(await queries.lastRotated(2)).toBeUndefined();
  });
});
