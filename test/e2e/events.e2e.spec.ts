import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { keyHeader, testKeys } from '../support/http-app.js';
import { openStream, type SseStream } from '../support/sse-client.js';

let application: Application;
const POSITION = /^1-[0-9a-f]{32}-[0-9a-f]{8}$/;
const open: SseStream[] = [];

beforeAll(async () => {
  application = await startApplication({ replicas: 2 });
});

afterAll(async () => {
  for (const stream of open) stream.cut();
  await application.close();
});

const call = (method: string, path: string, body?: unknown) =>
  application.call(method, path, body === undefined ? {} : { body });
const connect = (agentName: string) => call('POST', '/api/connect', { tool_name: 't', agent_name: agentName });

async function listen(query: string, options: { replica?: number; lastEventId?: string } = {}): Promise<SseStream> {
  const stream = await openStream(`${application.urls[options.replica ?? 0]}/api/events${query}`, {
    headers: keyHeader(testKeys.viewer),
    ...(options.lastEventId === undefined ? {} : { lastEventId: options.lastEventId }),
  });
  open.push(stream);
  return stream;
}

interface Shown {
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly timestamp: number;
}

const framesOf = (stream: SseStream): readonly Shown[] => stream.facts.map(({ data }) => JSON.parse(data) as Shown);

describe('what happens to an agent', () => {
  it('is told in the order of the contract, one frame a fact, with the fields of the contract', async () => {
    const stream = await listen('?agent=told');
    const first = (await connect('told')).body;
    const id = first.agent_id;
    const second = (await connect('told')).body;
    await call('POST', second.heartbeat_url, { status: 'busy', last_activity: 'testing' });
    await call('POST', second.heartbeat_url, {
      token_usage: { model: 'm', inputTokens: 3, outputTokens: 4, eventId: 'frame-1' },
    });
    await call('DELETE', '/api/connect', { connection_id: second.connection_id });
    await call('PUT', `/api/agents/${id}`, { role: 'other' });
    const third = (await connect('told')).body;
    await call('DELETE', '/api/agents/told');
    await stream.received(13);

    const about = { agent_id: id, agent_name: 'told', workspace_id: 1 };
    const connectionFrame = (connection: { connection_id: string; epoch: number }) => ({
      type: 'connection.created',
      data: {
        ...about,
        connection_id: connection.connection_id,
        tool_name: 't',
        tool_version: null,
        epoch: connection.epoch,
      },
    });
    const ended = (connectionId: string, reason: string, more = {}) => ({
      type: 'connection.disconnected',
      data: { ...about, connection_id: connectionId, reason, ...more },
    });
    const status = (now: string, before: string, reason: string) => ({
      type: 'agent.status_changed',
      data: { id, name: 'told', status: now, previous_status: before, reason, workspace_id: 1 },
    });
    expect(framesOf(stream)).toMatchObject([
      { type: 'agent.created', data: { id, name: 'told', role: 'cli', status: 'online', workspace_id: 1 } },
      connectionFrame(first),
      ended(first.connection_id, 'superseded', { replaced_by: second.connection_id }),
      connectionFrame(second),
      status('busy', 'online', 'heartbeat'),
      {
        type: 'token.reported',
        data: {
          id: expect.any(String),
          eventId: 'frame-1',
          agentName: 'told',
          sessionId: 'told:cli',
          model: 'm',
          inputTokens: 3,
          outputTokens: 4,
          cacheReadTokens: 0,
          cacheWriteTokens: 0,
          totalTokens: 7,
          taskId: null,
          operation: 'heartbeat',
          occurredAt: expect.anything(),
          workspace_id: 1,
        },
      },
      ended(second.connection_id, 'client'),
      status('offline', 'busy', 'disconnect'),
      { type: 'agent.updated', data: { id, name: 'told', changes: ['role'], workspace_id: 1 } },
      status('online', 'offline', 'connect'),
      connectionFrame(third),
      ended(third.connection_id, 'agent_deleted'),
      { type: 'agent.deleted', data: { id, name: 'told', workspace_id: 1 } },
    ]);
    for (const frame of framesOf(stream)) {
      expect(Object.keys(frame)).toEqual(['type', 'data', 'timestamp']);
      expect(JSON.stringify(frame)).not.toMatch(/[cC]ost/);
    }
    expect(stream.parser.violations).toEqual([]);
    expect(stream.facts.map(({ lastEventId }) => lastEventId)).toEqual(
      stream.facts.map(({ lastEventId }) => lastEventId).toSorted(),
    );
  });

  it('is the same on every replica, and after a cut at any frame', async () => {
    const whole = await listen('?from=earliest');
    await whole.received(13);
    const ids = whole.facts.map(({ lastEventId }) => lastEventId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const cut of [0, 1, 6, ids.length - 2]) {
      const rest = await listen('', { replica: cut % 2, lastEventId: ids[cut] ?? '' });
      const facts = await rest.received(ids.length - cut - 1);
      expect(facts.map(({ data, lastEventId }) => [lastEventId, data])).toEqual(
        whole.facts.slice(cut + 1).map(({ data, lastEventId }) => [lastEventId, data]),
      );
      expect(rest.events[0]).toMatchObject({ lastEventId: ids[cut] });
    }
  });

  it('is what the answers’ positions say: listening after one shows what came after it', async () => {
    const { headers } = await connect('positioned');
    const position = headers.get('x-mc-position') ?? '';
    const stream = await listen(`?from=${position}&agent=positioned`, { replica: 1 });
    await call('PUT', '/api/agents', { name: 'positioned', status: 'busy' });
    const [fact] = await stream.received(1);
    expect(JSON.parse(fact?.data ?? '{}')).toMatchObject({ type: 'agent.status_changed', data: { reason: 'set' } });
  });
});

