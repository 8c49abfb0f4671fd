import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { given } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { agentMemory } from './agent-memory.projection.js';
import { AgentMemoryQueries } from './agent-memory.queries.js';

describe('the working memories of agents', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase();
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'come out the same, delivered twice, $batch at a time',
    async ({ batch }) => {
      const rows = await given(database.url, agentMemory)
        .when(logOf([...lifeOf(1), ...lifeOf(2), cleared(2)]), { times: 2, batch })
        .rows('agent_memory', 'agent_id, content, bytes, revision');

      expect(rows).toEqual([
        { agent_id: '1', content: 'begin "again"\n\nmore\n\nand more', bytes: 29, revision: '5' },
        { agent_id: '2', content: '', bytes: 0, revision: '6' },
      ]);
    },
  );

  it('are found by agent, and not from another workspace', async () => {
    await given(database.url, agentMemory)
      .when(logOf(lifeOf(1)))
      .deliver();
    const queries = new AgentMemoryQueries(readerOn(database.url));

    expect((await queries.of(1, [1, 2])).get(1)).toMatchObject({ bytes: 29, updatedAt: expect.any(Date) });
    expect((await queries.of(2, [1])).size).toBe(0);
  });
});

function fact(agentId: number, type: string, more: object = {}): Written {
  return { stream: `agentmemory-${agentId}`, type, data: { agentId, agentName: `agent-${agentId}`, ...more } };
}

const cleared = (agentId: number) => fact(agentId, 'AgentMemoryCleared');

function lifeOf(agentId: number): readonly Written[] {
  const appended = (text: string, bytes: number) =>
    fact(agentId, 'AgentMemoryAppended', { text, bytes, appendId: `${bytes}` });
  return [
    appended('first', 5),
    appended('\n\nsecond', 13),
    cleared(agentId),
    fact(agentId, 'AgentMemoryWritten', { content: 'begin "again"', bytes: 13, appendId: null }),
    appended('\n\nmore', 19),
    appended('\n\nand more', 29),
  ];
}
