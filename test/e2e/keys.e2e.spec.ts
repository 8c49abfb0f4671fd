import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { AppModule } from '../../src/app.module.js';
import { eventIdOf } from '../../src/platform/ids/ids.js';
import { createHttpApp } from '../../src/platform/http/create-app.js';
import { createLogger } from '../../src/platform/telemetry/pino-logger.js';
import { type Answer, type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { keyHeader, testConfig, testKeys } from '../support/http-app.js';
import { openStream, type SseStream } from '../support/sse-client.js';

let application: Application;
const open: SseStream[] = [];
const REPLICAS = [0, 1];
const UNAUTHENTICATED = { error: 'Authentication required' };

beforeAll(async () => {
  application = await startApplication({ replicas: 2, config: { trustedProxies: ['127.0.0.1'] } });
}, 120_000);

afterAll(async () => {
  for (const stream of open) stream.cut();
  await application.close();
}, 60_000);

type Options = Parameters<Application['call']>[2];
const call = (method: string, path: string, body?: unknown, options: Options = {}) =>
  application.call(method, path, {
    ...(body === undefined ? {} : { body }),
    ...options,
    headers: { ...fromElsewhere(), ...options?.headers },
  });
/** Another client for each request: wrong keys are counted by address. */
let addresses = 0;
const fromElsewhere = () => ({ 'x-forwarded-for': `2001:db8:${(addresses += 1).toString(16)}::1` });
const eventsOf = async (type: string) => (await application.log()).filter((event) => event.type === type);
const nowSeconds = () => Math.floor(Date.now() / 1_000);

const issue = async (body: object = { role: 'viewer' }): Promise<{ id: number; key: string }> => {
  const answer = await call('POST', '/api/keys', body);
  expect(answer).toMatchObject({ status: 201 });
  return { id: answer.body.key.id, key: answer.body.api_key };
};
const revoke = (keyId: number) => call('DELETE', '/api/keys', { key_id: keyId });

async function agentKey(name: string, body: object = {}): Promise<{ agentId: number; id: number; key: string }> {
  await call('POST', '/api/agents', { name, role: 'dev' });
  const answer = await call('POST', `/api/agents/${encodeURIComponent(name)}/keys`, body);
  expect(answer).toMatchObject({ status: 201 });
  const { agent } = (await application.read(`/api/agents/${encodeURIComponent(name)}/keys`, answer.headers)).body;
  return { agentId: agent.id, id: answer.body.key.id, key: answer.body.api_key };
}

const usable = (key: string, replica = 0, path = '/api/agents') => call('GET', path, undefined, { key, replica });

/** The tail of each process brings a key or its end; nothing else is waited for. */
const everywhere = (key: string, status: number, path?: string) =>
  Promise.all(
    REPLICAS.map((replica) =>
      eventually(`${status} on replica ${replica}`, async () => (await usable(key, replica, path)).status === status),
    ),
  );

describe('a key of the workspace', () => {
  it('is shown once, listed without itself, and works on every process', async () => {
    const answer = await call('POST', '/api/keys', {
      name: ' nightly ',
      role: 'viewer',
      scopes: ['auditor', 'auditor'],
    });
    expect(answer).toMatchObject({ status: 201 });
    const { key, api_key: secret } = answer.body;
    expect(secret).toMatch(/^mck_[0-9A-Za-z]{36}$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(key).toEqual({
      id: expect.any(Number),
      name: 'nightly',
      key_prefix: secret.slice(0, 8),
      role: 'viewer',
      scopes: ['auditor'],
      expires_at: expect.any(Number),
      created_at: expect.any(Number),
    });
    expect(key.expires_at - key.created_at).toBe(90 * 86_400);
    await everywhere(secret, 200);
    const { body } = await application.read('/api/keys', answer.headers);
    expect(body.keys.filter((each: { id: unknown }) => each.id === key.id)).toEqual([
      {
        ...key,
        source: 'api',
        created_by: 'admin of the test',
        revoked_at: null,
        last_used_at: null,
        updated_at: key.created_at,
      },
    ]);
    expect(body.keys.filter(({ source }: { source: string }) => source === 'environment')).toHaveLength(3);
    expect(body.total).toBe(body.keys.length);
    expect(JSON.stringify(body)).not.toContain(secret);
  });

  it.each<[object, number | null]>([
    [{ expires_at: null }, null],
    [{ expires_at: 4_000_000_000 }, 4_000_000_000],
    [{ expires_in_days: null, expires_at: 12 }, 12],
  ])('ends when %j says', async (end, expected) => {
    const { body } = await call('POST', '/api/keys', { role: 'viewer', ...end });
    expect(body.key).toMatchObject({ name: 'default', scopes: [], expires_at: expected });
  });

  it('is not issued, and nothing is recorded, for what the contract does not allow', async () => {
    const before = (await eventsOf('KeyIssued')).length;
    const bad: readonly (readonly [object, string])[] = [
      [{}, 'role'],
      [{ role: 'king' }, 'role'],
      [{ role: 'viewer', scopes: ['viewer'] }, 'scopes'],
      [{ role: 'viewer', scopes: 'auditor' }, 'scopes'],
      [{ role: 'viewer', name: '' }, 'name'],
      [{ role: 'viewer', name: ' ' }, 'name'],
      [{ role: 'viewer', name: 'x'.repeat(129) }, 'name'],
      [{ role: 'viewer', name: 'a\nb' }, 'name'],
      [{ role: 'viewer', name: 'a\u202eb' }, 'name'],
      [{ role: 'viewer', name: 7 }, 'name'],
      [{ role: 'viewer', expires_at: -1 }, 'expires_at'],
      [{ role: 'viewer', expires_at: 1.5 }, 'expires_at'],
      [{ role: 'viewer', expires_at: 1e18 }, 'expires_at'],
      [{ role: 'viewer', expires_in_days: 0 }, 'expires_in_days'],
      [{ role: 'viewer', expires_in_days: 3651 }, 'expires_in_days'],
      [{ role: 'viewer', expires_in_days: '3' }, 'expires_in_days'],
      [{ role: 'viewer', expires_in_days: 1, expires_at: null }, 'expires_in_days'],
    ];
    for (const [body, field] of bad) {
      const answer = await call('POST', '/api/keys', body);
      expect({ body, status: answer.status, details: answer.body.details?.join() }).toEqual({
        body,
        status: 400,
        details: expect.stringContaining(field),
      });
    }
    expect((await eventsOf('KeyIssued')).length).toBe(before);
  });

  it('has the role that it was given: a viewer may not issue, an admin may', async () => {
    const viewer = await issue({ role: 'viewer' });
    const admin = await issue({ role: 'admin' });
    await everywhere(admin.key, 200);
    expect(await call('POST', '/api/keys', { role: 'viewer' }, { key: viewer.key })).toMatchObject({
      status: 403,
      body: { error: 'Requires admin role or higher' },
    });
    expect(await call('POST', '/api/keys', { role: 'viewer' }, { key: admin.key })).toMatchObject({ status: 201 });
  });

  it('of any role reads the audit with the scope auditor, and not without it', async () => {
    const auditor = await issue({ role: 'viewer', scopes: ['auditor'] });
    const plain = await issue({ role: 'operator' });
    expect((await usable(auditor.key, 0, '/api/audit/events?limit=1')).status).toBe(200);
    expect((await usable(plain.key, 0, '/api/audit/events?limit=1')).status).toBe(403);
    expect((await usable(auditor.key, 0, '/api/keys')).status).toBe(403);
  });

  it('shows when it was used, also on a process that is gone', async () => {
    const { id, key } = await issue();
    const fresh = await startApplication({ on: application });
    expect((await fresh.call('GET', '/api/agents', { key })).status).toBe(200);
    await fresh.call('GET', '/api/agents', { key: testKeys.viewer });
    await fresh.close();
    const listed = async (named: (key: { id: unknown; name: unknown }) => boolean) =>
      (await call('GET', '/api/keys')).body.keys.find(named);
    const used = await eventually('the last use', async () => {
      const found = await listed((each) => each.id === id);
      return found.last_used_at === null ? undefined : found;
    });
    expect(Math.abs(nowSeconds() - used.last_used_at)).toBeLessThan(120);
    expect(await listed(({ name }) => name === 'viewer of the test')).toMatchObject({
      source: 'environment',
      id: null,
      key_prefix: null,
      last_used_at: expect.any(Number),
    });
  }, 60_000);
});

describe('an Idempotency-Key', () => {
  const keyed = (name: string, replica = 0): Options => ({ headers: { 'idempotency-key': name }, replica });

  it('of 50 copies over two processes issues one key, and shows every copy the same', async () => {
    const copies = await Promise.all(
      Array.from({ length: 50 }, (_, at) => call('POST', '/api/keys', { role: 'viewer' }, keyed('fifty', at % 2))),
    );
    const bodies = new Set(copies.map(({ body }) => JSON.stringify(body)));
    expect(copies.map(({ status }) => status)).toEqual(copies.map(() => 201));
    expect(bodies.size).toBe(1);
    const { id } = copies[0]?.body.key ?? {};
    expect((await eventsOf('KeyIssued')).filter(({ data }) => 'keyId' in data && data.keyId === id)).toHaveLength(1);
    await everywhere(copies[0]?.body.api_key, 200);
  });

  it('with another body is 409, and with another route another key', async () => {
    await call('POST', '/api/keys', { role: 'viewer' }, keyed('one'));
    expect(await call('POST', '/api/keys', { role: 'admin' }, keyed('one'))).toMatchObject({ status: 409 });
    const rotated = await call('POST', '/api/tokens/rotate', undefined, keyed('one'));
    expect(rotated).toMatchObject({ status: 200 });
    const again = await call('POST', '/api/tokens/rotate', undefined, keyed('one', 1));
    expect(again.body).toEqual(rotated.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('[KEY-2] puts no key into the log or the database, used or not', async () => {
    const plain = await issue();
    const repeated = (await call('POST', '/api/keys', { role: 'viewer' }, keyed('secret'))).body.api_key;
    const own = await agentKey('secretive');
    const rotated = (await call('POST', '/api/tokens/rotate')).body.key;
    const secrets: readonly string[] = [plain.key, repeated, own.key, rotated];
    await usable(plain.key);
    await usable(own.key, 0, '/api/agents/secretive');
    const log = JSON.stringify(await application.log(), (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
    const dump = await everyRow(application.databaseUrl);
    expect(log.length).toBeGreaterThan(1_000);
    expect(dump).toContain('secretive');
    for (const secret of secrets) {
      expect(secret).toMatch(/^mc[ak]_/);
      expect([log.includes(secret), dump.includes(secret)]).toEqual([false, false]);
      // Not even most of it.
      expect([log.includes(secret.slice(9)), dump.includes(secret.slice(9))]).toEqual([false, false]);
    }
  });
});

describe('[KEY-3] a revoked key', () => {
  it('is refused by every process, and its event streams end', async () => {
    const { id, key } = await issue();
    await everywhere(key, 200);
    const streams = await Promise.all(REPLICAS.map((replica) => listen(key, replica)));
    const other = await listen(testKeys.viewer, 0);
    const load = new AbortController();
    const answers: number[] = [];
    const callers = REPLICAS.map(async (replica) => {
      while (!load.signal.aborted) answers.push((await usable(key, replica)).status);
    });

    const answer = await revoke(id);
    expect(answer).toMatchObject({ status: 200, body: { success: true, key_id: id, revoked_at: expect.any(Number) } });
    await everywhere(key, 401);
    for (const stream of streams) {
      await stream.closed(5_000);
      expect(stream.parser.comments.at(-1)).toBe('closed');
    }
    load.abort();
    await Promise.all(callers);
    expect(new Set(answers)).toEqual(new Set([200, 401]));
    expect(answers.lastIndexOf(200)).toBeLessThan(answers.length - 1);
    expect(other.isClosed).toBe(false);
    const { body } = await application.read('/api/keys', answer.headers);
    const listed = body.keys.find((each: { id: unknown }) => each.id === id);
    expect(listed).toMatchObject({ revoked_at: answer.body.revoked_at, updated_at: answer.body.revoked_at });
  }, 60_000);

  it('[SSE-1] does not open a stream by a ticket that it asked for before', async () => {
    const { id, key } = await issue();
    await everywhere(key, 200);
    const ticket = async () => (await call('POST', '/api/events/ticket', {}, { key })).body.url as string;
    const [early, late] = [await ticket(), await ticket()];
    const opened = await openStream(`${application.urls[1]}${early}`);
    open.push(opened);
    expect(opened.status).toBe(200);
    await revoke(id);
    await everywhere(key, 401);
    await opened.closed(5_000);
    expect((await openStream(`${application.urls[1]}${late}`, { headers: fromElsewhere() })).status).toBe(401);
  });

  it('is not active any more: to revoke it, or what never was a key, or an agent’s key, again is 404', async () => {
    const { id } = await issue();
    const own = await agentKey('not-mine');
    const past = await issue({ role: 'viewer', expires_at: 1 });
    await revoke(id);
    for (const other of [id, 999_999, own.id, past.id]) {
      expect(await revoke(other)).toMatchObject({ status: 404, body: { error: 'Key not found' } });
    }
    for (const bad of [{}, { key_id: 'x' }, { key_id: 0 }, { key_id: 1.5 }, { key_id: null }]) {
      expect(await call('DELETE', '/api/keys', bad)).toMatchObject({ status: 400 });
    }
  });
});

describe('a key that expires', () => {
  it('in the past is issued and never works', async () => {
    const { key } = await issue({ role: 'admin', expires_at: nowSeconds() - 10 });
    await everywhere(key, 401);
  });

  it('ends on time, and its streams with it', async () => {
    const { key } = await issue({ role: 'viewer', expires_in_days: 4 / 86_400 });
    await everywhere(key, 200);
    const stream = await listen(key, 1);
    await everywhere(key, 401);
    await stream.closed();
    expect(stream.parser.comments.at(-1)).toBe('closed');
  });
});

describe('[KEY-5] every key that does not count', () => {
  it('is answered alike: unknown, revoked, expired, misspelt, hostile', async () => {
    const revoked = await issue();
    await revoke(revoked.id);
    const expired = await issue({ role: 'viewer', expires_at: 1 });
    await everywhere(revoked.key, 401);
    const misspelt = `${expired.key.slice(0, 39)}${expired.key.endsWith('0') ? '1' : '0'}`;
    const answers: Answer[] = [];
    for (const key of [revoked.key, expired.key, misspelt, 'unknown-key-0123456789-abc', 'a b']) {
      answers.push(await usable(key));
    }
    const shapes = answers.map(({ status, body, headers }) => ({
      status,
      body: body as unknown,
      headers: [...headers.keys()].toSorted(),
      length: headers.get('content-length'),
    }));
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
    expect(shapes[0]).toMatchObject({ status: 401, body: UNAUTHENTICATED });
  });

  it('of a hundred hostile strings never opens anything, never fails, and leaves a valid key alone', async () => {
    const { key } = await issue();
    await everywhere(key, 200);
    const before = (await application.log()).filter(({ type }) => !['AccessRefused', 'KeysUsed'].includes(type)).length;
    const statuses = new Set<number>();
    for (const hostile of hostileKeys(key)) {
      const response = await fetch(`${application.urls[0]}/api/agents`, { headers: { 'x-api-key': hostile } });
      const { error } = (await response.json()) as { error: string };
      statuses.add(response.status);
      expect([hostile, error]).not.toContain('Internal server error');
    }
    expect([...statuses].toSorted((a, b) => a - b).filter((status) => ![400, 401, 429].includes(status))).toEqual([]);
    expect((await usable(key)).status).toBe(200);
    const after = (await application.log()).filter(({ type }) => !['AccessRefused', 'KeysUsed'].includes(type)).length;
    expect(after).toBe(before);
  });
});

describe('rotation', () => {
  it('issues an admin key, revokes the one before, and leaves keys from the environment alone', async () => {
    const first = await call('POST', '/api/tokens/rotate');
    expect(first.body).toEqual({
      key: expect.stringMatching(/^mck_/),
      masked_key: `${String(first.body.key).slice(0, 8)}••••••`,
      expires_at: expect.any(Number),
      rotated_at: expect.any(Number),
      rotated_by: 'admin of the test',
      message: expect.stringContaining('environment stay valid'),
    });
    await everywhere(first.body.key, 200, '/api/keys');
    const second = await call('POST', '/api/tokens/rotate', undefined, { key: first.body.key });
    expect(second).toMatchObject({ status: 200, body: { rotated_by: 'rotated' } });
    await everywhere(first.body.key, 401);
    await everywhere(second.body.key, 200, '/api/keys');
    expect((await usable(testKeys.admin)).status).toBe(200);
    const { body } = await application.read('/api/tokens/rotate', second.headers);
    expect(body).toEqual({
      masked_key: second.body.masked_key,
      configured: true,
      source: 'api',
      last_rotated_at: second.body.rotated_at,
      last_rotated_by: 'rotated',
    });
    expect(await call('POST', '/api/tokens/rotate', undefined, { key: testKeys.operator })).toMatchObject({
      status: 403,
    });
  });
});

describe('a key of an agent', () => {
  it('has the default scopes unless others are named, and is listed with its agent', async () => {
    const { agentId, id, key } = await agentKey('keyed');
    expect(key).toMatch(/^mca_[0-9A-Za-z]{36}$/);
    const { body } = await call('GET', '/api/agents/keyed/keys');
    expect(body).toMatchObject({
      agent: { id: agentId, name: 'keyed' },
      keys: [{ id, key_prefix: key.slice(0, 8), scopes: ['viewer', 'agent:self'], source: 'api', revoked_at: null }],
    });
    expect(body.keys[0]).not.toHaveProperty('role');
    expect((await usable(key, 0, '/api/agents/keyed')).status).toBe(200);
  });

  it.each([
    { scopes: ['admin'] },
    { scopes: ['agent:everything'] },
    { scopes: ['auditor'] },
    { scopes: [] },
    { scopes: 'viewer' },
  ])('is not issued for %j', async (body) => {
    await call('POST', '/api/agents', { name: 'modest', role: 'dev' });
    const answer = await call('POST', '/api/agents/modest/keys', body);
    expect(answer).toMatchObject({ status: 400, body: { error: 'Validation failed' } });
    expect((await call('GET', '/api/agents/modest/keys')).body.keys).toEqual([]);
  });

  it('needs an agent that is there, by id or name', async () => {
    expect(await call('POST', '/api/agents/nobody/keys', {})).toMatchObject({ status: 404 });
    expect(await call('GET', '/api/agents/999999/keys')).toMatchObject({ status: 404 });
    const mine = await agentKey('mine-a');
    await agentKey('mine-b');
    expect(await call('DELETE', '/api/agents/mine-b/keys', { key_id: mine.id })).toMatchObject({ status: 404 });
    expect(await call('DELETE', '/api/agents/mine-a/keys', { key_id: mine.id })).toMatchObject({ status: 200 });
    await everywhere(mine.key, 401, '/api/agents/mine-a');
  });

  it('may be attributed to its own agent only, by the name of today', async () => {
    const { agentId, key } = await agentKey('first-name');
    const as = (name: string) =>
      call('GET', `/api/agents/${agentId}`, undefined, { key, headers: { 'x-agent-name': name } });
    expect((await as('first-name')).status).toBe(200);
    expect(await as('somebody-else')).toMatchObject({ status: 401, body: UNAUTHENTICATED });
    await call('PUT', `/api/agents/${agentId}`, { name: 'second-name' });
    await eventually('the new name counts', async () => (await as('second-name')).status === 200);
    expect((await as('first-name')).status).toBe(401);
  });

  it('dies with its agent, and does not come back with the name', async () => {
    const { id, key } = await agentKey('mortal');
    const stream = await listen(key, 1);
    expect(await call('DELETE', '/api/agents/mortal')).toMatchObject({ status: 200 });
    await everywhere(key, 401, '/api/agents/mortal');
    await stream.closed(5_000);
    expect((await eventsOf('KeyRevoked')).filter(({ data }) => 'keyId' in data && data.keyId === id)).toMatchObject([
      { data: { reason: 'agent_deleted' } },
    ]);
    await call('POST', '/api/agents', { name: 'mortal', role: 'dev' });
    await everywhere(key, 401, '/api/agents/mortal');
    expect((await call('GET', '/api/agents/mortal/keys')).body.keys).toEqual([]);
  });

  it('does not work once its agent is gone, whoever forgot to revoke it, also after a restart', async () => {
    const { agentId, key } = await agentKey('half-gone');
    await everywhere(key, 200, '/api/agents/half-gone');
    const stream = await listen(key, 0);
    const [registered] = (await eventsOf('AgentRegistered')).filter(
      ({ data }) => 'agentId' in data && data.agentId === agentId,
    );
    if (registered === undefined) throw new Error('the agent was not registered');
    const { schemaVersion: _, ...metadata } = registered.metadata;
    await application.store.append(
      `agent-${agentId}`,
      [{ id: eventIdOf('half-gone', 0), type: 'AgentRetired', data: { agentId, name: 'half-gone' }, metadata }],
      'any',
    );
    await everywhere(key, 401, `/api/agents/${agentId}`);
    await stream.closed(5_000);
    const fresh = await startApplication({ on: application });
    try {
      expect((await fresh.call('GET', `/api/agents/${agentId}`, { key })).status).toBe(401);
    } finally {
      await fresh.close();
    }
  }, 60_000);
});

describe('a process that starts while PostgreSQL is away', () => {
  it('knows every key, and who was revoked', async () => {
    const operator = await issue({ role: 'operator' });
    const gone = await issue({ role: 'operator' });
    const own = await agentKey('afloat', { scopes: ['agent:heartbeat'] });
    await revoke(gone.id);
    const config = testConfig({
      eventStoreUrl: application.storeUrl,
      databaseUrl: 'postgres://nobody@127.0.0.1:1/nothing',
      roles: ['api'],
    });
    const app = await createHttpApp(AppModule.for(config), createLogger(config, 'test'));
    try {
      await app.listen(0, '127.0.0.1');
      const url = await app.getUrl();
      const beat = async (key: string) =>
        (await fetch(`${url}/api/agents/afloat/heartbeat`, { method: 'POST', headers: keyHeader(key) })).status;
      expect(await beat(operator.key)).toBe(200);
      expect(await beat(own.key)).toBe(200);
      expect(await beat(gone.key)).toBe(401);
    } finally {
      await app.close();
    }
  }, 60_000);
});

describe('a process that was given a newer master key', () => {
  it('knows the keys issued under the older one, and shows a repeat the same key', async () => {
    const keyed = { 'idempotency-key': 'before-the-change' };
    const first = await call('POST', '/api/keys', { role: 'viewer' }, { headers: keyed });
    const [current] = testConfig().secretKeys;
    if (current === undefined) throw new Error('the tests have a master key');
    const secretKeys = [{ id: 'newer', value: Buffer.alloc(32, 9) }, current];
    const changed = await startApplication({ on: application, config: { secretKeys } });
    try {
      expect((await changed.call('GET', '/api/agents', { key: first.body.api_key })).status).toBe(200);
      const again = await changed.call('POST', '/api/keys', { body: { role: 'viewer' }, headers: keyed });
      expect(again.body).toEqual(first.body);
      const fresh = await changed.call('POST', '/api/keys', { body: { role: 'viewer' } });
      expect((await changed.call('GET', '/api/agents', { key: fresh.body.api_key })).status).toBe(200);
      expect((await changed.call('GET', '/api/agents', { key: 'unknown-key-0123456789-abc' })).status).toBe(401);
    } finally {
      await changed.close();
    }
  }, 60_000);
});

describe('what is told of keys', () => {
  it('goes to admins, without a hash', async () => {
    const admin = await listen(testKeys.admin, 0, '?types=activity');
    const viewer = await listen(testKeys.viewer, 0, '?types=activity');
    const { id } = await issue({ role: 'viewer', name: 'told' });
    await revoke(id);
    const told = () =>
      admin.facts.map(({ data }) => JSON.parse(data).data).filter(({ entity_id: entity }) => entity === id);
    await eventually('both facts', () => told().length === 2);
    expect(told()).toMatchObject([
      { type: 'key_issued', entity_type: 'key', actor: 'admin of the test', data: { name: 'told', role: 'viewer' } },
      { type: 'key_revoked', entity_type: 'key', data: { name: 'told', reason: 'revoked' } },
    ]);
    expect(JSON.stringify(told())).not.toMatch(/[0-9a-f]{64}/);
    expect(viewer.facts).toEqual([]);
  });
});

async function listen(key: string, replica: number, query = ''): Promise<SseStream> {
  const stream = await openStream(`${application.urls[replica]}/api/events${query}`, { headers: keyHeader(key) });
  expect(stream.status).toBe(200);
  open.push(stream);
  return stream;
}

function hostileKeys(valid: string): readonly string[] {
  const parts = [
    '',
    ' ',
    '\t',
    "' or '1'='1",
    '../../etc/passwd',
    '%00',
    '__proto__',
    'constructor',
    '*',
    '.*',
    '{}',
    'null',
    'undefined',
    'mck_',
    'mca_',
    'mck_'.padEnd(40, '0'),
    'mca_'.padEnd(40, 'z'),
    valid.toLowerCase(),
    valid.toUpperCase(),
    `${valid}x`,
    valid.slice(1),
    valid.slice(0, -1),
    `${valid} `.repeat(2).trim(),
    `${valid},${valid}`,
    `${valid}, ${valid}`,
    `Bearer ${valid}`,
    'x'.repeat(512),
    'x'.repeat(513),
    'x'.repeat(8_000),
    '\u00e9\u00ff',
    '<script>',
    '${jndi:ldap://x}',
    'key-1',
    'env-admin',
    'admin',
    'true',
    '-1',
    '1e400',
  ];
  const mutated = Array.from({ length: 100 - parts.length }, (_, at) => {
    const place = 4 + (at % 36);
    const other = valid[place] === 'a' ? 'b' : 'a';
    return `${valid.slice(0, place)}${other}${valid.slice(place + 1)}`;
  });
  return [...parts, ...mutated];
}

/** Every row of every table, as text. */
async function everyRow(databaseUrl: string): Promise<string> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
        where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
    );
    const parts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      parts.push(...rows.map(({ row }) => row));
    }
    return parts.join('\n');
  } finally {
    await client.end();
  }
}
