import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { given } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { agentStatus } from './agent-status.projection.js';
import { AgentStatusQueries } from './agent-status.queries.js';

describe('the agents and their connections', () => {
  let database: TestDatabase;
  let queries: AgentStatusQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new AgentStatusQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'come out the same, delivered twice, $batch at a time',
    async ({ batch }) => {
      const rows = await given(database.url, agentStatus, [])
        .when(logOf([...lifeOf(1), ...lifeOf(2)]), { times: 2, batch })
        .rows('agents', 'agent_id, name, status, role, epoch, connection_id, retired_at, revision');

      expect(rows).toEqual([
        row('1', { name: 'agent-1-renamed', role: 'reviewer' }),
        row('2', { name: 'agent-2-renamed', role: 'reviewer' }),
      ]);
    },
  );

  it('keeps every connection, newest first, with why it ended', async () => {
    await given(database.url, agentStatus)
      .when(logOf(lifeOf(1)))
      .deliver();

    const page = await queries.connections(1, {}, { limit: 1, offset: 0 });
    expect(page.total).toBe(2);
    expect(page.rows).toEqual([
      expect.objectContaining({
        connectionId: connection(1, 2),
        status: 'connected',
        epoch: 2,
        agentName: 'agent-1-renamed',
      }),
    ]);
    const closed = await queries.connections(1, { status: 'disconnected' }, { limit: 50, offset: 0 });
    expect(closed.rows).toEqual([
      expect.objectContaining({
        connectionId: connection(1, 1),
        closeReason: 'superseded',
        metadata: '{"z":1,"a":"\\u0000"}',
      }),
    ]);
  });

  it('finds agents by status, role and part of the name, in pages', async () => {
    await given(database.url, agentStatus)
      .when(logOf([1, 2, 3].flatMap(lifeOf)))
      .deliver();

    expect(
      (await queries.agents(1, { text: 'T-2-REN' }, { limit: 10, offset: 0 })).rows.map((agent) => agent.id),
    ).toEqual([2]);
    expect((await queries.agents(1, { role: 'coder' }, { limit: 10, offset: 0 })).total).toBe(0);
    const second = await queries.agents(1, { status: 'busy' }, { limit: 1, offset: 1 });
    expect(second).toEqual({
      total: 3,
      rows: [expect.objectContaining({ id: 2, lastActivity: 'building', config: { b: 1, a: { c: [] } } })],
    });
    expect(await queries.agents(1, {}, { limit: 10, offset: 10 })).toEqual({ total: 3, rows: [] });
  });

  it('shows nothing of another workspace', async () => {
    await given(database.url, agentStatus)
      .when(logOf(lifeOf(1)))
      .deliver();

    expect(await queries.agents(2, {}, { limit: 10, offset: 0 })).toEqual({ total: 0, rows: [] });
    expect(await queries.agentById(2, 1)).toBeUndefined();
    expect(await queries.agentByName(2, 'agent-1-renamed')).toBeUndefined();
    expect((await queries.connections(2, {}, { limit: 10, offset: 0 })).total).toBe(0);
  });

  it('finds who can be mentioned by part of the name or of the handle', async () => {
    const named = (agentId: number, name: string): Written[] =>
      lifeOf(agentId)
        .slice(0, 1)
        .map((written) => ({ ...written, data: { ...written.data, name } }));
    await given(database.url, agentStatus)
      .when(logOf([...named(1, 'Build Bot'), ...named(2, 'bo'), ...named(3, 'Zoë bot'), ...named(4, 'x'.repeat(65))]))
      .deliver();

    const found = async (text: string, agentId?: number) => {
      const { rows, total } = await queries.mentionable(1, { text, ...(agentId === undefined ? {} : { agentId }) }, 10);
      return [rows.map(({ name }) => name), total];
    };
    expect(await found('')).toEqual([['bo', 'Build Bot'], 2]);
    expect(await found('D-B')).toEqual([['Build Bot'], 1]);
    expect(await found('d b')).toEqual([['Build Bot'], 1]);
    expect(await found('bo', 2)).toEqual([['bo'], 1]);
    expect((await queries.mentionable(1, { text: '' }, 1)).total).toBe(2);
    expect(await queries.mentionable(2, { text: '' }, 10)).toEqual({ rows: [], total: 0 });
  });

  it('leaves a retired agent out but keeps its connections', async () => {
    const retired: Written = { stream: 'agent-1', type: 'AgentRetired', data: { agentId: 1, name: 'agent-1' } };
    await given(database.url, agentStatus)
      .when(logOf([...lifeOf(1), retired]))
      .deliver();

    expect(await queries.agentById(1, 1)).toBeUndefined();
    expect((await queries.connections(1, { agentId: 1 }, { limit: 10, offset: 0 })).total).toBe(2);
  });
});

const connection = (agentId: number, epoch: number): string => idOf(`connection ${agentId} ${epoch}`);

function lifeOf(agentId: number): readonly Written[] {
  const stream = `agent-${agentId}`;
  const name = `agent-${agentId}`;
  const opened = (epoch: number): Written => ({
    stream,
    type: 'ConnectionOpened',
    data: {
      connectionId: connection(agentId, epoch),
      agentId,
      agentName: name,
      toolName: 'codex',
      toolVersion: null,
      epoch,
      metadata: epoch === 1 ? { z: 1, a: '\0' } : null,
    },
  });
  return [
    {
      stream,
      type: 'AgentRegistered',
      data: {
        agentId,
        name,
        status: 'online',
        source: 'connect',
        profile: {
          role: 'cli',
          sessionKey: 'k',
          soulContent: 'quiet "soul" \\ {,}',
          config: { b: 1, a: { c: [] } },
          runtimeType: null,
        },
      },
    },
    opened(1),
    {
      stream,
      type: 'AgentStatusChanged',
      data: { agentId, name, status: 'busy', previousStatus: 'online', reason: 'heartbeat', lastActivity: 'building' },
    },
    {
      stream,
      type: 'ConnectionClosed',
      data: {
        connectionId: connection(agentId, 1),
        agentId,
        agentName: name,
        epoch: 1,
        reason: 'superseded',
        replacedBy: connection(agentId, 2),
      },
    },
    opened(2),
    { stream, type: 'AgentRenamed', data: { agentId, name: `${name}-renamed`, previousName: name } },
    { stream, type: 'AgentReconfigured', data: { agentId, name, changes: { role: 'reviewer', sessionKey: null } } },
  ];
}

function row(id: string, fields: object): object {
  return {
    agent_id: id,
    status: 'busy',
    epoch: 2,
    connection_id: connection(Number(id), 2),
    retired_at: null,
    revision: '6',
    ...fields,
  };
}
