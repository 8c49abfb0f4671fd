import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { deliver } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { liveness } from './liveness.projection.js';
import { LivenessQueries } from './liveness.queries.js';

const CONNECTION = idOf('connection');
const START = Date.parse('2026-01-01T00:00:00.000Z');
const LIMITS = { connectionSeconds: 90, agentSeconds: 600, limit: 100 };

describe('the life of agents', () => {
  let database: TestDatabase;
  let queries: LivenessQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new LivenessQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const given = (...events: readonly Written[]) => deliver(database.url, liveness, 1, logOf(events));
  const inSeconds = async (seconds: number) => new Date((await queries.databaseTime()).getTime() + seconds * 1_000);

  it('a connection is due when it is silent for too long by the clock of the database', async () => {
    await given(registered, opened(0), beat(30));

    expect((await queries.dueLeases(LIMITS, await inSeconds(80))).connections).toEqual([]);
    const due = await queries.dueLeases(LIMITS, await inSeconds(91));
    expect(due.checkpoint).toEqual({ commit: 74n, prepare: 74n });
    expect(due.agents).toEqual([]);
    expect(due.connections).toEqual([
      expect.objectContaining({ agentId: 1, workspaceId: 1, connectionId: CONNECTION, epoch: 1 }),
    ]);
  });

  it('an agent without a connection is due only when it has beaten and is not offline', async () => {
    const loose: Written = { ...beat(0), data: { agentId: 1, connectionId: null, epoch: null } };
    await given(registered);
    expect((await queries.dueLeases(LIMITS, await inSeconds(1_000))).agents).toEqual([]);

    await deliver(database.url, liveness, 1, logOf([loose], 10));
    expect((await queries.dueLeases(LIMITS, await inSeconds(500))).agents).toEqual([]);
    expect((await queries.dueLeases(LIMITS, await inSeconds(601))).agents).toEqual([
      expect.objectContaining({ agentId: 1, connectionId: null }),
    ]);

    await deliver(database.url, liveness, 1, logOf([offline], 20));
    expect((await queries.dueLeases(LIMITS, await inSeconds(601))).agents).toEqual([]);
  });

  it('a retired agent is never due', async () => {
    await given(registered, opened(0), beat(1), closed(2), {
      ...offline,
      type: 'AgentRetired',
      data: { agentId: 1, name: 'a' },
    });

    const due = await queries.dueLeases(LIMITS, await inSeconds(10_000));
    expect([...due.agents, ...due.connections]).toEqual([]);
  });

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'an hour of beats gives at most 13 summaries that verify against the raw beats, $batch at a time',
    async ({ batch }) => {
      const beats = Array.from({ length: 120 }, (_, index) => beat(10 + index * 30 + (index > 60 ? 25 : 0)));
      const events = logOf([registered, opened(0), ...beats, closed(3_700)]);
      await deliver(database.url, liveness, 1, events, { batch });

      const summaries = await queries.dueSummaries(100);

      expect(summaries.length).toBeLessThanOrEqual(13);
      expect(summaries.map((summary) => summary.final)).toEqual([...summaries.slice(1).map(() => false), true]);
      expect(summaries.reduce((sum, summary) => sum + summary.count, 0)).toBe(120);
      expect(Math.max(...summaries.map((summary) => summary.largestGapMs))).toBe(55_000);
      for (const summary of summaries) {
        const raw = events.filter(
          (event) =>
            event.type === 'HeartbeatReceived' &&
            event.metadata.recordedAt >= summary.from &&
            event.metadata.recordedAt <= summary.to,
        );
        expect(raw.length).toBe(summary.count);
        expect(summary.digest).toBe(digestOf(raw));
      }
    },
  );

  it('forgets a period when its summary is in the log, and keeps the beats that came meanwhile', async () => {
    await given(registered, opened(0), beat(0), beat(310), beat(320));
    const [due] = await queries.dueSummaries(10);
    if (due === undefined) throw new Error('no summary is due');
    const { workspaceId, ...data } = due;
    expect([workspaceId, data.count]).toEqual([1, 1]);

    const summarised: Written = { stream: `connection-${CONNECTION}`, type: 'HeartbeatsSummarised', data };
    await deliver(database.url, liveness, 1, logOf([beat(330), summarised, closed(340)], 10));

    expect(await queries.dueSummaries(10)).toEqual([expect.objectContaining({ count: 3, final: true })]);
  });

  it('a beat of an older connection neither renews nor counts', async () => {
    const stale: Written = { ...beat(30), data: { agentId: 1, connectionId: idOf('older'), epoch: 0 } };
    await given(registered, opened(0), stale, closed(40));

    expect(await queries.dueSummaries(10)).toEqual([]);
  });
});

const at = (second: number): string => new Date(START + second * 1_000).toISOString();
const agentName = 'a';

const registered: Written = {
  stream: 'agent-1',
  type: 'AgentRegistered',
  recordedAt: at(0),
  data: { agentId: 1, name: agentName, status: 'online', source: 'connect', profile: {} },
};

const offline: Written = {
  stream: 'agent-1',
  type: 'AgentStatusChanged',
  data: { agentId: 1, name: agentName, status: 'offline', previousStatus: 'online', reason: 'set' },
};

function opened(second: number): Written {
  const data = {
    connectionId: CONNECTION,
    agentId: 1,
    agentName,
    toolName: 't',
    toolVersion: null,
    epoch: 1,
    metadata: null,
  };
  return { stream: 'agent-1', type: 'ConnectionOpened', recordedAt: at(second), data };
}

function closed(second: number): Written {
  const data = { connectionId: CONNECTION, agentId: 1, agentName, epoch: 1, reason: 'client' };
  return { stream: 'agent-1', type: 'ConnectionClosed', recordedAt: at(second), data };
}

function beat(second: number): Written {
  const data = { agentId: 1, connectionId: CONNECTION, epoch: 1 };
  return { stream: 'heartbeat-0', type: 'HeartbeatReceived', recordedAt: at(second), data };
}

/** Written down independently: SHA-256 over the digest so far and the id, starting from 32 zero bytes. */
function digestOf(raw: readonly StoredEvent[]): string {
  let digest = Buffer.alloc(32);
  for (const { id } of raw) {
    digest = createHash('sha256')
      .update(digest)
      .update(Buffer.from(id.replaceAll('-', ''), 'hex'))
      .digest();
  }
  return digest.toString('hex');
}
