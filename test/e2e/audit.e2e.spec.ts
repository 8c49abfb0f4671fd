import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;
const POSITION = /^1-[0-9a-f]{32}-[0-9a-f]{8}$/;
const PATH = '/api/audit/events';

interface Fact {
  readonly position: string;
  readonly stream: string;
  readonly type: string;
  readonly correlationId: string;
}

beforeAll(async () => {
  application = await startApplication();
  for (const name of ['ada', 'bob']) {
    await application.call('POST', '/api/connect', { body: { tool_name: 't', agent_name: name } });
    await application.call('POST', `/api/agents/${name}/heartbeat`, { body: { status: 'busy' } });
  }
  const usage = { model: 'm', sessionId: 'ada:x', inputTokens: 1, outputTokens: 1, eventId: 'audited' };
  await application.call('POST', '/api/tokens', {
    body: usage,
    headers: { 'x-request-id': '6ba7b810-9dad-41d1-80b4-00c04fd430c8' },
  });
});

afterAll(async () => {
  await application.close();
});

const get = (query: string, headers: Record<string, string> = {}) =>
  application.call('GET', `${PATH}${query}`, { headers });
const ndjson = async (query: string, headers: Record<string, string> = {}) => {
  const answer = await get(query, headers);
  expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
  const lines = (typeof answer.body === 'string' ? answer.body : '').split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
};

describe('the history', () => {
  it('holds every fact of the log as the log has it', async () => {
    const { body, headers } = await get('');
    const log = (await application.log()).filter(({ metadata }) => metadata.workspaceId === 1);
    expect(body).toEqual({ events: expect.any(Array), next: null, head: expect.stringMatching(POSITION) });
    expect(headers.get('x-mc-position')).toBe(body.head);
    expect(headers.get('x-mc-lag-events')).toBe('0');
    const raw = log.filter(({ stream }) => !stream.startsWith('heartbeat-'));
    expect(body.events.filter(({ stream }: Fact) => !stream.startsWith('heartbeat-'))).toEqual(
      raw.map(({ id, stream, revision, type, data, metadata }) => ({
        position: expect.stringMatching(POSITION),
        eventId: id,
        stream,
        revision: Number(revision),
        type,
        schemaVersion: metadata.schemaVersion,
        occurredAt: metadata.occurredAt,
        recordedAt: metadata.recordedAt,
        actor: metadata.actor,
        workspaceId: 1,
        correlationId: metadata.correlationId,
        causationId: metadata.causationId,
        data,
      })),
    );
  });

  it('is paged by position in both orders, without a gap or a repeat', async () => {
    const whole = (await get('')).body.events as readonly Fact[];
    for (const order of ['asc', 'desc']) {
      const seen: Fact[] = [];
      for (let from = ''; ;) {
        const { body } = await get(`?limit=3&order=${order}${from}`);
        seen.push(...body.events);
        if (body.next === null) break;
        expect(body.events.length).toBeLessThanOrEqual(3);
        from = `&from=${body.next}`;
      }
      expect(order === 'asc' ? seen : seen.toReversed()).toEqual(whole);
    }
  });

  it('is narrowed by everything at once', async () => {
    const types = async (query: string) => ((await get(query)).body.events as Fact[]).map(({ type }) => type);
    expect(await types('?agent=ada&type=ConnectionOpened,AgentStatusChanged')).toEqual([
      'ConnectionOpened',
      'AgentStatusChanged',
    ]);
    expect(await types('?correlation=6ba7b810-9dad-41d1-80b4-00c04fd430c8')).toEqual(['TokenUsageReported']);
    expect(await types('?stream=agent-1')).toEqual(['AgentRegistered', 'ConnectionOpened', 'AgentStatusChanged']);
    expect(await types('?stream=agent-1&agent=bob')).toEqual([]);
    expect(await types('?actor=nobody')).toEqual([]);
    expect(await types('?until=2020-01-01')).toEqual([]);
    expect(await types('?since=2999-01-01')).toEqual([]);
    expect(await types('?agent=ada%27%20or%201=1')).toEqual([]);
  });

  it('as NDJSON has the same facts, and a last line that says that it is the last', async () => {
    const { body } = await get('');
    for (const lines of [await ndjson('?format=ndjson'), await ndjson('', { accept: 'application/x-ndjson' })]) {
      expect(lines.slice(0, -1)).toEqual(body.events);
      expect(lines.at(-1)).toEqual({ end: true, count: body.events.length, next: expect.stringMatching(POSITION) });
    }
    const some = await ndjson('?format=ndjson&limit=2');
    expect(some.at(-1)).toEqual({ end: true, count: 2, next: some[1]?.['position'] });
    const rest = await ndjson(`?format=ndjson&from=${String(some.at(-1)?.['next'])}`);
    expect([...some.slice(0, 2), ...rest.slice(0, -1)]).toEqual(body.events);
    const after = await ndjson(`?format=ndjson&from=${String(rest.at(-1)?.['next'])}`);
    expect(after).toEqual([{ end: true, count: 0, next: expect.stringMatching(POSITION) }]);
    expect(await ndjson('?format=ndjson&agent=nobody')).toMatchObject([{ end: true, count: 0 }]);
  });

  it('shows at least what the caller has seen', async () => {
    const { headers } = await application.call('POST', '/api/agents', { body: { name: 'late', role: 'r' } });
    const position = headers.get('x-mc-position');
    const { body } = await get(`?atLeast=${position}&type=AgentRegistered&agent=late`);
    expect(body.events).toHaveLength(1);
    const beyond = position?.replace(/^1-0{3}/, '1-0ff');
    expect(await get(`?atLeast=${beyond}`)).toMatchObject({ status: 503 });
    expect((await get(`?atLeast=${beyond}&stale=ok`)).headers.get('x-mc-consistency')).toBe('eventual');
  });

  it.each([
    '?from=nonsense',
    '?from=1-00000000000000010000000000000001-00000000',
    '?type=no%20name',
    '?order=up',
    '?limit=0',
    '?limit=abc',
    '?since=2026-99-99',
    '?task=x',
    '?format=xml',
    '?agent=',
    '?agent=a&agent=b',
    '?atLeast=x',
  ])('refuses %s', async (query) => {
    expect(await get(query)).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  });

  it('is for admins', async () => {
    expect(await application.call('GET', PATH, { key: testKeys.operator })).toMatchObject({ status: 403 });
  });

  it('cannot be changed by anybody', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect((await application.call(method, PATH)).status).toBe(405);
    }
  });
});
