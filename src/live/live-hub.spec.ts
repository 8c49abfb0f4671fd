import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { as, GENERATION, liveReplica, type LiveReplica, type ReplicaOptions } from '../../test/support/live-replica.js';
import { sample, type SampleEvent } from '../../test/support/sample-events.js';
import { ScriptedLog } from '../../test/support/scripted-log.js';
import { openStream, ResumingListener, type SseStream } from '../../test/support/sse-client.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { LogEntry } from '../platform/event-store/event-store.js';
import { frameOf } from './frames/all.frames.js';

const ZERO = `1-${'0'.repeat(32)}-${GENERATION}`;
const replicas: LiveReplica[] = [];

async function replicaOf(log: ScriptedLog, options: ReplicaOptions = {}): Promise<LiveReplica> {
  const replica = await liveReplica(log, options);
  replicas.push(replica);
  await eventually('the tail is live', () => replica.tail.isLive(5_000) || log.isAway);
  return replica;
}

afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.close()));
});

async function appended(log: ScriptedLog, events: readonly SampleEvent[]): Promise<readonly LogEntry[]> {
  const before = log.entries.length;
  for (const { stream, event } of events) await log.append(stream, [event]);
  return log.entries.slice(before);
}

const idOf = (entry: LogEntry) => positionText(entry.position, GENERATION);
const idsOfFacts = (entries: readonly LogEntry[]) =>
  entries.filter((entry) => frameOf(entry) !== undefined).map((entry) => idOf(entry));
const idsOf = (stream: SseStream) => stream.facts.map(({ lastEventId }) => lastEventId);
const many = (count: number, from = 0) => Array.from({ length: count }, (_, i) => sample.statusChanged(from + i + 1));
const typeOf = (data: string) => (JSON.parse(data) as { type: string }).type;

