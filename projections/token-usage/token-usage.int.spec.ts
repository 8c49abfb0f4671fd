import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { assert, asyncProperty, shuffledSubarray } from 'fast-check';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { deliver, given } from '../engine/testing/given.js';
import { idOf, logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { tokenUsage } from './token-usage.projection.js';
import { TokenUsageQueries } from './token-usage.queries.js';

const DAY = 86_400_000;
const NOON = Date.parse('2026-03-01T12:00:00.000Z');
const LARGEST = Number.MAX_SAFE_INTEGER;

describe('the ledger of token usage', () => {
  let database: TestDatabase;
  let queries: TokenUsageQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new TokenUsageQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'counts a report once although the log tells it again, $batch at a time',
    async ({ batch }) => {
      const events = logOf([report('a'), report('b', { agentName: 'other' }), report('a'), report('c'), report('b')]);

      const rows = await given(database.url, tokenUsage)
        .when(events, { times: 2, batch })
        .rows('token_totals_by_agent', 'agent_name, requests, input_tokens, output_tokens');

      expect(rows).toEqual([
        { agent_name: 'build-bot', requests: '2', input_tokens: '20', output_tokens: '10' },
        { agent_name: 'other', requests: '1', input_tokens: '10', output_tokens: '5' },
      ]);
    },
  );

  it('adds up beyond what a bigint holds', async () => {
    const many = Array.from({ length: 1_100 }, (_, index) =>
      report(`r${index}`, { inputTokens: LARGEST, outputTokens: 0 }),
    );
    await given(database.url, tokenUsage).when(logOf(many), { batch: 500 }).deliver();

    const expected = 1_100n * BigInt(LARGEST);
    expect((await queries.stats(1, {})).summary.inputTokens).toBe(expected);
    expect((await queries.stats(1, { from: 0 })).summary.inputTokens).toBe(expected);
  });

  it('gives the same totals in any order of delivery, from the totals and from the ledger', async () => {
    await assert(
      asyncProperty(shuffledSubarray([...Array(12).keys()], { minLength: 12 }), async (order) => {
        await resetProjections(database.url);
        const reports = order.map((n) =>
          report(`r${n}`, {
            agentName: `agent-${n % 3}`,
            sessionId: `agent-${n % 3}:${n % 2}`,
            model: `m${n % 4}`,
            inputTokens: n,
            timestamp: NOON - n * DAY,
          }),
        );
        await deliver(database.url, tokenUsage, 1, logOf(reports), { batch: 5 });

        const stats = await queries.stats(1, {});
        expect(stats).toEqual(await queries.stats(1, { from: 0 }));
        expect(stats.summary.inputTokens).toBe(66n);
        expect([...stats.agents].map(([name, sums]) => [name, sums.inputTokens])).toEqual([
          ['agent-0', 18n],
          ['agent-1', 22n],
          ['agent-2', 26n],
        ]);
      }),
      { numRuns: 5 },
    );
  });

  it('buckets by when it happened, not by when it came', async () => {
    const reports = [
      report('late', { timestamp: NOON - 40 * DAY }),
      report('now'),
      report('edge', { timestamp: NOON - DAY }),
    ];
    await given(database.url, tokenUsage).when(logOf(reports)).deliver();

    const lastDay = await queries.list(1, { from: NOON - DAY, until: NOON + 1 }, { limit: 10, offset: 0 });
    expect(lastDay.rows.map((row) => row.eventId)).toEqual(['now', 'edge']);
    expect((await queries.list(1, {}, { limit: 1, offset: 2 })).rows.map((row) => row.eventId)).toEqual(['late']);
    expect(await queries.list(1, {}, { limit: 1, offset: 9 })).toEqual({ rows: [], total: 3 });
    const costs = await queries.agentCosts(1, {}, 'Asia/Kolkata');
    expect(costs.get('build-bot')?.timeline.map(({ date }) => date)).toEqual([
      '2026-01-20',
      '2026-02-28',
      '2026-03-01',
    ]);
    expect(costs.get('build-bot')).toEqual(
      expect.objectContaining({
        sessions: ['build-bot:cli'],
        lastActive: NOON,
        stats: expect.objectContaining({ requests: 3n }),
      }),
    );
  });

  it('takes instants that no calendar knows', async () => {
    const reports = [report('far', { timestamp: -LARGEST }), report('next', { timestamp: LARGEST })];
    await given(database.url, tokenUsage).when(logOf(reports)).deliver();

    expect((await queries.list(1, {}, { limit: 10, offset: 0 })).rows.map((row) => row.timestamp)).toEqual([
      LARGEST,
      -LARGEST,
    ]);
  });

  it('tells which ids are claimed, and up to where it knows', async () => {
    expect(await queries.claims([idOf('a')])).toEqual({ checkpoint: { commit: -1n, prepare: -1n }, claims: [] });

    await given(database.url, tokenUsage)
      .when(logOf([report('a'), report('b')]))
      .deliver();

    expect(await queries.claims([idOf('b'), idOf('unknown')])).toEqual({
      checkpoint: { commit: 37n, prepare: 37n },
      claims: [{ id: idOf('b'), contentDigest: 'digest', shard: 3, revision: 1n }],
    });
    expect((await queries.claims([idOf('unknown')])).checkpoint.commit).toBe(37n);
  });

  it('shows nothing of another workspace', async () => {
    await given(database.url, tokenUsage)
      .when(logOf([report('a')]))
      .deliver();

    expect((await queries.list(2, {}, { limit: 10, offset: 0 })).total).toBe(0);
    expect((await queries.stats(2, {})).summary.requests).toBe(0n);
    expect((await queries.agentCosts(2, {})).size).toBe(0);
    expect(await queries.byIds(2, [idOf('a')])).toEqual([]);
  });
});

function report(name: string, data: object = {}): Written {
  return {
    stream: 'usage-3',
    type: 'TokenUsageReported',
    data: {
      id: idOf(name),
      eventId: name,
      model: 'claude-sonnet-4',
      sessionId: 'build-bot:cli',
      agentName: 'build-bot',
      agentId: 1,
      operation: 'chat_completion',
      timestamp: NOON,
      taskId: null,
      inputTokens: 10,
      outputTokens: 5,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      contentDigest: 'digest',
      ...data,
    },
  };
}