describe('a stream', () => {
  it('begins with where it begins, and says how to come back', async () => {
    const stream = await listen('');
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    await stream.received(0);
    expect(stream.events).toMatchObject([{ type: 'message', lastEventId: expect.stringMatching(POSITION) }]);
    expect(JSON.parse(stream.events[0]?.data ?? '')).toEqual({
      type: 'connected',
      data: null,
      timestamp: expect.any(Number),
    });
    expect(stream.parser.retryMs).toBeGreaterThanOrEqual(2_000);
    expect(stream.parser.retryMs).toBeLessThanOrEqual(4_000);
  });

  it.each([
    ['nonsense', 'malformed'],
    ['1-00000000000000010000000000000001-00000000', 'foreign'],
  ])('that resumes at %s says so and tells the whole history', async (lastEventId, reason) => {
    const stream = await listen('?types=agent.created', { lastEventId });
    await stream.received(1);
    const [connected, reset] = stream.events.map(({ data }) => JSON.parse(data) as Shown);
    expect(connected).toMatchObject({ type: 'connected' });
    expect(reset).toMatchObject({ type: 'reset', data: { reason } });
  });

  it.each([
    ['?from=nonsense', 400],
    ['?types=..', 400],
    ['?types=', 400],
    ['?agent=', 400],
    ['?task=x', 400],
    ['?named=maybe', 400],
    ['?onReset=never', 400],
    ['?ticket=nonsense', 200],
  ])('at %s is %i', async (query, status) => {
    expect((await listen(query)).status).toBe(status);
  });

  it('may be opened once with a ticket, with the filters of the ticket', async () => {
    const { body } = await call('POST', '/api/events/ticket', { types: ['agent'], agent: 'told', from: 'earliest' });
    expect(body).toEqual({
      ticket: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      expires_at: expect.any(Number),
      url: `/api/events?ticket=${body.ticket}`,
    });
    const stream = await openStream(`${application.urls[1]}${body.url}`);
    open.push(stream);
    expect(stream.status).toBe(200);
    await stream.received(6);
    expect(framesOf(stream).every(({ type }) => type.startsWith('agent.'))).toBe(true);
    const again = await openStream(`${application.urls[0]}${body.url}`);
    open.push(again);
    expect(again.status).toBe(401);
  });

  it('is no HEAD, no POST', async () => {
    expect((await call('HEAD', '/api/events')).status).toBe(405);
    expect((await call('POST', '/api/events')).status).toBe(405);
  });
});
