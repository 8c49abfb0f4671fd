import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication({ replicas: 2 });
});

afterAll(async () => {
  await application.close();
});

const connect = (agentName: string, options: { replica?: number; headers?: Record<string, string> } = {}) =>
  application.call('POST', '/api/connect', { body: { tool_name: 'codex', agent_name: agentName }, ...options });

const typesOf = async (agentId: number) =>
  (await application.log()).filter(({ stream }) => stream === `agent-${agentId}`).map(({ type }) => type);

describe('connecting', () => {
  it('creates the agent online, shows it at once, and says where to beat', async () => {
    const { status, body, headers } = await connect('first');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      agent_name: 'first',
      status: 'connected',
      sse_url: '/api/events',
      heartbeat_url: `/api/agents/${body.agent_id}/heartbeat`,
      heartbeat_interval: 30,
      connection_timeout: 90,
      epoch: 1,
    });
    expect(headers.get('x-mc-position')).toMatch(/^1-[0-9a-f]{32}-[0-9a-f]{8}$/);
    const { body: shown } = await application.read('/api/agents/first', headers);
    expect(shown.agent).toMatchObject({
      id: body.agent_id,
      status: 'online',
      role: 'cli',
      connection: { connection_id: body.connection_id },
    });
  });

  it('supersedes the open connection, which may then not beat any more', async () => {
    const { body: one } = await connect('twice');
    const { body: two } = await connect('twice', { replica: 1 });
    expect(two).toMatchObject({ agent_id: one.agent_id, epoch: 2 });
    for (const replica of [0, 1]) {
      const beat = await application.call('POST', one.heartbeat_url, {
        body: { connection_id: one.connection_id },
        replica,
      });
      expect(beat).toMatchObject({
        status: 409,
        body: { error: 'Connection is no longer active', connection_status: 'superseded' },
      });
    }
    expect(await typesOf(one.agent_id)).toEqual([
      'AgentRegistered',
      'ConnectionOpened',
      'ConnectionClosed',
      'ConnectionOpened',
    ]);
  });

  it('makes one agent of 64 first connects at once over two processes, with epochs without a gap', async () => {
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => connect('crowd', { replica: index % 2 })),
    );
    expect([...new Set(answers.map(({ status }) => status))]).toEqual([200]);
    expect(new Set(answers.map(({ body }) => body.agent_id)).size).toBe(1);
    expect(answers.map(({ body }) => body.epoch).toSorted((a, b) => a - b)).toEqual(
      answers.map((_, index) => index + 1),
    );
    const last = answers.toSorted((a, b) => a.body.epoch - b.body.epoch).at(-1);
    const { body } = await application.read('/api/connect?agent=crowd&status=connected', last?.headers);
    expect(body.total).toBe(1);
    const types = await typesOf(answers[0]?.body.agent_id);
    expect(types.filter((type) => type === 'AgentRegistered')).toHaveLength(1);
  });

  it('refuses a name that looks like another agent’s', async () => {
    await connect('Look-Alike');
    expect(await connect('look-alike')).toMatchObject({
      status: 409,
      body: { error: 'Agent name already exists', agent_name: 'Look-Alike' },
    });
  });

  it.each([
    ['no tool', { agent_name: 'x' }, 'tool_name'],
    ['a long tool', { tool_name: 't'.repeat(101), agent_name: 'x' }, 'tool_name'],
    ['a number for a name', { tool_name: 't', agent_name: 5 }, 'agent_name'],
    ['digits for a name', { tool_name: 't', agent_name: '42' }, 'agent_name'],
    ['a colon in the name', { tool_name: 't', agent_name: 'a:b' }, 'agent_name'],
    ['large metadata', { tool_name: 't', agent_name: 'x', metadata: { a: 'm'.repeat(17_000) } }, 'metadata'],
    ['metadata that is a list', { tool_name: 't', agent_name: 'x', metadata: [] }, 'metadata'],
  ])('refuses %s and records nothing', async (_, body, field) => {
    const before = (await application.log()).length;
    const answer = await application.call('POST', '/api/connect', { body });
    expect(answer).toMatchObject({ status: 400, body: { error: 'Validation failed' } });
    expect(answer.body.details.join()).toContain(field);
    expect((await application.log()).length).toBe(before);
  });

  it('needs an operator', async () => {
    const answer = await application.call('POST', '/api/connect', {
      key: testKeys.viewer,
      body: { tool_name: 't', agent_name: 'viewer-made' },
    });
    expect(answer).toMatchObject({ status: 403, body: { error: 'Requires operator role or higher' } });
  });
});

describe('disconnecting', () => {
  it('takes the agent offline, and a repeat is the same success without an event', async () => {
    const { body } = await connect('leaver');
    const close = () => application.call('DELETE', '/api/connect', { body: { connection_id: body.connection_id } });
    const closed = await close();
    expect(closed).toMatchObject({
      status: 200,
      body: { status: 'disconnected', connection_id: body.connection_id },
    });
    const events = await typesOf(body.agent_id);
    expect(events.slice(-2)).toEqual(['ConnectionClosed', 'AgentStatusChanged']);
    expect(await close()).toMatchObject({ status: 200 });
    expect(await typesOf(body.agent_id)).toEqual(events);
    const { body: shown } = await application.read('/api/agents/leaver', closed.headers);
    expect(shown.agent).toMatchObject({ status: 'offline', connection: null });
  });

  it.each([
    [{}, 400, 'connection_id is required'],
    [{ connection_id: 7 }, 400, 'connection_id is required'],
    [{ connection_id: 'nonsense' }, 404, 'Connection not found'],
    [{ connection_id: '550e8400-e29b-41d4-a716-446655440000' }, 404, 'Connection not found'],
  ])('answers %j with %i', async (body, status, error) => {
    expect(await application.call('DELETE', '/api/connect', { body })).toMatchObject({ status, body: { error } });
  });
});

describe('an idempotency key', () => {
  const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });

  it('gives the first answer again, 50 times in parallel over two processes', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => connect('keyed', { ...keyed('once'), replica: index % 2 })),
    );
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
    expect(await typesOf(answers[0]?.body.agent_id)).toEqual(['AgentRegistered', 'ConnectionOpened']);
    const again = await connect('keyed', keyed('once'));
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('refuses another request under the same key, whatever stream it goes to', async () => {
    await connect('keyed-a', keyed('other'));
    expect(await connect('keyed-b', keyed('other'))).toMatchObject({
      status: 409,
      body: { error: 'Idempotency-Key already used with a different request' },
    });
    expect(await application.call('GET', '/api/agents/keyed-b')).toMatchObject({ status: 404 });
  });
});
