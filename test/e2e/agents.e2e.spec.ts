import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;
const POSITION = /^1-[0-9a-f]{32}-[0-9a-f]{8}$/;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

type Options = Parameters<Application['call']>[2];
const call = (method: string, path: string, body?: unknown, options: Options = {}) =>
  application.call(method, path, { ...(body === undefined ? {} : { body }), ...options });
const create = (name: string, more: object = {}) => call('POST', '/api/agents', { name, role: 'dev', ...more });
const logSize = async () => (await application.log()).length;

describe('an agent', () => {
  it('is created with every field, and the list and its own page show the same', async () => {
    const given = {
      status: 'busy',
      session_key: 'session',
      soul_content: 'calm',
      config: { nested: { list: [1, null] } },
      runtime_type: 'codex',
    };
    const { status, body, headers } = await create('complete', given);
    expect(status).toBe(201);
    expect(headers.get('x-mc-position')).toMatch(POSITION);
    expect(body.agent).toEqual({
      id: expect.any(Number),
      name: 'complete',
      role: 'dev',
      ...given,
      last_seen: null,
      last_activity: null,
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
      workspace_id: 1,
      source: 'api',
      hidden: false,
      working_memory: '',
      taskStats: { total: 0, assigned: 0, in_progress: 0, quality_review: 0, done: 0, completed: 0 },
    });
    const one = await application.read('/api/agents/complete', headers);
    expect(one.body).toEqual({ agent: { ...body.agent, connection: null } });
    const list = await application.read('/api/agents?limit=1', headers);
    expect(list.body).toMatchObject({ agents: [body.agent], page: 1, limit: 1 });
    for (const answer of [one, list]) {
      expect(answer.headers.get('x-mc-position')).toMatch(POSITION);
      expect(answer.headers.get('x-mc-lag-events')).toMatch(/^\d+$/);
      expect(answer.headers.get('x-mc-lag-seconds')).toMatch(/^\d+\.\d+$/);
    }
  });

  it('ignores fields that the server owns', async () => {
    const { body } = await create('owned', { id: 999_999, workspace_id: 7, created_at: 1, last_seen: 1, hidden: true });
    expect(body.agent).toMatchObject({ workspace_id: 1, last_seen: null, hidden: false });
    expect(body.agent.id).toBeLessThan(999_999);
  });

  it('exists once per name: the second create is 409 and records nothing', async () => {
    await create('only-one');
    const before = await logSize();
    expect(await create('only-one')).toMatchObject({
      status: 409,
      body: { error: 'Agent name already exists', agent_name: 'only-one' },
    });
    expect(await logSize()).toBe(before);
  });

  it('is changed by name, cleared with null, and needs something to change', async () => {
    await create('changing', { session_key: 'old' });
    const changed = await call('PUT', '/api/agents', {
      name: 'changing',
      status: 'error',
      session_key: null,
      role: 'r',
    });
    expect(changed).toMatchObject({ status: 200, body: { success: true } });
    const { body } = await application.read('/api/agents/changing', changed.headers);
    expect(body.agent).toMatchObject({ status: 'error', session_key: null, role: 'r' });
    for (const nothing of [{}, { status: null }, { role: null, config: null }]) {
      expect(await call('PUT', '/api/agents', { name: 'changing', ...nothing })).toMatchObject({
        status: 400,
        body: { error: 'No fields to update' },
      });
    }
    expect(await call('PUT', '/api/agents', { name: 'nobody', role: 'r' })).toMatchObject({ status: 404 });
    expect(await call('PUT', '/api/agents', { name: 'changing', status: 'sleepy' })).toMatchObject({ status: 400 });
  });

  it('is changed by id, and one that changes nothing records nothing', async () => {
    const { body } = await create('by-id');
    const path = `/api/agents/${body.agent.id}`;
    const changed = await call('PUT', path, { role: 'new', gateway_config: { a: 1 }, write_to_gateway: true });
    expect(changed).toMatchObject({ status: 200, body: { success: true, agent: { role: 'new', config: { a: 1 } } } });
    const before = await logSize();
    const same = await call('PUT', path, { role: 'new', gateway_config: { a: 1 } });
    expect(same.status).toBe(200);
    expect(same.headers.get('x-mc-position')).toMatch(POSITION);
    expect(await logSize()).toBe(before);
  });

  it('that has connected and beaten is shown so by the answer to its change', async () => {
    const { body } = await call('POST', '/api/connect', { tool_name: 't', agent_name: 'watched' });
    const beat = await call('POST', body.heartbeat_url, { last_activity: 'reading' });
    await application.read('/api/agents/watched', beat.headers);
    const { body: changed } = await call('PUT', '/api/agents/watched', { role: 'reader' });
    expect(changed.agent).toMatchObject({
      source: 'connect',
      role: 'reader',
      last_seen: expect.any(Number),
      last_activity: 'reading',
    });
  });

  it('registers itself with a role of the list, is found again, and wakes when it was offline', async () => {
    const first = await call('POST', '/api/agents/register', { name: 'self', role: 'coder', capabilities: ['x'] });
    expect(first).toMatchObject({
      status: 201,
      body: {
        agent: { id: expect.any(Number), name: 'self', role: 'coder', status: 'idle', created_at: expect.any(Number) },
        registered: true,
        message: expect.any(String),
      },
    });
    await call('PUT', '/api/agents', { name: 'self', status: 'offline' });
    const again = await call('POST', '/api/agents/register', { name: 'self' }, { key: testKeys.viewer });
    expect(again).toMatchObject({ status: 200, body: { registered: false, agent: { status: 'idle', role: 'coder' } } });
    const bad = await call('POST', '/api/agents/register', { name: 'self2', role: 'king' });
    expect(bad).toMatchObject({ status: 400 });
    expect(bad.body.details.join()).toContain('role');
  });

  it('is deleted by an admin only: its connection closes, its name is free, another one may take it', async () => {
    const { body } = await call('POST', '/api/connect', { tool_name: 't', agent_name: 'mortal' });
    expect(await call('DELETE', '/api/agents/mortal', undefined, { key: testKeys.operator })).toMatchObject({
      status: 403,
      body: { error: 'Requires admin role or higher' },
    });
    const deleted = await call('DELETE', '/api/agents/mortal');
    expect(deleted).toMatchObject({
      status: 200,
      body: { success: true, deleted: 'mortal', remove_workspace: false },
    });
    for (const path of ['mortal', body.agent_id]) {
      expect(await call('GET', `/api/agents/${path}`)).toMatchObject({
        status: 404,
        body: { error: 'Agent not found' },
      });
      expect(await call('POST', `/api/agents/${path}/heartbeat`)).toMatchObject({ status: 404 });
    }
    const connections = await application.read(`/api/connect?agent=${body.agent_id}`, deleted.headers);
    expect(connections.body.connections).toMatchObject([
      { status: 'disconnected', close_reason: 'agent_deleted', closed_at: expect.any(Number) },
    ]);
    const next = await call('POST', '/api/connect', { tool_name: 't', agent_name: 'mortal' });
    expect(next.body).toMatchObject({ epoch: 1 });
    expect(next.body.agent_id).not.toBe(body.agent_id);
  });

  it.each([
    ['no name', { role: 'dev' }, 'name'],
    ['no role', { name: 'x' }, 'role'],
    ['a long role', { name: 'x', role: 'r'.repeat(101) }, 'role'],
    ['a strange status', { name: 'x', role: 'r', status: 'sleepy' }, 'status'],
    ['a long session key', { name: 'x', role: 'r', session_key: 's'.repeat(201) }, 'session_key'],
    ['a long soul', { name: 'x', role: 'r', soul_content: 's'.repeat(50_001) }, 'soul_content'],
    ['a config that is a list', { name: 'x', role: 'r', config: [] }, 'config'],
    ['an unknown runtime', { name: 'x', role: 'r', runtime_type: 'basic' }, 'runtime_type'],
  ])('with %s is refused, and nothing is recorded, not even its idempotency key', async (name, body, field) => {
    const before = await logSize();
    const answer = await call('POST', '/api/agents', body, {
      headers: { 'idempotency-key': name.replaceAll(' ', '-') },
    });
    expect(answer).toMatchObject({ status: 400, body: { error: 'Validation failed' } });
    expect(answer.body.details.join()).toContain(field);
    expect(await logSize()).toBe(before);
  });

  it('a bad name is 400 before the agent is looked for and before the key is spent', async () => {
    const keyed = { headers: { 'idempotency-key': 'corrected' } };
    expect(await call('PUT', '/api/agents/nobody', { name: 'a:b' })).toMatchObject({ status: 400 });
    expect(await call('POST', '/api/connect', { tool_name: 't', agent_name: 'a:b' }, keyed)).toMatchObject({
      status: 400,
    });
    expect(await call('POST', '/api/connect', { tool_name: 't', agent_name: 'ab' }, keyed)).toMatchObject({
      status: 200,
    });
  });
});

