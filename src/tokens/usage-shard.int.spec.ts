import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { deliver } from '../../projections/engine/testing/given.js';
import { readerOn } from '../../projections/engine/testing/reader.js';
import { resetProjections } from '../../projections/engine/testing/reset.js';
import { tokenUsage } from '../../projections/token-usage/token-usage.projection.js';
import { TokenUsageQueries } from '../../projections/token-usage/token-usage.queries.js';
import { storeAndDatabase, type StoreAndDatabase } from '../../test/support/store-and-database.js';
import { OutcomeUnknown } from '../platform/event-store/event-store.errors.js';
import { derivedId } from '../platform/ids/ids.js';
import { ClaimLookup } from './claim-lookup.js';
import { UsageShard, type UsageEvent } from './usage-shard.js';

let ground: StoreAndDatabase;
let stream: string;
let serial = 0;

beforeAll(async () => {
  ground = await storeAndDatabase();
});

afterAll(async () => {
  await ground.close();
});

beforeEach(async () => {
  serial += 1;
  stream = `usage-${100 + serial}`;
  await resetProjections(ground.databaseUrl);
});

const report = (eventId: string, contentDigest = 'a'): UsageEvent => {
  const id = derivedId('usage', serial, eventId);
  return {
    id: derivedId('usage-reported', id),
    type: 'TokenUsageReported',
    data: {
      id,
      eventId,
      model: 'm',
      sessionId: 'bot:cli',
      agentName: 'bot',
      agentId: null,
      operation: 'chat_completion',
      timestamp: 1_767_225_600_000,
      taskId: null,
      inputTokens: 1,
      outputTokens: 1,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      contentDigest,
    },
    metadata: {
      workspaceId: 1,
      correlationId: derivedId('test', eventId),
      causationId: derivedId('test', eventId),
      actor: { kind: 'system', id: 'test', name: 'test' },
      occurredAt: '2026-01-01T00:00:00.000Z',
      recordedAt: '2026-01-01T00:00:00.000Z',
    },
  };
};

/** One process's view of the shard. */
const writer = () =>
  new UsageShard(stream, ground.store, new ClaimLookup(new TokenUsageQueries(readerOn(ground.databaseUrl))));

const stored = async () => (await ground.store.readStream(stream)) ?? [];
const project = async () => {
  await deliver(ground.databaseUrl, tokenUsage, 1, await stored());
};
const kinds = async (results: Promise<{ readonly kind: string }>[]) =>
  (await Promise.all(results)).map(({ kind }) => kind);

describe('a shard of usage reports', () => {
  it('records a report once, and knows its copy and its contradiction', async () => {
    const shard = writer();
    expect(await kinds([shard.add(report('one'))])).toEqual(['recorded']);
    expect(await kinds([shard.add(report('one')), shard.add(report('one', 'b'))])).toEqual(['duplicate', 'conflict']);
    expect(await stored()).toHaveLength(1);
  });

  it('records one of fifty copies that arrive at once', async () => {
    const shard = writer();
    const results = await kinds(Array.from({ length: 50 }, () => shard.add(report('copied'))));
    expect(results.filter((kind) => kind === 'recorded')).toHaveLength(1);
    expect(await stored()).toHaveLength(1);
  });

  it('records one of the copies that several processes receive at once', async () => {
    const writers = [writer(), writer(), writer()];
    const ids = Array.from({ length: 60 }, (_, index) => `shared-${index}`);
    await Promise.all(writers.flatMap((shard) => ids.map((eventId) => shard.add(report(eventId)))));
    const events = await stored();
    expect(new Set(events.map(({ id }) => id)).size).toBe(60);
    expect(events).toHaveLength(60);
  });

  it('knows a report from before its own start, projected or not', async () => {
    await Promise.all([writer().add(report('old-1')), writer().add(report('old-2'))]);
    expect(await kinds([writer().add(report('old-1'))])).toEqual(['duplicate']);
    await project();
    expect(await kinds([writer().add(report('old-1')), writer().add(report('old-2', 'b'))])).toEqual([
      'duplicate',
      'conflict',
    ]);
    expect(await stored()).toHaveLength(2);
  });

  it('still knows a report when the ledger has caught up with it in between', async () => {
    const shard = writer();
    await shard.add(report('followed'));
    await project();
    expect(await kinds([shard.add(report('next')), shard.add(report('followed'))])).toEqual(['recorded', 'duplicate']);
    await project();
    expect(await kinds([shard.add(report('followed')), shard.add(report('next'))])).toEqual(['duplicate', 'duplicate']);
  });

  it('still knows every report when the ledger starts again from nothing', async () => {
    const shard = writer();
    await shard.add(report('kept-1'));
    await project();
    await shard.add(report('kept-2'));
    await resetProjections(ground.databaseUrl);
    expect(await kinds([shard.add(report('kept-1')), shard.add(report('kept-2'))])).toEqual(['duplicate', 'duplicate']);
    expect(await stored()).toHaveLength(2);
  });

  it('counts a report once whose first append ended without a clear answer', async () => {
    const append = ground.store.append.bind(ground.store);
    const spy = jest.spyOn(ground.store, 'append').mockImplementationOnce(async (...args) => {
      await append(...args);
      throw new OutcomeUnknown(stream);
    });
    const shard = writer();
    await expect(shard.add(report('unclear'))).rejects.toBeInstanceOf(OutcomeUnknown);
    spy.mockRestore();
    await project();
    expect(await kinds([shard.add(report('unclear'))])).toEqual(['duplicate']);
    expect(await stored()).toHaveLength(1);
  });

  it('splits what is too large for one append', async () => {
    const shard = writer();
    const long = 'x'.repeat(180);
    const results = await kinds(Array.from({ length: 900 }, (_, index) => shard.add(report(`${long}-${index}`))));
    expect(new Set(results)).toEqual(new Set(['recorded']));
    expect(await stored()).toHaveLength(900);
  });
});
