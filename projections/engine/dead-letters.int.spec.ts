import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { LogEntry } from '../../src/platform/event-store/event-store.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { agentStatus } from '../agent-status/agent-status.projection.js';
import { liveness } from '../liveness/liveness.projection.js';
import { tokenUsage } from '../token-usage/token-usage.projection.js';
import { connector, withClient } from './database.js';
import { discardDeadLetter, replayDeadLetter } from './dead-letter-commands.js';
import { listDeadLetters } from './dead-letters.js';
import { dumpTables } from './dump.js';
import type { Projection } from './projection.js';
import { deliver } from './testing/given.js';
import { idOf, logOf, type Written } from './testing/log-of.js';
import { resetProjections } from './testing/reset.js';

describe('an event that cannot be projected', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase();
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const connect = () => connector(database.url, 'test')();
  const letters = () => withClient(connect, (client) => listDeadLetters(client));
  const dump = (projection: Projection) => withClient(connect, (client) => dumpTables(client, projection, 1));

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'is parked with all later events of its key, in order, and replayed to the state of a clean build ($batch at a time)',
    async ({ batch }) => {
      const events = logOf([...lifeOf(1), ...lifeOf(2), ...lifeOf(3)]);
      await deliver(database.url, agentStatus, 1, events);
      const clean = await dump(agentStatus);
      await resetProjections(database.url);

      const poisoned = events.map((event) => (event === events[4] ? unreadable(event) : event));
      expect(await deliver(database.url, agentStatus, 1, poisoned, { batch })).toBe('stopped');
      expect(await letters()).toEqual([
        expect.objectContaining({ key: 'agent-2', kind: 'failed', state: 'parked', attempts: 3 }),
        expect.objectContaining({ key: 'agent-2', kind: 'behind', eventType: 'AgentRenamed' }),
      ]);
      expect(await dump(agentStatus)).not.toBe(clean);

      const [first] = await letters();
      const outcome = await replayDeadLetter(connect, storeOf(events), [agentStatus], first?.id ?? '');
      expect(outcome).toEqual({ kind: 'applied', events: 2 });
      expect(await letters()).toEqual([]);
      expect(await dump(agentStatus)).toBe(clean);
    },
  );

  it('stays parked when it fails again, and its attempts are counted', async () => {
    const events = logOf(lifeOf(1));
    const poisoned = events.map((event, index) => (index === 1 ? unreadable(event) : event));
    await deliver(database.url, agentStatus, 1, poisoned);
    const before = await dump(agentStatus);

    const [first] = await letters();
    const outcome = await replayDeadLetter(connect, storeOf(poisoned), [agentStatus], first?.id ?? '');

    expect(outcome).toEqual({ kind: 'refused', reason: expect.stringContaining('unreadable') });
    expect((await letters()).map((letter) => letter.attempts)).toEqual([4, 0]);
    expect(await dump(agentStatus)).toBe(before);
  });

  it('lets its key go on after the last parked event was discarded', async () => {
    const events = logOf(lifeOf(1));
    await deliver(
      database.url,
      agentStatus,
      1,
      events.map((event, index) => (index === 1 ? unreadable(event) : event)),
    );
    for (const letter of await letters())
      expect(await discardDeadLetter(connect, letter.id)).toEqual({ kind: 'discarded' });

    const more = logOf(
      [{ stream: 'agent-1', type: 'AgentReconfigured', data: { agentId: 1, name: 'a', changes: { role: 'late' } } }],
      50,
    );
    await deliver(
      database.url,
      agentStatus,
      1,
      more.map((event) => ({ ...event, revision: 9n })),
    );

    expect(await letters()).toEqual([]);
    expect(await dump(agentStatus)).toContain('late');
  });

  it('halts a projection of money at it, with everything before it folded and nothing after', async () => {
    const events = logOf([report('a'), report('b'), report('c'), report('d')]);
    const poisoned = events.map((event, index) => (index === 2 ? unreadable(event) : event));

    expect(await deliver(database.url, tokenUsage, 1, poisoned)).toBe('halted');
    expect(await letters()).toEqual([expect.objectContaining({ state: 'halted', kind: 'failed' })]);
    expect((await dump(tokenUsage)).match(/digest/g)).toHaveLength(2 + 1);

    // After the fix the next run goes on by itself, and the halt is forgotten.
    expect(await deliver(database.url, tokenUsage, 1, events)).toBe('stopped');
    expect(await deliver(database.url, tokenUsage, 1, logOf([report('e')], 9))).toBe('stopped');
    expect(await letters()).toEqual([]);
  });

  it('is passed over by a halted projection once an operator gave it up', async () => {
    const events = logOf([report('a'), report('b'), report('c')]);
    const poisoned = events.map((event, index) => (index === 1 ? unreadable(event) : event));
    await deliver(database.url, tokenUsage, 1, poisoned);
    const [halted] = await letters();
    await discardDeadLetter(connect, halted?.id ?? '');

    expect(await deliver(database.url, tokenUsage, 1, poisoned)).toBe('stopped');
    expect((await dump(tokenUsage)).match(/digest/g)).toHaveLength(2 + 1);
    expect(await letters()).toEqual([expect.objectContaining({ state: 'discarded' })]);
  });

  it('is set aside alone where events are independent', async () => {
    const events = logOf(lifeOf(1));
    await deliver(
      database.url,
      liveness,
      1,
      events.map((event, index) => (index === 1 ? unreadable(event) : event)),
    );

    expect(await letters()).toEqual([expect.objectContaining({ projection: 'liveness', state: 'skipped' })]);
  });

  it('stops a rebuild, as does an unknown type that a live projection passes by', async () => {
    const [known, other] = logOf([report('a'), report('b')]);
    if (known === undefined || other === undefined) throw new Error('two events are needed');
    const unknown: LogEntry = { ...unreadable(other), unreadable: 'unknown-type', type: 'FromTheFuture' };

    expect(await deliver(database.url, tokenUsage, 1, [known, unknown], { mode: 'rebuild' })).toBe('halted');
    expect(await deliver(database.url, tokenUsage, 1, [known, unknown])).toBe('stopped');
    expect(await letters()).toEqual([]);
  });
});

