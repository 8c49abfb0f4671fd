import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Client } from 'pg';
import { startNode, type EventStoreNode } from '../../embedded/event-store/index.js';
import { eventually } from '../../test/support/eventually.js';
import { keyHeader, startHttpApp, testKeys } from '../../test/support/http-app.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { sample, type SampleEvent } from '../../test/support/sample-events.js';
import { openStream } from '../../test/support/sse-client.js';
import { allEventContracts } from '../all.events.js';
import { AuditModule } from '../audit/audit.module.js';
import type { AuditRecord } from '../audit/audit-record.js';
import { accessRules } from '../platform/auth/access-table.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { EventStoreModule } from '../platform/event-store/event-store.module.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { positionText } from '../platform/event-store/position-text.js';
import { Ids, RandomIds } from '../platform/ids/ids.js';
import { LogTailModule } from '../platform/log-tail/log-tail.module.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { LiveHub } from './live-hub.js';
import { LiveModule } from './live.module.js';

class StoreModule {}
Module({ imports: [EventStoreModule.forContracts(allEventContracts)] })(StoreModule);

interface Replica {
  readonly app: NestFastifyApplication;
  readonly url: string;
}

let dir: string;
let node: EventStoreNode;
let database: TestDatabase;
let replicas: readonly [Replica, Replica];

const viewer = keyHeader(testKeys.viewer);
const admin = keyHeader(testKeys.admin);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mc-edge-'));
  [node, database] = await Promise.all([startNode({ dir }), testDatabase()]);
  replicas = [await replica(), await replica()];
}, 120_000);

afterAll(async () => {
  for (const { app } of replicas) await app.close();
  await node.close();
  await database.drop();
  await rm(dir, { recursive: true });
}, 120_000);

async function replica(): Promise<Replica> {
  const app = await startHttpApp({
    rules: accessRules.filter(({ path }) => /^\/(api\/(events|audit\/events)|metrics)/.test(path)),
    imports: [StoreModule, LogTailModule, LiveModule, AuditModule],
    providers: [{ provide: Ids, useClass: RandomIds }],
    config: { eventStoreUrl: node.url, databaseUrl: database.url, streamsPerKey: 100 },
  });
  await app.listen(0, '127.0.0.1');
  await eventually('the log is known', () => app.get(LogGeneration).isKnown && app.get(LogTail).isLive(10_000), 60_000);
  return { app, url: await app.getUrl() };
}

async function appended(events: readonly SampleEvent[]): Promise<readonly string[]> {
  const { app } = replicas[0];
  const ids: string[] = [];
  for (const { stream, event } of events) {
    const { position } = await app.get(EventStore).append(stream, [event], 'any');
    ids.push(positionText(position, app.get(LogGeneration).current));
  }
  return ids;
}

async function ticketFor(body: object | undefined, headers = viewer) {
  const answer = await fetch(`${replicas[0].url}/api/events/ticket`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as { ticket: string; expires_at: number; url: string } };
}

describe('GET /api/events behind the edge', () => {
  it('needs a credential, passes the headers of the edge on, and streams', async () => {
    const [{ url }] = replicas;
    expect((await fetch(`${url}/api/events`)).status).toBe(401);
    expect((await fetch(`${url}/api/events`, { method: 'HEAD', headers: viewer })).status).toBe(405);
    expect((await fetch(`${url}/api/events?from=x`, { headers: viewer })).status).toBe(400);
    const stream = await openStream(`${url}/api/events`, { headers: viewer });
    await eventually('connected', () => stream.events.length === 1);
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.any(String),
    });
    const ids = await appended([sample.agentRegistered(1), sample.connectionOpened(1)]);
    await stream.received(2);
    expect(stream.facts.map(({ lastEventId }) => lastEventId)).toEqual(ids);
    const other = await openStream(`${replicas[1].url}/api/events`, { headers: viewer, lastEventId: ids[0] ?? '' });
    await other.received(1);
    expect(other.facts.map(({ lastEventId }) => lastEventId)).toEqual(ids.slice(1));
    stream.cut();
    other.cut();
    await eventually('nobody is left', () => replicas.every(({ app }) => app.get(LiveHub).clientCount === 0));
  });

  it('shows its figures in /metrics', async () => {
    const text = await (await fetch(`${replicas[0].url}/metrics`, { headers: viewer })).text();
    expect(text).toContain('sse_events_written_total');
  });
});