describe('a listener', () => {
  it('gets the headers of an event stream, those of the hooks, and the connected frame at once', async () => {
    const log = new ScriptedLog();
    const [first] = await appended(log, many(1));
    const replica = await replicaOf(log);
    const stream = await openStream(replica.url);
    await eventually('connected', () => stream.events.length === 1);
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
      'x-from-a-hook': 'kept',
    });
    expect(stream.headers['content-encoding']).toBeUndefined();
    const [connected] = stream.events;
    expect(JSON.parse(connected?.data ?? '')).toEqual({
      type: 'connected',
      data: null,
      timestamp: expect.any(Number),
    });
    expect(connected?.lastEventId).toBe(first && idOf(first));
    expect(stream.parser.retryMs).toBeGreaterThanOrEqual(2_000);
    expect(stream.parser.retryMs).toBeLessThanOrEqual(4_000);
    stream.cut();
  });

  it('is sent what happens from now on, in order, once, with the position as id', async () => {
    const log = new ScriptedLog();
    await appended(log, many(3));
    const replica = await replicaOf(log);
    const stream = await openStream(replica.url);
    await eventually('connected', () => stream.events.length === 1);
    const entries = await appended(log, [sample.agentRegistered(7), sample.heartbeat(7), sample.connectionOpened(7)]);
    await stream.received(2);
    expect(idsOf(stream)).toEqual(idsOfFacts(entries));
    expect(stream.facts.map(({ data }) => typeOf(data))).toEqual(['agent.created', 'connection.created']);
    expect(stream.facts.every(({ type }) => type === 'message')).toBe(true);
    stream.cut();
  });

  it('gets names on its events when it asks for them, and the same ids', async () => {
    const log = new ScriptedLog();
    const replica = await replicaOf(log);
    const stream = await openStream(`${replica.url}?named=1`);
    await eventually('connected', () => stream.events.length === 1);
    const entries = await appended(log, many(1));
    await stream.received(1);
    expect(stream.events.map(({ type }) => type)).toEqual(['connected', 'agent.status_changed']);
    expect(idsOf(stream)).toEqual(idsOfFacts(entries));
    stream.cut();
  });

  it('is sent only what its filter, its workspace and its agent key let it see', async () => {
    const log = new ScriptedLog();
    const replica = await replicaOf(log);
    const start = `?lastEventId=${ZERO}`;
    const streams = {
      tokens: await openStream(`${replica.url}${start}&types=token`),
      agent2: await openStream(`${replica.url}${start}&agent=agent-2`),
      agent2ById: await openStream(`${replica.url}${start}&agent=2&types=connection,token.reported`),
      other: await openStream(`${replica.url}${start}`, { headers: as({ workspaceId: 2 }) }),
      agentKey: await openStream(`${replica.url}${start}`, { headers: as({ agentId: 1 }) }),
    };
    const [a1, a2, t1, t2, c2, foreign] = await appended(log, [
      sample.agentRegistered(1),
      sample.agentRegistered(2),
      sample.tokensReported(1),
      sample.tokensReported(2),
      sample.connectionOpened(2),
      sample.agentRegistered(3, 'agent-2', { workspaceId: 2 }),
    ]);
    const ids = (...entries: readonly (LogEntry | undefined)[]) =>
      entries.map((entry) => (entry === undefined ? '' : idOf(entry)));
    await streams.other.received(1);
    await streams.agent2.received(3);
    expect(idsOf(streams.tokens)).toEqual(ids(t1, t2));
    expect(idsOf(streams.agent2)).toEqual(ids(a2, t2, c2));
    expect(idsOf(streams.agent2ById)).toEqual(ids(t2, c2));
    expect(idsOf(streams.other)).toEqual(ids(foreign));
    expect(idsOf(streams.agentKey)).toEqual(ids(a1, t1));
    for (const stream of Object.values(streams)) stream.cut();
  });

  it('gets the whole history for "earliest", from the store and then from the ring, without a seam', async () => {
    const log = new ScriptedLog();
    const entries = await appended(log, many(3_000));
    const replica = await replicaOf(log, {
      tail: { behindHead: 10 },
      hub: { ring: { entries: 16, bytes: 1_000_000 } },
    });
    const stream = await openStream(`${replica.url}?from=earliest`);
    await eventually('connected', () => stream.events.length > 0);
    expect(stream.events[0]?.lastEventId).toBe(ZERO);
    await stream.received(3_000);
    const later = await appended(log, many(50, 3_000));
    await stream.received(3_050);
    expect(idsOf(stream)).toEqual(idsOfFacts([...entries, ...later]));
    expect(replica.hub.catchUpsRunning).toBe(0);
    stream.cut();
    await eventually('nobody is left', () => replica.hub.clientCount === 0);
    expect(log.open).toEqual(['log-tail']);
  });

  it('equals the log although events come at every step of the catch-up', async () => {
    const log = new ScriptedLog();
    await appended(log, many(300));
    const replica = await replicaOf(log, { tail: { behindHead: 5 }, hub: { ring: { entries: 8, bytes: 1_000_000 } } });
    let written = 300;
    log.gates.beforeBatch = async (name) => {
      if (written < 900) await appended(log, many(name === 'catch-up' ? 3 : 1, (written += 3)));
    };
    const streams = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        openStream(`${replica.url}?lastEventId=${i === 0 ? ZERO : idOf(log.entries[i * 20] as LogEntry)}`),
      ),
    );
    await eventually('enough was written', () => written >= 900);
    delete log.gates.beforeBatch;
    await appended(log, many(5, 5_000));
    const all = idsOfFacts(log.entries);
    for (const [i, stream] of streams.entries()) {
      const expected = i === 0 ? all : all.slice(i * 20 + 1);
      await stream.received(expected.length);
      expect(idsOf(stream)).toEqual(expected);
      stream.cut();
    }
  });

  it('waits for a tail that is behind another replica, and repeats and skips nothing', async () => {
    const log = new ScriptedLog();
    await appended(log, many(5));
    const slow = await replicaOf(log);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    log.gates.beforeBatch = (name) => (name === 'log-tail' ? held : Promise.resolve());
    const entries = await appended(log, many(10, 5));
    const stream = await openStream(slow.url, { lastEventId: idOf(entries[4] as LogEntry) });
    await eventually('connected', () => stream.events.length === 1);
    expect(stream.events[0]?.lastEventId).toBe(idOf(entries[4] as LogEntry));
    release();
    await stream.received(5);
    expect(idsOf(stream)).toEqual(entries.slice(5).map((entry) => idOf(entry)));
    stream.cut();
  });
});

