import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { type Application, startApplication, startStoreAndDatabase } from '../support/application.js';
import { eventually } from '../support/eventually.js';

const TIMEOUT_SECONDS = 3;
const config = { connectionTimeoutSeconds: TIMEOUT_SECONDS, agentTimeoutSeconds: 5 };

let parts: Awaited<ReturnType<typeof startStoreAndDatabase>>;
/** Each with every role: two api processes, two reactors, two candidates for the projector. */
let applications: Application[] = [];
const stopBeating = new AbortController();
let beating: Promise<readonly number[]>;

const any = (): Application => {
  const [first] = applications;
  if (first === undefined) throw new Error('nothing runs');
  return first;
};
const call = (method: string, path: string, body?: unknown, on = any()) =>
  on.call(method, path, body === undefined ? {} : { body });
const connect = async (agentName: string) =>
  (await call('POST', '/api/connect', { tool_name: 't', agent_name: agentName })).body;
const eventsOf = async (stream: string): Promise<readonly StoredEvent[]> =>
  (await any().log()).filter((event) => event.stream === stream);
const closesOf = async (agentId: number) =>
  (await eventsOf(`agent-${agentId}`)).filter(({ type }) => type === 'ConnectionClosed');

/** Beats every 200 ms, at one process and then at the other, until told to stop. Resolves to the statuses it got. */
async function beatOn(path: string, connectionId: string): Promise<readonly number[]> {
  const seen: number[] = [];
  for (let turn = 0; !stopBeating.signal.aborted; turn += 1) {
    const target = applications[turn % applications.length];
    if (target !== undefined) {
      const answer = await target.call('POST', path, { body: { connection_id: connectionId } }).catch(() => undefined);
      if (answer !== undefined) seen.push(answer.status);
    }
    await pause(200);
  }
  return seen;
}

beforeAll(async () => {
  parts = await startStoreAndDatabase();
  applications = [await startApplication({ on: parts, config }), await startApplication({ on: parts, config })];
});

afterAll(async () => {
  stopBeating.abort();
  await beating;
  for (const application of applications) await application.close();
  await parts.release();
});

describe('an agent that falls silent', () => {
  it('is offline, once, whatever the number of processes; the one that beats is not', async () => {
    const steady = await connect('steady');
    beating = beatOn(steady.heartbeat_url, steady.connection_id);
    const silent = await connect('silent');
    await call('POST', '/api/agents', { name: 'unconnected', role: 'r' });
    await call('POST', '/api/agents', { name: 'never-heard', role: 'r', status: 'online' });
    const unconnected = await call('POST', '/api/agents/unconnected/heartbeat');
    expect(unconnected.status).toBe(200);

    await eventually('the silent connection expires', async () => (await closesOf(silent.agent_id)).length > 0, 40_000);
    const events = await eventsOf(`agent-${silent.agent_id}`);
    expect(events.slice(-2)).toMatchObject([
      { type: 'ConnectionClosed', data: { connectionId: silent.connection_id, reason: 'expired' } },
      { type: 'AgentStatusChanged', data: { status: 'offline', reason: 'connection_expired' } },
    ]);
    expect(await call('POST', silent.heartbeat_url, { connection_id: silent.connection_id })).toMatchObject({
      status: 409,
      body: { error: 'Connection is no longer active', connection_status: 'disconnected' },
    });

    const timedOut = await eventually(
      'the agent without a connection times out',
      async () => {
        const found = (await any().log()).filter(
          ({ type, data }) => type === 'AgentStatusChanged' && 'name' in data && data.name === 'unconnected',
        );
        return found.length > 1 && found;
      },
      40_000,
    );
    expect(timedOut.map(({ data }) => data)).toMatchObject([
      { status: 'idle', reason: 'heartbeat' },
      { status: 'offline', reason: 'agent_timeout' },
    ]);
    expect((await any().read('/api/agents/never-heard')).body.agent.status).toBe('online');
    expect(await closesOf(steady.agent_id)).toEqual([]);
    expect(await closesOf(silent.agent_id)).toHaveLength(1);
    const shown = await any().read(`/api/connect?agent=${silent.agent_id}`);
    expect(shown.body.connections).toMatchObject([{ status: 'disconnected', close_reason: 'expired' }]);
  });

  it('leaves one final summary of its beats, which the raw beats prove', async () => {
    const { connection_id: id, heartbeat_url: path } = await connect('summarised');
    for (let count = 0; count < 5; count += 1) await call('POST', path, { connection_id: id }, applications[count % 2]);
    await call('DELETE', '/api/connect', { connection_id: id });
    const isSummary = ({ type }: StoredEvent) => type === 'HeartbeatsSummarised';
    const isFinal = ({ data }: StoredEvent) => 'final' in data && data.final === true;
    await eventually(
      'the summary',
      async () => (await eventsOf(`connection-${id}`)).filter(isSummary).some(isFinal),
      40_000,
    );

    const beats = (await any().log()).filter(
      ({ type, data }) => type === 'HeartbeatReceived' && 'connectionId' in data && data.connectionId === id,
    );
    const digest = beats.reduce(
      (chain, beat) =>
        createHash('sha256')
          .update(Buffer.from(chain + beat.id.replaceAll('-', ''), 'hex'))
          .digest('hex'),
      '0'.repeat(64),
    );
    expect(beats).toHaveLength(5);
    const summaries = (await eventsOf(`connection-${id}`)).filter(isSummary);
    expect(summaries.filter(isFinal)).toHaveLength(1);
    const sum = summaries.reduce((total, { data }) => total + ('count' in data ? Number(data.count) : 0), 0);
    expect(sum).toBe(5);
    if (summaries.length === 1) {
      expect(summaries[0]?.data).toMatchObject({ count: 5, digest, from: beats[0]?.metadata.recordedAt });
    }
  });

  it('while nothing listened gets one full timeout after the start before it is held against it', async () => {
    const silent = await connect('silent-again');
    const steady = await connect('steady-again');
    for (const application of applications.splice(0).toReversed()) await application.close();
    await pause((TIMEOUT_SECONDS + 1) * 1_000);

    const startedAt = Date.now();
    applications = [await startApplication({ on: parts, config })];
    const lifeSign = beatOn(steady.heartbeat_url, steady.connection_id);
    await eventually('the silent one expires', async () => (await closesOf(silent.agent_id)).length > 0, 40_000);

    const [closed] = await closesOf(silent.agent_id);
    expect(Date.parse(closed?.metadata.recordedAt ?? '')).toBeGreaterThanOrEqual(startedAt + TIMEOUT_SECONDS * 1_000);
    expect(await closesOf(steady.agent_id)).toEqual([]);
    stopBeating.abort();
    expect(new Set([...(await lifeSign), ...(await beating)].filter((status) => status !== 503))).toEqual(
      new Set([200]),
    );
  });
});
