import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startNode, type EventStoreNode } from '../../embedded/event-store/index.js';
import { eventually } from '../../test/support/eventually.js';
import { as, GENERATION, liveReplica, type LiveReplica } from '../../test/support/live-replica.js';
import { sample, type SampleEvent } from '../../test/support/sample-events.js';
import { openStream, ResumingListener } from '../../test/support/sse-client.js';
import { allEventContracts } from '../all.events.js';
import { OutcomeUnknown } from '../platform/event-store/event-store.errors.js';
import { EventRegistry } from '../platform/event-store/event-registry.js';
import { EventStoreGateway } from '../platform/event-store/event-store.gateway.js';
import type { LogEntry } from '../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING } from '../platform/event-store/position.js';
import { positionText } from '../platform/event-store/position-text.js';
import { type Frame } from './frames/frame.js';
import { frameOf } from './frames/all.frames.js';

const AGENTS = 12;
const ZERO = `1-${'0'.repeat(32)}-${GENERATION}`;

let dir: string;
let node: EventStoreNode;
let store: EventStoreGateway;
const replicas: LiveReplica[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mc-live-'));
  node = await startNode({ dir });
  store = new EventStoreGateway({ url: node.url, registry: new EventRegistry(allEventContracts) });
});

afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.close()));
});

afterAll(async () => {
  await store.close();
  await node.close();
  await rm(dir, { recursive: true });
});

async function started(options: Parameters<typeof liveReplica>[1] = {}): Promise<LiveReplica> {
  const replica = await liveReplica(store, options);
  replicas.push(replica);
  await eventually('the tail is live', () => replica.tail.isLive(20_000), 60_000);
  return replica;
}

/** A deterministic pseudo-random source, so that a failing run can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function someEvent(random: () => number): SampleEvent {
  const agent = 1 + Math.floor(random() * AGENTS);
  const metadata = { workspaceId: random() < 0.1 ? 2 : 1 };
  const kind = random();
  if (kind < 0.3) return sample.heartbeat(agent, metadata);
  if (kind < 0.5) return sample.tokensReported(agent, `agent-${agent}`, metadata);
  if (kind < 0.6) return sample.connectionOpened(agent, 1, metadata);
  return sample.statusChanged(agent, 'busy', { metadata });
}

async function append(count: number, random: () => number): Promise<void> {
  const byStream = new Map<string, SampleEvent['event'][]>();
  for (let i = 0; i < count; i++) {
    const { stream, event } = someEvent(random);
    byStream.set(stream, [...(byStream.get(stream) ?? []), event]);
  }
  for (const [stream, events] of byStream) await appendFor(stream, events);
}

/** The store is restarted meanwhile: an unknown outcome is repeated with the same ids. */
async function appendFor(stream: string, events: readonly SampleEvent['event'][]): Promise<void> {
  for (;;) {
    try {
      await store.append(stream, events, 'any');
      return;
    } catch (error) {
      if (!(error instanceof OutcomeUnknown)) throw error;
    }
  }
}

async function wholeLog(): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const entry of store.readAll({ after: BEFORE_EVERYTHING })) entries.push(entry);
  return entries;
}

async function appended(events: readonly SampleEvent[]): Promise<string> {
  let last = '';
  for (const { stream, event } of events) {
    last = positionText((await store.append(stream, [event], 'any')).position, GENERATION);
  }
  return last;
}

interface Viewer {
  readonly query: string;
  readonly headers: Record<string, string>;
  readonly sees: (frame: Frame) => boolean;
}

/** Filters and, written a second time by hand, what each of them must show. */
function someViewer(random: () => number): Viewer {
  const agent = 1 + Math.floor(random() * AGENTS);
  const viewers: readonly Viewer[] = [
    { query: '', headers: {}, sees: () => true },
    { query: 'types=token', headers: {}, sees: ({ type }) => type === 'token.reported' },
    { query: `agent=${agent}`, headers: {}, sees: ({ agentIds }) => agentIds[0] === agent },
    {
      query: `agent=agent-${agent}&types=agent,connection.created&named=1`,
      headers: {},
      sees: ({ type, agentIds }) => agentIds[0] === agent && type !== 'token.reported',
    },
    { query: '', headers: as({ agentId: agent }), sees: ({ agentIds }) => agentIds[0] === agent },
  ];
  return viewers[Math.floor(random() * viewers.length)] ?? { query: '', headers: {}, sees: () => true };
}

