import { describe, expect, it } from '@jest/globals';
import {
  BACKWARDS,
  END,
  START,
  jsonEvent,
  type AppendExpectedRevision,
  type StreamMetadata,
} from '@eventstore/db-client';
import { eventually } from '../../support/eventually.js';
import { anEvent, appendRoutes, someEvents } from './events.js';
import { errorType, headOf, idsOf, original, positionOf, readAllFrom, readEvents, rejectionOf } from './reading.js';
import { Subscriber } from './subscriber.js';
import { eventStoreTarget, wireIt } from './target.js';
import { appendMessage, appendOptions, readRequest } from './wire.js';

const target = eventStoreTarget();

/** The metadata event's JSON as the server stores it: `$tb` may be 2^63-1, which JSON.parse cannot hold. */
async function rawMetadata(stream: string): Promise<string> {
  const answers = await target.wire.read(
    readRequest({ stream: `$$${stream}`, from: 'end', backwards: true, count: 1 }),
  );
  const data = answers[0]?.getEvent()?.getEvent()?.getData_asU8();
  return Buffer.from(data ?? []).toString('utf8');
}

async function streamOf(count: number): Promise<string> {
  const stream = target.stream();
  await target.client.appendToStream(stream, someEvents(count), { expectedRevision: 'no_stream' });
  return stream;
}

async function softDeletedAfter(count: number): Promise<string> {
  const stream = await streamOf(count);
  await target.client.deleteStream(stream);
  return stream;
}

async function revisionsOf(stream: string): Promise<bigint[]> {
  return (await readEvents(target.client, stream)).map((event) => event.revision);
}

describe('a soft delete', () => {
  it('answers the position of the metadata event that it writes', async () => {
    const stream = await streamOf(2);
    const { position } = await target.client.deleteStream(stream);
    const [metadata] = await readEvents(target.client, `$$${stream}`);
    expect(position).toEqual(metadata?.position);
    expect(metadata?.type).toBe('$metadata');
  });

  wireIt('sets $tb to 2^63-1, to the letter, and drops all other metadata', async () => {
    const stream = await streamOf(2);
    await target.client.setStreamMetadata(stream, { maxCount: 7, owner: 'contract' });
    await target.client.deleteStream(stream);
    expect(await rawMetadata(stream)).toBe('{"$tb":9223372036854775807}');
  });

  it.each(appendRoutes)('is undone by an append with $route; numbering goes on', async ({ append }) => {
    for (const expected of ['any', 'no_stream', 2n] satisfies AppendExpectedRevision[]) {
      const stream = await softDeletedAfter(3);
      const events = someEvents(2);
      await append(target.client, stream, events, expected);
      expect(await revisionsOf(stream)).toEqual([3n, 4n]);
      expect(await idsOf(target.client, stream)).toEqual(events.map((event) => event.id));
      expect((await target.client.getStreamMetadata(stream)).metadata?.truncateBefore).toBe(3);
    }
  });

  it('is undone in the commit of the append: the metadata event follows right after', async () => {
    const stream = await softDeletedAfter(3);
    const { position } = await target.client.appendToStream(stream, someEvents(2));
    const log = await readAllFrom(target.client, position ?? START, '');
    expect(log.slice(0, 2).map((resolved) => [original(resolved).streamId, original(resolved).type])).toEqual([
      [stream, 'something-happened'],
      [`$$${stream}`, '$metadata'],
    ]);
  });

  it('can be repeated, before and after a recreation', async () => {
    const stream = await softDeletedAfter(2);
    await target.client.deleteStream(stream);
    await target.client.appendToStream(stream, anEvent());
    expect(await revisionsOf(stream)).toEqual([2n]);
    await target.client.deleteStream(stream);
    expect(errorType(await rejectionOf(readEvents(target.client, stream)))).toBe('stream-not-found');
    await target.client.appendToStream(stream, anEvent(), { expectedRevision: 'no_stream' });
    expect(await revisionsOf(stream)).toEqual([3n]);
  });

  it('is undone by writing metadata: what was there stays hidden, what comes is seen', async () => {
    const stream = await softDeletedAfter(3);
    await target.client.setStreamMetadata(stream, { owner: 'contract' });
    const { metadata } = await target.client.getStreamMetadata(stream);
    expect(metadata).toMatchObject({ owner: 'contract', truncateBefore: 3 });
    expect(await readEvents(target.client, stream)).toEqual([]);
    await target.client.appendToStream(stream, anEvent(), { expectedRevision: 2n });
    expect(await revisionsOf(stream)).toEqual([3n]);
  });

  it('leaves the events in $all', async () => {
    const from = (await headOf(target.client)) ?? START;
    const stream = await softDeletedAfter(3);
    const log = await readAllFrom(target.client, from, stream);
    expect(log.map((resolved) => original(resolved).revision)).toEqual([0n, 1n, 2n]);
  });
});

