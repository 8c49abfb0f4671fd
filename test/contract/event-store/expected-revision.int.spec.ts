import { describe, expect, it } from '@jest/globals';
import type { AppendExpectedRevision, EventStoreDBClient } from '@eventstore/db-client';
import { anEvent, appendRoutes, someEvents } from './events.js';
import { errorType, idsOf, readEvents, rejectionOf } from './reading.js';
import { eventStoreTarget } from './target.js';

const target = eventStoreTarget();

interface Situation {
  readonly situation: string;
  readonly given: (client: EventStoreDBClient, stream: string) => Promise<void>;
}

const missing: Situation = { situation: 'a missing stream', given: () => Promise.resolve() };
const withEvents: Situation = {
  situation: 'a stream with events 0 to 2',
  given: async (client, stream) => {
    await client.appendToStream(stream, someEvents(3), { expectedRevision: 'no_stream' });
  },
};
const metadataOnly: Situation = {
  situation: 'a stream with metadata only',
  given: async (client, stream) => {
    await client.setStreamMetadata(stream, { owner: 'contract' });
  },
};
const softDeleted: Situation = {
  situation: 'a soft-deleted stream whose last revision was 2',
  given: async (client, stream) => {
    await withEvents.given(client, stream);
    await client.deleteStream(stream);
  },
};
const tombstoned: Situation = {
  situation: 'a tombstoned stream',
  given: async (client, stream) => {
    await withEvents.given(client, stream);
    await client.tombstoneStream(stream);
  },
};

type Outcome = { at: bigint } | { actual: bigint | 'no_stream' } | 'stream-deleted';
const table: readonly (readonly [Situation, readonly (readonly [AppendExpectedRevision, Outcome])[]])[] = [
  [
    missing,
    [
      ['any', { at: 0n }],
      ['no_stream', { at: 0n }],
      ['stream_exists', { actual: 'no_stream' }],
      [0n, { actual: 'no_stream' }],
      [5n, { actual: 'no_stream' }],
    ],
  ],
  [
    withEvents,
    [
      ['any', { at: 3n }],
      ['no_stream', { actual: 2n }],
      ['stream_exists', { at: 3n }],
      [2n, { at: 3n }],
      [1n, { actual: 2n }],
      [7n, { actual: 2n }],
    ],
  ],
  [
    metadataOnly,
    [
      ['any', { at: 0n }],
      ['no_stream', { at: 0n }],
      ['stream_exists', { at: 0n }],
      [0n, { actual: 'no_stream' }],
    ],
  ],
  [
    softDeleted,
    [
      ['any', { at: 3n }],
      ['no_stream', { at: 3n }],
      ['stream_exists', 'stream-deleted'],
      [2n, { at: 3n }],
      [1n, { actual: 2n }],
      [7n, { actual: 2n }],
    ],
  ],
  [
    tombstoned,
    [
      ['any', 'stream-deleted'],
      ['no_stream', 'stream-deleted'],
      ['stream_exists', 'stream-deleted'],
      [2n, 'stream-deleted'],
      [7n, 'stream-deleted'],
    ],
  ],
];