describe('where a stream starts', () => {
  const cases: readonly { name: string; query?: string; header?: string; reason: string }[] = [
    { name: 'another generation', header: `1-000000000000000a000000000000000a-00000001`, reason: 'foreign' },
    {
      name: 'a position beyond the head',
      header: `1-00000000ffffffff00000000ffffffff-${GENERATION}`,
      reason: 'future',
    },
    { name: 'a word', header: 'last tuesday', reason: 'malformed' },
    { name: 'ten kilobytes', query: `lastEventId=${'a'.repeat(10_000)}`, reason: 'malformed' },
    { name: 'line breaks', query: 'lastEventId=1%0d%0aid:%202%0a%0a', reason: 'malformed' },
    { name: 'NUL', query: 'lastEventId=%00', reason: 'malformed' },
    {
      name: 'the old position in upper case',
      header: `1-000000000000000A000000000000000A-${GENERATION}`,
      reason: 'malformed',
    },
    { name: 'a parameter given twice', query: 'lastEventId=a&lastEventId=b', reason: 'malformed' },
  ];

  it.each(cases)('resets openly for $name ($reason)', async ({ query, header, reason }) => {
    const log = new ScriptedLog();
    const entries = await appended(log, many(4));
    const replica = await replicaOf(log);
    const stream = await openStream(`${replica.url}?${query ?? ''}`, { lastEventId: header ?? '' });
    await stream.received(4);
    expect(stream.events.slice(0, 2).map(({ data }) => typeOf(data))).toEqual(['connected', 'reset']);
    expect(stream.events[0]?.lastEventId).toBe(ZERO);
    expect(stream.events[1]?.lastEventId).toBe(ZERO);
    expect(JSON.parse(stream.events[1]?.data ?? '')).toEqual({
      type: 'reset',
      data: { reason, earliest: ZERO, head: idOf(entries[3] as LogEntry) },
      timestamp: expect.any(Number),
    });
    expect(idsOf(stream)).toEqual(idsOfFacts(entries));
    expect(stream.parser.violations).toEqual([]);
    stream.cut();
  });

  it('goes on at the head after a reset for who asks for that', async () => {
    const log = new ScriptedLog();
    const entries = await appended(log, many(4));
    const replica = await replicaOf(log);
    const stream = await openStream(`${replica.url}?onReset=head`, { lastEventId: 'nonsense' });
    await eventually('reset', () => stream.events.length === 2);
    expect(stream.events[1]?.lastEventId).toBe(idOf(entries[3] as LogEntry));
    const later = await appended(log, many(1));
    await stream.received(1);
    expect(idsOf(stream)).toEqual(idsOfFacts(later));
    stream.cut();
  });

  it('resets for a position that the store refuses', async () => {
    const log = new ScriptedLog();
    await appended(log, many(50));
    log.refusedPosition = { commit: 15n, prepare: 15n };
    const replica = await replicaOf(log, { tail: { behindHead: 5 } });
    const stream = await openStream(replica.url, { lastEventId: positionText(log.refusedPosition, GENERATION) });
    await stream.received(50);
    expect(stream.events[1]?.data).toContain('"reason":"unknown"');
    stream.cut();
  });

  it('takes the header before the query, the query before from, and an empty one for none', async () => {
    const log = new ScriptedLog();
    const entries = await appended(log, many(6));
    const [, second, , fourth] = entries.map((entry) => idOf(entry));
    const replica = await replicaOf(log);
    const byHeader = await openStream(`${replica.url}?lastEventId=${second ?? ''}&from=earliest`, {
      lastEventId: fourth ?? '',
    });
    const byQuery = await openStream(`${replica.url}?lastEventId=${second ?? ''}&from=earliest`);
    const byFrom = await openStream(`${replica.url}?lastEventId=&from=${second ?? ''}`);
    const none = await openStream(`${replica.url}?lastEventId=`);
    await byHeader.received(2);
    await byQuery.received(4);
    await byFrom.received(4);
    await eventually('connected', () => none.events.length === 1);
    expect(none.events[0]?.lastEventId).toBe(idOf(entries[5] as LogEntry));
    for (const stream of [byHeader, byQuery, byFrom, none]) stream.cut();
  });

  it.each(['from=x', 'from=', 'onReset=tail', 'types=Agent', 'types=', 'task=x', 'agent=', 'named=maybe'])(
    'refuses %s with 400 and holds nothing open',
    async (query) => {
      const replica = await replicaOf(new ScriptedLog());
      const stream = await openStream(`${replica.url}?${query}`);
      expect(stream.status).toBe(400);
      stream.cut();
      expect(replica.hub.clientCount).toBe(0);
    },
  );
});