describe('the expected revision of a delete', () => {
  const kinds = [
    { kind: 'soft delete', remove: 'deleteStream' as const },
    { kind: 'tombstone', remove: 'tombstoneStream' as const },
  ];

  describe.each(kinds)('$kind', ({ remove }) => {
    it.each<{ expected: 'any' | 'no_stream' | bigint; succeeds: boolean }>([
      { expected: 'any', succeeds: true },
      { expected: 2n, succeeds: true },
      { expected: 1n, succeeds: false },
      { expected: 5n, succeeds: false },
      { expected: 'no_stream', succeeds: false },
    ])('of a stream at revision 2, expecting $expected: succeeds $succeeds', async ({ expected, succeeds }) => {
      const stream = await streamOf(3);
      const removal = target.client[remove](stream, { expectedRevision: expected });
      if (succeeds) {
        expect((await removal).position).toBeDefined();
        expect(await idsOf(target.client, stream)).toEqual([]);
      } else {
        const error = await rejectionOf(removal);
        expect(errorType(error)).toBe('wrong-expected-version');
        expect(error['streamName']).toBe(stream);
        expect(error['expectedVersion']).toBe(expected === 'no_stream' ? -1n : expected);
        expect(error['actualVersion']).toBe(2n);
        expect(await idsOf(target.client, stream)).toHaveLength(3);
      }
    });

    it('of a tombstoned stream is refused: stream-deleted', async () => {
      const stream = await streamOf(1);
      await target.client.tombstoneStream(stream);
      for (const expectedRevision of ['any', 0n] as const) {
        const error = await rejectionOf(target.client[remove](stream, { expectedRevision }));
        expect(errorType(error)).toBe('stream-deleted');
        expect(error['streamName']).toBe(stream);
      }
    });
  });

  it('soft delete of a stream with neither events nor metadata is a wrong version', async () => {
    const error = await rejectionOf(target.client.deleteStream(target.stream()));
    expect(errorType(error)).toBe('wrong-expected-version');
  });

  it('soft delete of a stream with metadata only succeeds', async () => {
    const stream = target.stream();
    await target.client.setStreamMetadata(stream, { owner: 'contract' });
    await target.client.deleteStream(stream);
    expect(errorType(await rejectionOf(readEvents(target.client, stream)))).toBe('stream-not-found');
  });
});

describe('a tombstone', () => {
  it.each<{ expectedRevision: 'any' | 'no_stream' }>([{ expectedRevision: 'any' }, { expectedRevision: 'no_stream' }])(
    'of a missing stream, expecting $expectedRevision, closes it for ever',
    async ({ expectedRevision }) => {
      const stream = target.stream();
      await target.client.tombstoneStream(stream, { expectedRevision });
      expect(errorType(await rejectionOf(target.client.appendToStream(stream, anEvent())))).toBe('stream-deleted');
    },
  );

  it('is the event $streamDeleted at revision 2^63-1 in $all, at the position answered', async () => {
    const stream = await streamOf(2);
    const { position } = await target.client.tombstoneStream(stream);
    const [found] = await readAllFrom(target.client, position ?? START, stream);
    const event = original(found ?? {});
    expect(event).toMatchObject({ streamId: stream, type: '$streamDeleted', revision: 2n ** 63n - 1n });
    expect(positionOf(event)).toEqual(position);
  });

  it.each(appendRoutes)('closes the metadata stream with it, for $route and for reads', async ({ append }) => {
    const stream = await streamOf(1);
    await target.client.setStreamMetadata(stream, { owner: 'contract' });
    await target.client.tombstoneStream(stream);
    const metadata = jsonEvent({ type: '$metadata', data: { owner: 'late' } });
    expect(errorType(await rejectionOf(append(target.client, `$$${stream}`, metadata, 'any')))).toBe('stream-deleted');
    expect(errorType(await rejectionOf(target.client.getStreamMetadata(stream)))).toBe('stream-deleted');
  });

  it('of a soft-deleted stream closes it', async () => {
    const stream = await softDeletedAfter(2);
    await target.client.tombstoneStream(stream);
    expect(errorType(await rejectionOf(readEvents(target.client, stream)))).toBe('stream-deleted');
  });
});

