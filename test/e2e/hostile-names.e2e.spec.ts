import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';
import { openStream } from '../support/sse-client.js';

const NAMES = Number(process.env['MC_HOSTILE_NAMES'] ?? 40);
let application: Application;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

const connect = (agentName: string) =>
  application.call('POST', '/api/connect', { body: { tool_name: 't', agent_name: agentName } });

/** Without the clean-up of `fetch`, which takes `%2e%2e` for a step up. */
function raw(method: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(application.urls[0] ?? '');
    const call = request({ hostname, port, method, path, headers: { 'x-api-key': testKeys.admin } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
    call.end();
  });
}

/** Everything that takes a name, for a name that was accepted. Each must lead to this very agent and to no other one. */
async function expectRoundTrip(name: string, agentId: number): Promise<void> {
  const path = encodeURIComponent(name).replaceAll('.', '%2E');
  const beat = await raw('POST', `/api/agents/${path}/heartbeat`);
  expect([name, beat]).toEqual([name, 200]);
  const last = (await application.log()).at(-1);
  expect(last).toMatchObject({ type: 'HeartbeatReceived', data: { agentId } });
  expect(await raw('GET', `/api/agents/${path}`)).toBe(200);

  const sessionId = `${name}:chat:part`;
  const usage = { model: 'm', sessionId, inputTokens: 3, outputTokens: 0 };
  const reported = await application.call('POST', '/api/tokens', { body: usage });
  expect(reported).toMatchObject({ status: 200, body: { record: { agentName: name, sessionId } } });
  const stats = await application.read('/api/tokens?action=stats', reported.headers);
  expect(Object.entries(stats.body.agents)).toContainEqual([name, expect.objectContaining({ inputTokens: 3 })]);
  const [report] = (await application.log()).filter(({ type, data }) => {
    return type === 'TokenUsageReported' && 'sessionId' in data && data.sessionId === sessionId;
  });
  expect(report?.data).toMatchObject({ agentId });

  const query = encodeURIComponent(name);
  const connections = await application.read(`/api/connect?agent=${query}`);
  expect(connections.body.connections).toMatchObject([{ agent_id: agentId, agent_name: name }]);
  const audited = await application.read(`/api/audit/events?agent=${query}&type=ConnectionOpened`);
  expect(audited.body.events).toMatchObject([{ stream: `agent-${agentId}`, data: { agentId, agentName: name } }]);
  if (!name.includes(',')) expect(await framesOf(query)).toEqual([agentId]);
}

/** The agents that the frames of a stream with this filter are about. */
async function framesOf(agent: string): Promise<readonly number[]> {
  const stream = await openStream(
    `${application.urls[0]}/api/events?from=earliest&types=connection.created&agent=${agent}`,
    {
      headers: { 'x-api-key': testKeys.admin },
    },
  );
  const facts = await stream.received(1);
  stream.cut();
  return facts.map(({ data }) => (JSON.parse(data) as { data: { agent_id: number } }).data.agent_id);
}