describe.each(appendRoutes)('an append by $route', ({ append }) => {
  describe.each(table)('to $situation', ({ given }, rows) => {
    it.each(rows.map(([expected, outcome]) => ({ expected, outcome, says: sentence(outcome) })))(
      'expecting $expected $says',
      async ({ expected, outcome }) => {
        const stream = target.stream();
        await given(target.client, stream);
        const before = await idsOf(target.client, stream);
        const events = [anEvent(), anEvent()];

        const appending = append(target.client, stream, events, expected);

        if (outcome === 'stream-deleted') {
          const error = await rejectionOf(appending);
          expect(errorType(error)).toBe('stream-deleted');
          expect(error['streamName']).toBe(stream);
          expect(await idsOf(target.client, stream)).toEqual([]);
        } else if ('actual' in outcome) {
          const error = await rejectionOf(appending);
          expect(errorType(error)).toBe('wrong-expected-version');
          expect(error['streamName']).toBe(stream);
          expect(error['expectedVersion']).toBe(expected);
          expect(error['actualVersion']).toBe(outcome.actual);
          expect(await idsOf(target.client, stream)).toEqual(before);
        } else {
          const result = await appending;
          expect(result.success).toBe(true);
          expect(result.nextExpectedRevision).toBe(outcome.at + 1n);
          const read = await readEvents(target.client, stream, { fromRevision: outcome.at });
          expect(read.map((event) => [event.id, event.revision])).toEqual([
            [events[0]?.id, outcome.at],
            [events[1]?.id, outcome.at + 1n],
          ]);
          expect(result.position).toEqual(read[1]?.position);
        }
      },
    );
  });

  describe('of no events at all', () => {
    it.each<{ expected: AppendExpectedRevision }>([
      { expected: 'any' },
      { expected: 'stream_exists' },
      { expected: 2n },
    ])('succeeds with the current revision, expecting $expected', async ({ expected }) => {
      const stream = target.stream();
      await withEvents.given(target.client, stream);

      const result = await append(target.client, stream, [], expected);

      expect(result.success).toBe(true);
      expect(result.nextExpectedRevision).toBe(2n);
      expect(await idsOf(target.client, stream)).toHaveLength(3);
    });

    it('to a missing stream succeeds and creates nothing', async () => {
      const stream = target.stream();

      const result = await append(target.client, stream, [], 'any');

      expect(result.success).toBe(true);
      expect(result.nextExpectedRevision).toBe(0n);
      expect(errorType(await rejectionOf(readEvents(target.client, stream)))).toBe('stream-not-found');
    });

    it('is a wrong version below the current revision', async () => {
      const stream = target.stream();
      await withEvents.given(target.client, stream);

      const error = await rejectionOf(append(target.client, stream, [], 1n));

      expect(errorType(error)).toBe('wrong-expected-version');
    });
  });

  it('answers a refused append and goes on with the next one', async () => {
    const stream = target.stream();
    await withEvents.given(target.client, stream);

    const [refused, accepted] = await Promise.allSettled([
      append(target.client, stream, anEvent(), 0n),
      append(target.client, stream, anEvent(), 2n),
    ]);

    expect(refused.status).toBe('rejected');
    expect(accepted.status).toBe('fulfilled');
  });

  it.each([1, 16, 64])('lets exactly one of %i writers win each revision, without a gap', async (writers) => {
    const stream = target.stream();
    const rounds = writers === 1 ? 20 : 5;
    let revision: AppendExpectedRevision = 'no_stream';
    const winners: string[] = [];

    for (let round = 0; round < rounds; round++) {
      const attempts = Array.from({ length: writers }, () => anEvent());
      const expected: AppendExpectedRevision = revision;
      const outcomes = await Promise.allSettled(
        attempts.map((event) => append(target.client, stream, event, expected)),
      );
      const won = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [attempts[index]?.id] : []));
      expect(won).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(errorType(outcome.reason)).toBe('wrong-expected-version');
      }
      winners.push(won[0] ?? '');
      revision = BigInt(round);
    }

    const read = await readEvents(target.client, stream);
    expect(read.map((event) => event.id)).toEqual(winners);
    expect(read.map((event) => event.revision)).toEqual(winners.map((_, index) => BigInt(index)));
  });

  it.each([16, 64])('gives %i writers that reload after a conflict all revisions without a gap', async (writers) => {
    const stream = target.stream();
    const appendUntilWon = async (): Promise<void> => {
      const event = anEvent();
      let expected: AppendExpectedRevision = 'no_stream';
      for (;;) {
        try {
          await append(target.client, stream, event, expected);
          return;
        } catch (error) {
          if (errorType(error) !== 'wrong-expected-version') throw error;
          expected = (error as { actualVersion: bigint }).actualVersion;
        }
      }
    };

    await Promise.all(Array.from({ length: writers }, appendUntilWon));

    const read = await readEvents(target.client, stream);
    expect(read.map((event) => event.revision)).toEqual(Array.from({ length: writers }, (_, index) => BigInt(index)));
    expect(new Set(read.map((event) => event.id)).size).toBe(writers);
  });
});

function sentence(outcome: Outcome): string {
  if (outcome === 'stream-deleted') return 'is refused: stream-deleted';
  return 'at' in outcome ? `succeeds at revision ${outcome.at}` : `is a wrong version, actual ${outcome.actual}`;
}