describe('silent cursors', () => {
  it('move a listener over what its filter hides, so that nothing is considered twice', async () => {
    const log = new ScriptedLog();
    await appended(log, many(20_000));
    const replica = await replicaOf(log, {
      tail: { behindHead: 5 },
      hub: { ring: { entries: 16, bytes: 1_000_000 }, catchUpsAtOnce: 2 },
    });
    const listener = new ResumingListener(() => `${replica.url}?types=token&from=earliest`);
    await listener.connect({ isDone: () => listener.cursor > idOf(log.entries[10_000] as LogEntry) });
    const consideredBefore = await replica.figure('sse_events_considered_total');
    const resumedAt = log.entries.findIndex((entry) => idOf(entry) === listener.cursor);
    expect(resumedAt).toBeGreaterThan(9_999);
    const [match] = await appended(log, [sample.tokensReported(1)]);
    await listener.connect({ isDone: () => listener.ids.length > 0 });
    const considered = (await replica.figure('sse_events_considered_total')) - consideredBefore;
    expect(listener.ids).toEqual([match && idOf(match)]);
    expect(considered).toBeLessThan(20_001 - resumedAt + 2_000);
    expect(listener.surprises).toEqual([]);
  });

  it('come while live as well, without firing anything', async () => {
    const log = new ScriptedLog();
    const replica = await replicaOf(log, { hub: { cursorMs: 20, sweepMs: 10 } });
    const stream = await openStream(`${replica.url}?types=token`);
    await eventually('connected', () => stream.events.length === 1);
    const entries = await appended(log, many(3));
    await eventually('the cursor', () => stream.parser.lastEventId === idOf(entries[2] as LogEntry));
    expect(stream.events).toHaveLength(1);
    stream.cut();
  });

  it('ride on heartbeats when only raw beats have passed', async () => {
    const log = new ScriptedLog();
    log.checkpointEvery = 1;
    const replica = await replicaOf(log, { hub: { heartbeatMs: 30, sweepMs: 10 } });
    const stream = await openStream(replica.url);
    await eventually('connected', () => stream.events.length === 1);
    const [beat] = await appended(log, [sample.heartbeat(1)]);
    await eventually('the cursor', () => stream.parser.lastEventId === (beat && idOf(beat)));
    expect(stream.parser.comments).toContain('heartbeat');
    expect(stream.facts).toEqual([]);
    stream.cut();
  });
});