describe('stream metadata', () => {
  it('is given back with system and custom keys; the last one written counts', async () => {
    const stream = target.stream();
    const metadata: StreamMetadata = {
      maxAge: 3600,
      maxCount: 5,
      truncateBefore: 1,
      cacheControl: 9,
      acl: { readRoles: ['reader'], writeRoles: ['writer', 'other'] },
      owner: 'contract',
    };
    await target.client.setStreamMetadata(stream, { owner: 'somebody else' });
    await target.client.setStreamMetadata(stream, metadata);
    expect((await target.client.getStreamMetadata(stream)).metadata).toEqual({
      ...metadata,
      acl: { readRoles: ['reader'], writeRoles: ['writer', 'other'] },
    });
  });

  it('of a stream without any is absent', async () => {
    expect((await target.client.getStreamMetadata(await streamOf(1))).metadata).toBeUndefined();
  });

  it('keeps one event in its own stream, whose numbering goes on', async () => {
    const stream = target.stream();
    for (let n = 0; n < 3; n++) await target.client.setStreamMetadata(stream, { n });
    const read = await readEvents(target.client, `$$${stream}`);
    expect(read.map((event) => [event.revision, event.data])).toEqual([[2n, { n: 2 }]]);
  });

  it('is written with an expected revision like any stream', async () => {
    const stream = target.stream();
    await target.client.setStreamMetadata(stream, { n: 0 }, { expectedRevision: 'no_stream' });
    await target.client.setStreamMetadata(stream, { n: 1 }, { expectedRevision: 0n });
    const error = await rejectionOf(target.client.setStreamMetadata(stream, { n: 2 }, { expectedRevision: 0n }));
    expect(errorType(error)).toBe('wrong-expected-version');
  });

  it.each<{ metadata: StreamMetadata; seen: bigint[] }>([
    { metadata: { maxCount: 2 }, seen: [3n, 4n] },
    { metadata: { maxCount: 10 }, seen: [0n, 1n, 2n, 3n, 4n] },
    { metadata: { truncateBefore: 3 }, seen: [3n, 4n] },
    { metadata: { truncateBefore: 5 }, seen: [] },
    { metadata: { truncateBefore: 4, maxCount: 3 }, seen: [4n] },
    { metadata: { truncateBefore: 1, maxCount: 2 }, seen: [3n, 4n] },
    { metadata: { maxAge: 3600 }, seen: [0n, 1n, 2n, 3n, 4n] },
    { metadata: { maxAge: 3600, maxCount: 4, truncateBefore: 2 }, seen: [2n, 3n, 4n] },
    { metadata: { owner: 'contract' }, seen: [0n, 1n, 2n, 3n, 4n] },
  ])('$metadata of a stream of five shows revisions $seen, in both directions', async ({ metadata, seen }) => {
    const stream = await streamOf(5);
    await target.client.setStreamMetadata(stream, metadata);
    expect(await revisionsOf(stream)).toEqual(seen);
    const backwards = await readEvents(target.client, stream, { direction: BACKWARDS, fromRevision: END });
    expect(backwards.map((event) => event.revision)).toEqual(seen.toReversed());
    expect((await target.client.appendToStream(stream, anEvent())).nextExpectedRevision).toBe(5n);
  });

  it('$maxCount moves on with the stream', async () => {
    const stream = await streamOf(2);
    await target.client.setStreamMetadata(stream, { maxCount: 2 });
    await target.client.appendToStream(stream, someEvents(3));
    expect(await revisionsOf(stream)).toEqual([3n, 4n]);
  });

  it('$maxAge hides what is older, from reads and from a subscription, but not from $all', async () => {
    const from = (await headOf(target.client)) ?? START;
    const stream = await streamOf(3);
    await target.client.setStreamMetadata(stream, { maxAge: 1 });
    await eventually('the events to grow too old', async () => (await revisionsOf(stream)).length === 0);
    const fresh = anEvent();
    await target.client.appendToStream(stream, fresh, { expectedRevision: 2n });
    await target.client.setStreamMetadata(stream, { maxAge: 3600, truncateBefore: 3 });
    expect(await idsOf(target.client, stream)).toEqual([fresh.id]);
    const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: START }));
    await subscriber.untilCaughtUp();
    await subscriber.stop();
    expect(subscriber.ids).toEqual([fresh.id]);
    expect(await readAllFrom(target.client, from, stream)).toHaveLength(4);
  });

  wireIt('that is not JSON counts as none', async () => {
    const stream = await streamOf(3);
    await target.client.setStreamMetadata(stream, { maxCount: 1 });
    await target.wire.append([
      appendOptions(`$$${stream}`, 'any'),
      appendMessage({ type: '$metadata', data: Buffer.from('{"$maxCount": 1') }),
    ]);
    expect(await revisionsOf(stream)).toEqual([0n, 1n, 2n]);
  });

  wireIt.each<{ json: string }>([
    { json: '{"$maxCount":"two"}' },
    { json: '{"$maxCount":-1}' },
    { json: '{"$tb":null}' },
    { json: '[1,2]' },
    { json: '7' },
    { json: '{}' },
  ])('$json hides nothing and breaks nothing', async ({ json }) => {
    const stream = await streamOf(3);
    await target.wire.append([
      appendOptions(`$$${stream}`, 'any'),
      appendMessage({ type: '$metadata', data: Buffer.from(json) }),
    ]);
    expect(await revisionsOf(stream)).toEqual([0n, 1n, 2n]);
    expect((await target.client.appendToStream(stream, anEvent())).nextExpectedRevision).toBe(3n);
  });
});