describe('a listener that is cut and comes back', () => {
  it('has received exactly the filtered log: random filters, random bytes, three replicas, a store that restarts', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = randomFrom(seed);
    await append(400, random);
    const [a, b, c] = await Promise.all([
      started({
        tail: { behindHead: 50 },
        hub: { ring: { entries: 64, bytes: 1_000_000 }, sweepMs: 20, cursorMs: 50 },
      }),
      started({ tail: { behindHead: 500 }, hub: { sweepMs: 20, heartbeatMs: 40 } }),
      started({ hub: { catchUpsAtOnce: 2, sweepMs: 20 } }),
    ]);
    const urls = [a.url, b.url, c.url];
    const life = { isWriting: true };
    const writing = (async () => {
      for (let burst = 0; burst < 16; burst++) {
        await append(1 + Math.floor(random() * 40), random);
        if (burst === 8) {
          const { port } = node;
          await node.close();
          node = await startNode({ dir, port });
        }
      }
      life.isWriting = false;
    })();
    const listeners = Array.from({ length: 6 }, () => {
      const viewer = someViewer(random);
      const listener = new ResumingListener(
        () => `${urls[Math.floor(random() * 3)] ?? a.url}?${viewer.query}`,
        viewer.headers,
        ZERO,
      );
      return { viewer, listener };
    });
    await Promise.all(
      listeners.map(async ({ listener }) => {
        for (let cut = 0; cut < 15 || life.isWriting; cut++) {
          await listener.connect({
            cutAfterBytes: 1 + Math.floor(random() * 6_000),
            isDone: () => !life.isWriting,
            boundMs: 60_000,
          });
        }
      }),
    );
    await writing;
    const log = await wholeLog();
    for (const { viewer, listener } of listeners) {
      const workspace = log.flatMap((entry) => frameOf(entry) ?? []).filter(({ workspaceId }) => workspaceId === 1);
      const expected = workspace.filter((frame) => viewer.sees(frame));
      const ids = expected.map(({ position }) => positionText(position, GENERATION));
      await listener.connect({ isDone: () => listener.ids.length >= ids.length });
      expect({ seed, query: viewer.query, ids: listener.ids }).toEqual({ seed, query: viewer.query, ids });
      expect(listener.facts.map(({ data }) => data)).toEqual(expected.map(({ json }) => json));
      expect(listener.surprises).toEqual([]);
      expect(listener.resets).toEqual([]);
      expect(listener.violations).toEqual([]);
    }
  }, 120_000);

  it('is served from the store when it is thousands of events behind a ring of sixteen', async () => {
    const random = randomFrom(7);
    for (let i = 0; i < 5; i++) await append(500, random);
    const replica = await started({ tail: { behindHead: 16 }, hub: { ring: { entries: 16, bytes: 100_000 } } });
    const listener = new ResumingListener(() => replica.url, {}, ZERO);
    const log = await wholeLog();
    const expected = log
      .flatMap((entry) => frameOf(entry) ?? [])
      .filter(({ workspaceId }) => workspaceId === 1)
      .map(({ position }) => positionText(position, GENERATION));
    await listener.connect({ isDone: () => listener.ids.length >= expected.length });
    expect(listener.ids).toEqual(expected);
    await eventually('nobody is left', () => replica.hub.clientCount === 0 && replica.hub.catchUpsRunning === 0);
  });

  it('does not consider again what its filter hid', async () => {
    const replica = await started({ tail: { behindHead: 16 }, hub: { ring: { entries: 16, bytes: 100_000 } } });
    const listener = new ResumingListener(() => `${replica.url}?agent=nobody`, {}, ZERO);
    const end = await appended([sample.statusChanged(1)]);
    await listener.connect({ isDone: () => listener.cursor !== ZERO });
    await listener.connect({ isDone: () => listener.cursor >= end || listener.connections > 50 });
    const before = await replica.figure('sse_events_considered_total');
    const match = await appended([sample.agentRegistered(99, 'nobody')]);
    await listener.connect({ isDone: () => listener.ids.length > 0 });
    expect(listener.ids).toEqual([match]);
    expect((await replica.figure('sse_events_considered_total')) - before).toBeLessThan(2_000);
  });

  it('never sees what another workspace or agent wrote, whatever cursor it brings', async () => {
    const foreign = await appended([sample.agentRegistered(5, 'theirs', { workspaceId: 2 })]);
    const own = await appended([sample.agentRegistered(6, 'ours')]);
    const replica = await started();
    const stream = await openStream(replica.url, { lastEventId: foreign });
    await stream.received(1);
    expect(stream.facts.map(({ lastEventId }) => lastEventId)).toEqual([own]);
    const narrowed = await openStream(`${replica.url}?lastEventId=${ZERO}`, { headers: as({ agentId: 6 }) });
    await eventually('all of its own', () => narrowed.parser.lastEventId >= own);
    const agents = new Set(
      narrowed.facts.map(({ data }) => (JSON.parse(data) as { data: { id?: number; agent_id?: number } }).data),
    );
    expect([...agents].every(({ id, agent_id }) => (agent_id ?? id) === 6 || agent_id === undefined)).toBe(true);
    stream.cut();
    narrowed.cut();
  });
});
