import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { testKeys } from '../support/http-app.js';

let application: Application;
const POSITION = /^1-[0-9a-f]{32}-[0-9a-f]{8}$/;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

const connected = async (agentName: string) =>
  (await application.call('POST', '/api/connect', { body: { tool_name: 'codex', agent_name: agentName } })).body;
const beat = (path: string, body?: unknown, key?: string) =>
  application.call('POST', path, { ...(body === undefined ? {} : { body }), ...(key === undefined ? {} : { key }) });
const logSize = async () => (await application.log()).length;

describe('a beat', () => {
  it('is durable, and answers that there is nothing to do', async () => {
    const { heartbeat_url: path, connection_id, agent_id } = await connected('beater');
    const before = await logSize();
    const { status, body, headers } = await beat(path, { connection_id, last_activity: 'thinking' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'HEARTBEAT_OK',
      agent: 'beater',
      message: 'No work items found',
      token_recorded: false,
      connection_status: 'connected',
      acknowledged: 0,
      asOfPosition: expect.stringMatching(POSITION),
    });
    expect(headers.get('x-mc-position')).toMatch(POSITION);
    expect((await application.log()).slice(before).map(({ type, data }) => ({ type, data }))).toEqual([
      {
        type: 'HeartbeatReceived',
        data: { agentId: agent_id, connectionId: connection_id, epoch: 1, lastActivity: 'thinking' },
      },
    ]);
    const shown = await application.read('/api/agents/beater', headers);
    expect(shown.body.agent).toMatchObject({ last_activity: 'thinking' });
  });

  it('may come by name or id, with an empty body', async () => {
    const { agent_id } = await connected('nameless');
    expect(await beat('/api/agents/nameless/heartbeat')).toMatchObject({ status: 200 });
    expect(await beat(`/api/agents/${agent_id}/heartbeat`, {})).toMatchObject({ status: 200 });
  });

  it('changes the status only when it says so, and each change is one event', async () => {
    const { heartbeat_url: path, connection_id } = await connected('moody');
    const changes = async () =>
      (await application.log()).filter(
        ({ type, data }) => type === 'AgentStatusChanged' && 'name' in data && data.name === 'moody',
      );
    await beat(path, { connection_id });
    expect(await changes()).toHaveLength(0);
    await beat(path, { connection_id, status: 'busy' });
    const { headers } = await beat(path, { connection_id, status: 'busy' });
    expect(await changes()).toHaveLength(1);
    expect((await application.read('/api/agents/moody', headers)).body.agent.status).toBe('busy');
  });

  it('counts although its status is nonsense, and says so', async () => {
    const { heartbeat_url: path, connection_id } = await connected('nonsense');
    const { status, body } = await beat(path, { connection_id, status: 'sleepy' });
    expect(status).toBe(200);
    expect(body.status_error).toContain('online');
  });

  it('records usage with it, once per eventId', async () => {
    const { heartbeat_url: path, connection_id } = await connected('spender');
    const usage = { model: 'm', inputTokens: 5, outputTokens: 7, eventId: 'spent-1' };
    expect((await beat(path, { connection_id, token_usage: usage })).body).toMatchObject({ token_recorded: true });
    expect((await beat(path, { connection_id, token_usage: usage })).body).toMatchObject({
      token_recorded: true,
      token_duplicate: true,
    });
    expect((await beat(path, { connection_id, token_usage: { ...usage, inputTokens: 6 } })).body).toMatchObject({
      token_recorded: false,
      token_error: 'eventId already used with different content',
    });
    const bad = await beat(path, { connection_id, token_usage: { ...usage, inputTokens: -1, eventId: 'spent-2' } });
    expect(bad).toMatchObject({ status: 200, body: { token_recorded: false } });
    expect(bad.body.token_error).toContain('inputTokens');
    const stats = await application.read('/api/tokens?action=stats', bad.headers);
    expect(stats.body.agents.spender).toMatchObject({ requestCount: 1, inputTokens: 5, outputTokens: 7 });
  });

  it.each([
    ['an unknown agent', '/api/agents/nobody/heartbeat', {}, 404, 'Agent not found'],
    ['an id that never was', '/api/agents/999999/heartbeat', {}, 404, 'Agent not found'],
    ['a list', '/api/agents/beater/heartbeat', [], 400, 'Validation failed'],
    ['null', '/api/agents/beater/heartbeat', 'null', 400, 'Validation failed'],
    ['a number for a connection', '/api/agents/beater/heartbeat', { connection_id: 5 }, 400, 'Validation failed'],
    [
      'too many ids to acknowledge',
      '/api/agents/beater/heartbeat',
      { ack: Array(101).fill(1) },
      400,
      'Validation failed',
    ],
    [
      'an unknown connection',
      '/api/agents/beater/heartbeat',
      { connection_id: '550e8400-e29b-41d4-a716-446655440000' },
      409,
      'Connection is no longer active',
    ],
  ])('of %s is refused and leaves nothing', async (_, path, body, status, error) => {
    const before = await logSize();
    expect(await beat(path, body)).toMatchObject({ status, body: { error } });
    expect(await logSize()).toBe(before);
  });

  it('that is not JSON is refused', async () => {
    expect(await beat('/api/agents/beater/heartbeat', '{"token_usage":')).toMatchObject({
      status: 400,
      body: { error: 'Invalid request body' },
    });
  });

  it('of another agent’s connection is refused as unknown', async () => {
    const one = await connected('one');
    const two = await connected('two');
    expect(await beat(one.heartbeat_url, { connection_id: two.connection_id })).toMatchObject({
      status: 409,
      body: { connection_status: 'unknown' },
    });
  });

  it('wakes an agent without a connection as idle', async () => {
    await application.call('POST', '/api/agents', { body: { name: 'sleeper', role: 'dev' } });
    const { body, headers } = await beat('/api/agents/sleeper/heartbeat');
    expect(body.connection_status).toBe('none');
    expect((await application.read('/api/agents/sleeper', headers)).body.agent.status).toBe('idle');
  });
});

describe('looking at the work', () => {
  it('changes nothing, and a viewer may do it', async () => {
    await connected('watched');
    await eventually('the beats of others are stored', async () => (await logSize()) > 0);
    const before = await logSize();
    const { status, body } = await application.call('GET', '/api/agents/watched/heartbeat', { key: testKeys.viewer });
    expect(status).toBe(200);
    expect(body).not.toHaveProperty('token_recorded');
    expect(await logSize()).toBe(before);
  });
});