describe('a list of agents', () => {
  it.each([
    ['limit=0', 'limit'],
    ['limit=abc', 'limit'],
    ['limit=', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['offset=-1', 'offset'],
    ['status=sleepy', 'status'],
    ['status=', 'status'],
    ['show_hidden=maybe', 'show_hidden'],
    ['atLeast=nonsense', 'position'],
    ['atLeast=1-00000000000000000000000000000000-ffffffff', 'position'],
    ['stale=no', 'stale'],
  ])('refuses %s', async (query, word) => {
    const answer = await call('GET', `/api/agents?${query}`);
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.body.error).toContain(word);
  });

  it('cuts the limit to the cap, pages, and a page beyond the end is empty', async () => {
    await create('paged-a', { role: 'paging' });
    const { headers } = await create('paged-b', { role: 'paging' });
    const page = (query: string) => application.read(`/api/agents?role=paging&${query}`, headers);
    expect((await page('limit=100000')).body).toMatchObject({ total: 2, page: 1, limit: 200 });
    expect((await page('limit=1&offset=1')).body).toMatchObject({
      agents: [{ name: 'paged-a' }],
      total: 2,
      page: 2,
      limit: 1,
    });
    expect((await page('offset=999999999999999')).body).toMatchObject({ agents: [], total: 2 });
  });

  it('of connections finds nothing for an id that is no id', async () => {
    for (const id of ['99999999999999999999', '9007199254740993', '0']) {
      expect(await call('GET', `/api/connect?agent=${id}`)).toMatchObject({ status: 200, body: { total: 0 } });
    }
  });
});