describe('limits and ends', () => {
  it('refuses a stream too many: 429 by header, a long retry for who may be an EventSource', async () => {
    const replica = await replicaOf(new ScriptedLog(), { slots: { perCredential: 2, perProcess: 3 } });
    const open = await Promise.all([openStream(replica.url), openStream(replica.url)]);
    const refused = await openStream(replica.url);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const ticket = await openStream(replica.url, { headers: as({ via: 'ticket' }) });
    await ticket.closed();
    expect(ticket.status).toBe(200);
    expect(ticket.parser.retryMs).toBeGreaterThanOrEqual(30_000);
    expect(ticket.parser.retryMs).toBeLessThanOrEqual(60_000);
    expect(ticket.events).toEqual([]);
    const other = await openStream(replica.url, { headers: as({ credentialId: 'key-2' }) });
    expect(other.status).toBe(200);
    expect((await openStream(replica.url, { headers: as({ credentialId: 'key-3' }) })).status).toBe(429);
    open[0]?.cut();
    await eventually('the slot is free again', async () => {
      const again = await openStream(replica.url, { headers: as({ credentialId: 'key-3' }) });
      again.cut();
      return again.status === 200;
    });
    for (const stream of [...open, other]) stream.cut();
    await eventually('nobody is left', () => replica.hub.clientCount === 0);
  });

  it('closes the streams of a credential, says so in a comment, and leaves the others alone', async () => {
    const replica = await replicaOf(new ScriptedLog());
    const revoked = await openStream(replica.url, { headers: as({ credentialId: 'gone' }) });
    const other = await openStream(replica.url);
    await eventually('both', () => replica.hub.clientCount === 2);
    replica.hub.closeStreamsOf('gone');
    await revoked.closed();
    expect(revoked.parser.comments).toEqual(['closed']);
    expect(revoked.endedCleanly).toBe(true);
    expect(other.isClosed).toBe(false);
    other.cut();
  });

  it('ends a stream whose credential has expired, or is found revoked when it is checked again', async () => {
    const log = new ScriptedLog();
    const valid = new Set(['stays']);
    const replica = await replicaOf(log, {
      hub: { sweepMs: 10, credentialCheckMs: 20 },
      isStillValid: ({ credentialId }) => Promise.resolve(valid.has(credentialId)),
    });
    const expired = await openStream(replica.url, {
      headers: as({ credentialId: 'stays', expiresAt: '2020-01-01T00:00:00Z' }),
    });
    const revoked = await openStream(replica.url, { headers: as({ credentialId: 'revoked' }) });
    const stays = await openStream(replica.url, { headers: as({ credentialId: 'stays' }) });
    await expired.closed();
    await revoked.closed();
    expect(stays.isClosed).toBe(false);
    stays.cut();
  });

  it('cuts a listener that does not read, keeps serving the others, and lets it resume exactly', async () => {
    const log = new ScriptedLog();
    const replica = await replicaOf(log, {
      hub: { sweepMs: 20, slowMs: 300, ring: { entries: 64, bytes: 10_000_000 } },
    });
    const stalled = await openStream(replica.url, { paused: true });
    const fast = await openStream(replica.url);
    const big = 'x'.repeat(400);
    const total = 15_000;
    for (let i = 0; i < total; i += 500) {
      await appended(
        log,
        Array.from({ length: 500 }, () => sample.agentRegistered(1, big.slice(0, 100))),
      );
      await fast.received(i + 500);
    }
    await eventually('the stalled one is cut', () => replica.hub.clientCount === 1);
    expect(idsOf(fast)).toEqual(idsOfFacts(log.entries));
    stalled.resume();
    await stalled.closed();
    const listener = new ResumingListener(() => replica.url, {}, stalled.parser.lastEventId);
    const before = idsOf(stalled);
    await listener.connect({ isDone: () => before.length + listener.ids.length >= total });
    expect([...before, ...listener.ids]).toEqual(idsOfFacts(log.entries));
    fast.cut();
  });

  it('tells every listener to come back and ends cleanly when it stops; new ones are refused', async () => {
    const log = new ScriptedLog();
    const replica = await replicaOf(log);
    const streams = await Promise.all(Array.from({ length: 5 }, () => openStream(replica.url)));
    await eventually('all', () => replica.hub.clientCount === 5);
    const entries = await appended(log, many(1));
    await Promise.all(streams.map((stream) => stream.received(1)));
    await replica.hub.drain();
    for (const stream of streams) {
      await stream.closed();
      expect(stream.endedCleanly).toBe(true);
      expect(stream.parser.lastEventId).toBe(idOf(entries[0] as LogEntry));
    }
    expect((await openStream(replica.url)).status).toBe(503);
    const browser = await openStream(replica.url, { headers: as({ via: 'cookie' }) });
    await browser.closed();
    expect(browser.status).toBe(200);
    expect(browser.parser.retryMs).toBeGreaterThanOrEqual(30_000);
    expect(replica.hub.clientCount).toBe(0);
  });

  it('answers 503 while the store has never been reached', async () => {
    const log = new ScriptedLog();
    log.isAway = true;
    const replica = await replicaOf(log);
    const stream = await openStream(replica.url);
    expect(stream.status).toBe(503);
    stream.cut();
  });
});

describe('the writer keeps clear of the traps of ready-made event streams', () => {
  it('writes no id of its own invention, whatever fails or is only a notice', async () => {
    const log = new ScriptedLog();
    const entries = await appended(log, many(100));
    const replica = await replicaOf(log, { tail: { behindHead: 5 }, hub: { heartbeatMs: 20, sweepMs: 10 } });
    const stream = await openStream(`${replica.url}?from=earliest`);
    await stream.received(100);
    log.isAway = true;
    const reader = await openStream(replica.url, { lastEventId: ZERO });
    await eventually('heartbeats', () => stream.parser.comments.length > 2);
    const known = new Set([ZERO, ...entries.map((entry) => idOf(entry))]);
    expect(stream.parser.cursors.filter((cursor) => !known.has(cursor))).toEqual([]);
    expect(stream.events.some(({ type }) => type === 'error')).toBe(false);
    expect(reader.parser.cursors.filter((cursor) => !known.has(cursor))).toEqual([]);
    log.comeBack();
    reader.cut();
    stream.cut();
  });
});