describe('an agent name', () => {
  it.each([
    '-dash',
    '$dollar',
    '$all',
    'a/b',
    '%2F',
    '%',
    '%zz',
    '..',
    '.',
    '../agents',
    '__proto__',
    'constructor',
    'toString',
    'null',
    'a?b#c',
    'a&b=c',
    'a,b',
    'a b',
    ';',
    '\\',
    '"',
    'heartbeat',
    'agent-1',
    'caf\u00e9',
    'e'.repeat(100),
    '😀'.repeat(100),
    '🇩🇪',
    '名前',
  ])('%j leads to its own agent wherever it stands', async (name) => {
    const { status, body } = await connect(name);
    expect(status).toBe(200);
    await expectRoundTrip(name, body.agent_id);
  });

  it.each([
    'a:b',
    ':',
    '42',
    '\u0664\u0662',
    'register',
    '',
    '   ',
    'x'.repeat(101),
    '😀'.repeat(101),
    'a\nb',
    'a\u0000b',
    'a\u202eb',
    'a\u200bb',
    'a\u00adb',
    '\u3164',
    '\ud800',
  ])('%j is refused everywhere, and nothing is recorded', async (name) => {
    const before = (await application.log()).length;
    for (const [method, path, body] of [
      ['POST', '/api/connect', { tool_name: 't', agent_name: name }],
      ['POST', '/api/agents', { name, role: 'r' }],
      ['POST', '/api/agents/register', { name }],
      ['PUT', '/api/agents/1', { name }],
    ] as const) {
      expect(await application.call(method, path, { body })).toMatchObject({ status: 400 });
    }
    expect((await application.log()).length).toBe(before);
  });

  it('in another normal form is the same agent', async () => {
    const composed = await connect('Zo\u00eb');
    const decomposed = await connect('Zoe\u0308');
    expect(decomposed.body).toMatchObject({ agent_id: composed.body.agent_id, agent_name: 'Zo\u00eb', epoch: 2 });
    for (const name of ['Zo\u00eb', 'Zoe\u0308']) {
      const path = `/api/agents/${encodeURIComponent(name)}`;
      expect((await application.read(path, decomposed.headers)).body.agent.id).toBe(composed.body.agent_id);
    }
  });

  it.each([
    ['Straße', 'STRASSE'],
    ['ﬁsh', 'fish'],
    ['Ｗｉｄｅ', 'wide'],
    ['Ångström', 'ÅNGSTRÖM'],
  ])('%j keeps its look-alike %j away, on connect, create and rename', async (taken, alike) => {
    await connect(taken);
    const other = await connect(`other than ${taken}`);
    const refused = { status: 409, body: { error: 'Agent name already exists' } };
    expect(await connect(alike)).toMatchObject(refused);
    expect(await application.call('POST', '/api/agents', { body: { name: alike, role: 'r' } })).toMatchObject(refused);
    const rename = await application.call('PUT', `/api/agents/${other.body.agent_id}`, { body: { name: alike } });
    expect(rename).toMatchObject(refused);
  });

  it('may change its case, and back', async () => {
    const { body } = await connect('casing');
    for (const name of ['CASING', 'Casing', 'casing']) {
      const renamed = await application.call('PUT', `/api/agents/${body.agent_id}`, { body: { name } });
      expect(renamed).toMatchObject({ status: 200, body: { agent: { name } } });
      expect((await connect(name)).body.agent_id).toBe(body.agent_id);
    }
  });

  it('goes to and fro: the name that was left is free, the agent keeps its history', async () => {
    const { body } = await connect('here');
    const rename = (name: string) => application.call('PUT', `/api/agents/${body.agent_id}`, { body: { name } });
    expect(await rename('there')).toMatchObject({ status: 200 });
    expect(await application.call('GET', '/api/agents/here')).toMatchObject({ status: 404 });
    expect(await rename('here')).toMatchObject({ status: 200 });
    expect(await rename('there')).toMatchObject({ status: 200 });
    const next = await connect('here');
    expect(next.body).toMatchObject({ epoch: 1 });
    expect(next.body.agent_id).not.toBe(body.agent_id);
    expect(await rename('here')).toMatchObject({ status: 409 });
    expect((await connect('there')).body).toMatchObject({ agent_id: body.agent_id, epoch: 2 });
  });

  it('of any kind is a clear 400, a look-alike’s 409, or leads to its own agent', async () => {
    const character = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...'aB9 .:/%$-_,?#&;\\\'"\u0000\u202e\u200d\u0301é😀ﬁ'.split('')) },
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    const names = fc.string({ unit: character, minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(names, async (given) => {
        const agentName = `${given}\u00b7${Math.random().toString(36).slice(2)}`;
        const { status, body } = await connect(agentName);
        if (status !== 200) {
          expect([400, 409]).toContain(status);
          expect(body.error).toEqual(expect.any(String));
          return;
        }
        expect(body.agent_name).toBe(agentName.normalize('NFC').trim());
        await expectRoundTrip(body.agent_name, body.agent_id);
      }),
      { numRuns: NAMES },
    );
  });
});