describe('a ticket', () => {
  it('opens one stream, on any replica, with the filters that it was asked for with', async () => {
    const { status, body } = await ticketFor({ types: ['token'], named: true });
    expect(status).toBe(200);
    expect(body.ticket).toMatch(/^[\w-]{22}$/);
    expect(body.url).toBe(`/api/events?ticket=${body.ticket}`);
    expect(body.expires_at).toBeGreaterThan(Date.now() / 1000);
    const stream = await openStream(`${replicas[1].url}${body.url}`);
    expect(stream.status).toBe(200);
    await eventually('connected', () => stream.events.length === 1);
    const [, reported] = await appended([sample.agentRegistered(2), sample.tokensReported(2)]);
    await stream.received(1);
    expect(stream.facts).toMatchObject([{ type: 'token.reported', lastEventId: reported }]);
    const again = await openStream(`${replicas[0].url}${body.url}`);
    expect(again.status).toBe(401);
    stream.cut();
  });

  it('lets exactly one of fifty in that come at once over two replicas', async () => {
    const { body } = await ticketFor(undefined);
    const streams = await Promise.all(
      Array.from({ length: 50 }, (_, i) => openStream(`${replicas[i % 2 === 0 ? 0 : 1].url}${body.url}`)),
    );
    expect(streams.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(streams.filter(({ status }) => status === 401)).toHaveLength(49);
    for (const stream of streams) stream.cut();
  });

  it('is spent and refused with other filters, and accepts the same ones and a cursor', async () => {
    const [id] = await appended([sample.tokensReported(3)]);
    const other = await ticketFor({ types: 'token' });
    expect((await openStream(`${replicas[0].url}${other.body.url}&types=agent`)).status).toBe(401);
    expect((await openStream(`${replicas[0].url}${other.body.url}&types=token`)).status).toBe(401);
    const same = await ticketFor({ types: 'token' });
    const stream = await openStream(`${replicas[0].url}${same.body.url}&types=token&lastEventId=${id ?? ''}`);
    await eventually('connected', () => stream.events.length === 1);
    expect(stream.events[0]?.lastEventId).toBe(id);
    stream.cut();
  });

  it('is refused when it is late', async () => {
    const { body } = await ticketFor(undefined);
    const client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query(`update event_ticket set expires_at = clock_timestamp() - interval '1 ms'`);
    const { rows } = await client.query<{ text: string }>(`select event_ticket::text as text from event_ticket`);
    await client.end();
    expect(rows.some(({ text }) => text.includes(body.ticket))).toBe(false);
    expect((await openStream(`${replicas[0].url}${body.url}`)).status).toBe(401);
  });

  it('is not issued for malformed filters', async () => {
    for (const body of [{ types: 'Agent' }, { from: 'x' }, { task: 'x' }, { named: 'maybe' }, { from: '' }]) {
      expect((await ticketFor(body)).status).toBe(400);
    }
  });

  it.each([
    ['nothing', ''],
    ['a letter', 'x'],
    ['the right shape', 'a'.repeat(22)],
    ['NUL', '%00'],
    ['a path', '../..'],
    ['five kilobytes', 'a'.repeat(5_000)],
  ])('that is %s opens nothing', async (_, ticket) => {
    expect((await fetch(`${replicas[0].url}/api/events?ticket=${ticket}`)).status).toBe(401);
  });
});

describe('GET /api/audit/events', () => {
  interface Page {
    readonly events: readonly AuditRecord[];
    readonly next: string | null;
    readonly head: string;
  }

  async function page(query: string, headers = admin): Promise<{ status: number; body: Page }> {
    const answer = await fetch(`${replicas[0].url}/api/audit/events?${query}`, { headers });
    return { status: answer.status, body: (await answer.json()) as Page };
  }

  it('pages through the whole history of the workspace, in both orders, and shows what was just written', async () => {
    const ids = await appended([
      sample.agentRegistered(10, 'audited'),
      sample.heartbeat(10),
      sample.agentRegistered(11, 'theirs', { workspaceId: 2 }),
      sample.statusChanged(10, 'busy', { name: 'audited' }),
      sample.tokensReported(10, 'audited'),
    ]);
    const whole = await page('limit=10000');
    const positions = whole.body.events.map(({ position }) => position);
    expect(positions).toEqual([...positions].sort());
    expect(positions.slice(-3)).toEqual([ids[0], ids[3], ids[4]]);
    expect(whole.body.next).toBeNull();
    expect(whole.body.events.every(({ workspaceId }) => workspaceId === 1)).toBe(true);
    expect(whole.body.events.at(-2)).toMatchObject({
      stream: 'agent-10',
      revision: 1,
      type: 'AgentStatusChanged',
      schemaVersion: 1,
      actor: { kind: 'key', id: 'k1', name: 'ops' },
      data: { agentId: 10, status: 'busy' },
    });
    for (const order of ['asc', 'desc']) {
      const found: string[] = [];
      let from: string | null = '';
      for (let guard = 0; from !== null && guard < 100; guard++) {
        const part = await page(`limit=2&order=${order}${from === '' ? '' : `&from=${from}`}`);
        found.push(...part.body.events.map(({ position }) => position));
        from = part.body.next;
      }
      expect(found).toEqual(order === 'asc' ? positions : positions.toReversed());
    }
  });

  it('narrows by type, actor, agent, stream, correlation and time', async () => {
    const correlationId = '0e5a1c2b-91c9-4c1f-8f3c-2f4e7f0a1b2c';
    const late = { recordedAt: '2030-05-05T05:05:05.000Z' };
    const [a, b, beat] = await appended([
      sample.agentRegistered(20, 'narrow', { correlationId, actor: { kind: 'agent', id: '20', name: 'narrow' } }),
      sample.statusChanged(20, 'idle', { name: 'narrow', metadata: late }),
      sample.heartbeat(20, { correlationId }),
    ]);
    const positions = async (query: string) => (await page(query)).body.events.map(({ position }) => position);
    expect(await positions(`correlation=${correlationId}`)).toEqual([a]);
    expect(await positions('actor=agent:20')).toEqual([a]);
    expect(await positions('agent=narrow')).toEqual([a, b]);
    expect(await positions('agent=20&type=AgentStatusChanged,AgentRetired')).toEqual([b]);
    expect(await positions('since=2030-05-05T00:00:00Z')).toEqual([b]);
    expect(await positions(`since=1900000000&until=${Date.parse('2030-05-06') / 1000}`)).toEqual([b]);
    expect(await positions('stream=agent-20')).toEqual([a, b]);
    expect(await positions(`stream=agent-20&from=${a ?? ''}`)).toEqual([b]);
    expect(await positions(`stream=agent-20&order=desc&from=${b ?? ''}`)).toEqual([a]);
    expect(await positions('stream=agent-20&order=desc')).toEqual([b, a]);
    expect((await positions('stream=heartbeat-0')).at(-1)).toBe(beat);
    expect(await positions('stream=log-generation')).toEqual([]);
    expect(await positions('stream=never-was')).toEqual([]);
    expect(await positions('task=1')).toEqual([]);
  });

  it('streams NDJSON whose last line says that it is the last', async () => {
    const whole = await page('limit=10000');
    for (const [query, headers] of [
      ['format=ndjson', admin],
      ['', { ...admin, accept: 'application/x-ndjson' }],
    ] as const) {
      const answer = await fetch(`${replicas[0].url}/api/audit/events?${query}`, { headers });
      expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
      const lines = (await answer.text()).trimEnd().split('\n');
      const last = JSON.parse(lines.pop() ?? '') as { end: boolean; count: number; next: string };
      expect(lines.map((line) => JSON.parse(line) as AuditRecord)).toEqual(whole.body.events);
      expect(last).toMatchObject({ end: true, count: lines.length });
      expect(last.next >= (whole.body.events.at(-1)?.position ?? '')).toBe(true);
    }
  });

  it('is for admins, and refuses what it does not understand', async () => {
    expect((await page('', viewer)).status).toBe(403);
    for (const query of [
      'limit=0',
      'limit=x',
      'order=up',
      'from=x',
      'since=yesterday',
      'type=a-b',
      'task=-1',
      'format=csv',
      'stream=',
    ]) {
      expect({ query, status: (await page(query)).status }).toEqual({ query, status: 400 });
    }
  });
});

describe('a stop', () => {
  it('ends the open streams cleanly and closes in time', async () => {
    const third = await replica();
    const stream = await openStream(`${third.url}/api/events`, { headers: viewer });
    await eventually('connected', () => stream.events.length === 1);
    await third.app.close();
    await stream.closed();
    expect(stream.endedCleanly).toBe(true);
    expect(stream.parser.retryMs).toBeGreaterThanOrEqual(2_000);
  });
});