describe('waiting for one’s own writes', () => {
  it('can be declined, and then a query asks for the position itself', async () => {
    const { status, headers } = await call(
      'POST',
      '/api/agents',
      { name: 'hasty', role: 'r' },
      { headers: { prefer: 'respond-async' } },
    );
    expect(status).toBe(201);
    expect(headers.get('preference-applied')).toBe('respond-async');
    expect((await application.read('/api/agents/hasty', headers)).status).toBe(200);
  });

  it('a position beyond the head is 503, or the answer as it is', async () => {
    const { headers } = await create('ahead');
    const position = headers.get('x-mc-position')?.replace(/^1-0{3}/, '1-0ff');
    const late = await call('GET', `/api/agents?atLeast=${position}`);
    expect(late).toMatchObject({ status: 503, body: { error: expect.any(String) } });
    expect(late.headers.get('retry-after')).toBe('1');
    const stale = await call('GET', `/api/agents?atLeast=${position}&stale=ok`);
    expect(stale.status).toBe(200);
    expect(stale.headers.get('x-mc-consistency')).toBe('eventual');
  });

  it('a repeat of a keyed command has a position too', async () => {
    const keyed = { headers: { 'idempotency-key': 'positioned' } };
    const first = await call('POST', '/api/agents', { name: 'positioned', role: 'r' }, keyed);
    const second = await call('POST', '/api/agents', { name: 'positioned', role: 'r' }, keyed);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('x-mc-position')).toMatch(POSITION);
  });
});

describe('a path that is known', () => {
  it.each([
    ['PATCH', '/api/agents', 'GET, HEAD, POST, PUT'],
    ['DELETE', '/api/agents', 'GET, HEAD, POST, PUT'],
    ['POST', '/api/agents/1', 'GET, HEAD, PUT, DELETE'],
    ['GET', '/api/agents/register', 'POST'],
    ['PUT', '/api/connect', 'GET, HEAD, POST, DELETE'],
    ['DELETE', '/api/agents/1/heartbeat', 'GET, HEAD, POST'],
  ])('%s %s is 405 and says what is allowed', async (method, path, allow) => {
    const answer = await call(method, path);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual(allow.split(', ').toSorted());
  });
});