function lifeOf(agentId: number): readonly Written[] {
  const stream = `agent-${agentId}`;
  const name = `agent ${agentId}`;
  const profile = { role: 'cli', sessionKey: null, soulContent: null, config: {}, runtimeType: null };
  return [
    { stream, type: 'AgentRegistered', data: { agentId, name, status: 'online', source: 'api', profile } },
    {
      stream,
      type: 'AgentStatusChanged',
      data: { agentId, name, status: 'busy', previousStatus: 'online', reason: 'set' },
    },
    { stream, type: 'AgentRenamed', data: { agentId, name: `${name} renamed`, previousName: name } },
  ];
}

function report(name: string): Written {
  return {
    stream: 'usage-3',
    type: 'TokenUsageReported',
    data: {
      id: idOf(name),
      eventId: name,
      model: 'm',
      sessionId: 'a:b',
      agentName: 'a',
      agentId: null,
      operation: 'o',
      timestamp: 0,
      taskId: null,
      inputTokens: 1,
      outputTokens: 1,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      contentDigest: 'digest',
    },
  };
}

function unreadable(event: StoredEvent) {
  const { position, stream, revision, id, type, createdAt } = event;
  return { unreadable: 'malformed' as const, reason: 'broken bytes', position, stream, revision, id, type, createdAt };
}

function storeOf(entries: readonly LogEntry[]) {
  return {
    readStream: (stream: string, options: { readonly from?: bigint; readonly max?: number } = {}) =>
      Promise.resolve(
        entries
          .filter((entry) => entry.stream === stream && entry.revision >= (options.from ?? 0n))
          .slice(0, options.max),
      ),
  };
}
