import { beforeAll, describe, expect, it } from '@jest/globals';
import { BACKWARDS, END, FORWARDS, START, type Direction, type ReadRevision } from '@eventstore/db-client';
import { aLink, anEvent, someEvents } from './events.js';
import {
  headOf,
  original,
  positionOf,
  readAllFrom,
  readEvents,
  readResolved,
  rejectionOf,
  errorType,
} from './reading.js';
import { eventStoreTarget, wireIt } from './target.js';
import { readRequest } from './wire.js';
import { Subscriber } from './subscriber.js';

const target = eventStoreTarget();

describe('reading a stream', () => {
  const events = someEvents(5);
  let stream: string;
  beforeAll(async () => {
    stream = target.stream('five');
    await target.client.appendToStream(stream, events);
  });

  it.each<{ direction: Direction; from: ReadRevision; revisions: bigint[] }>([
    { direction: FORWARDS, from: START, revisions: [0n, 1n, 2n, 3n, 4n] },
    { direction: FORWARDS, from: 0n, revisions: [0n, 1n, 2n, 3n, 4n] },
    { direction: FORWARDS, from: 2n, revisions: [2n, 3n, 4n] },
    { direction: FORWARDS, from: 4n, revisions: [4n] },
    { direction: FORWARDS, from: 5n, revisions: [] },
    { direction: FORWARDS, from: 1_000_000n, revisions: [] },
    { direction: FORWARDS, from: END, revisions: [] },
    { direction: BACKWARDS, from: END, revisions: [4n, 3n, 2n, 1n, 0n] },
    { direction: BACKWARDS, from: 4n, revisions: [4n, 3n, 2n, 1n, 0n] },
    { direction: BACKWARDS, from: 2n, revisions: [2n, 1n, 0n] },
    { direction: BACKWARDS, from: 0n, revisions: [0n] },
    { direction: BACKWARDS, from: START, revisions: [0n] },
  ])('$direction from $from gives revisions $revisions', async ({ direction, from, revisions }) => {
    const read = await readEvents(target.client, stream, { direction, fromRevision: from });
    expect(read.map((event) => event.revision)).toEqual(revisions);
    expect(read.map((event) => event.id)).toEqual(revisions.map((revision) => events[Number(revision)]?.id));
  });

  it.each<{ direction: Direction; from: ReadRevision; maxCount: number; revisions: bigint[] }>([
    { direction: FORWARDS, from: 1n, maxCount: 2, revisions: [1n, 2n] },
    { direction: FORWARDS, from: 3n, maxCount: 10, revisions: [3n, 4n] },
    { direction: BACKWARDS, from: END, maxCount: 2, revisions: [4n, 3n] },
  ])('$direction from $from at most $maxCount gives revisions $revisions', async (row) => {
    const { direction, from, maxCount, revisions } = row;
    const read = await readEvents(target.client, stream, { direction, fromRevision: from, maxCount });
    expect(read.map((event) => event.revision)).toEqual(revisions);
  });

  it('fills in stream, type, instant, content and position of each event', async () => {
    const before = Date.now() - 60_000;
    const [event] = await readEvents(target.client, stream, { maxCount: 1 });
    expect(event).toMatchObject({
      streamId: stream,
      type: 'something-happened',
      isJson: true,
      data: { some: 'fact' },
      revision: 0n,
    });
    expect(event?.created.getTime()).toBeGreaterThan(before);
    expect(event?.created.getTime()).toBeLessThan(Date.now() + 60_000);
    expect(event?.position?.commit).toBe(event?.position?.prepare);
  });

  it('reads a long stream in both directions without loss or repeat', async () => {
    const long = target.stream('long');
    for (let part = 0; part < 3; part++) await target.client.appendToStream(long, someEvents(500));
    const expected = Array.from({ length: 1500 }, (_, revision) => BigInt(revision));

    const forwards = await readEvents(target.client, long);
    const backwards = await readEvents(target.client, long, { direction: BACKWARDS, fromRevision: END });

    expect(forwards.map((event) => event.revision)).toEqual(expected);
    expect(backwards.map((event) => event.revision)).toEqual(expected.toReversed());
  });
});

describe('reading a stream that has nothing to read', () => {
  it.each([
    { what: 'never existed', given: () => Promise.resolve() },
    {
      what: 'has only metadata',
      given: async (stream: string) => {
        await target.client.setStreamMetadata(stream, { owner: 'contract' });
      },
    },
    {
      what: 'is soft-deleted',
      given: async (stream: string) => {
        await target.client.appendToStream(stream, someEvents(2));
        await target.client.deleteStream(stream);
      },
    },
  ])('fails with stream-not-found when it $what', async ({ given }) => {
    const stream = target.stream();
    await given(stream);
    for (const direction of [FORWARDS, BACKWARDS] as const) {
      const fromRevision = direction === FORWARDS ? START : END;
      const error = await rejectionOf(readEvents(target.client, stream, { direction, fromRevision }));
      expect(errorType(error)).toBe('stream-not-found');
      expect(error['streamName']).toBe(stream);
    }
  });

  it.each([
    { of: 'the stream', prefix: '' },
    { of: 'its metadata stream', prefix: '$$' },
  ])('fails with stream-deleted when it is tombstoned, for $of', async ({ prefix }) => {
    const stream = target.stream();
    await target.client.setStreamMetadata(stream, { owner: 'contract' });
    await target.client.appendToStream(stream, someEvents(2));
    await target.client.tombstoneStream(stream);

    const error = await rejectionOf(readEvents(target.client, `${prefix}${stream}`));

    expect(errorType(error)).toBe('stream-deleted');
    expect(error['streamName']).toBe(`${prefix}${stream}`);
  });

  it.each([
    { cut: '$tb', metadata: { truncateBefore: 10 } },
    { cut: '$maxAge', metadata: { maxAge: 1 } },
  ])('is empty, but there, when $cut hides every event', async ({ metadata }) => {
    const stream = target.stream();
    await target.client.appendToStream(stream, someEvents(3));
    await target.client.setStreamMetadata(stream, metadata);
    const bound = performance.now() + 10_000;
    let read = await readEvents(target.client, stream);
    while (read.length > 0 && performance.now() < bound) read = await readEvents(target.client, stream);
    expect(read).toEqual([]);
    expect(await readEvents(target.client, stream, { direction: BACKWARDS, fromRevision: END })).toEqual([]);
  });
});

describe('reading $all', () => {
  it('is inclusive forwards and exclusive backwards', async () => {
    const stream = target.stream();
    await target.client.appendToStream(stream, someEvents(3));
    const [first, second, third] = await readEvents(target.client, stream);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three events expected');

    const forwards = await readAllFrom(target.client, positionOf(second), stream);
    expect(forwards.map((resolved) => original(resolved).id)).toEqual([second.id, third.id]);

    const backwards: string[] = [];
    for await (const resolved of target.client.readAll({
      direction: BACKWARDS,
      fromPosition: positionOf(third),
      maxCount: 2,
    })) {
      backwards.push(original(resolved).id);
    }
    expect(backwards).toEqual([second.id, first.id]);
  });

  it('backwards from the start and forwards from the end gives nothing', async () => {
    for (const [direction, fromPosition] of [
      [BACKWARDS, START],
      [FORWARDS, END],
    ] as const) {
      for await (const resolved of target.client.readAll({ direction, fromPosition, maxCount: 10 })) {
        throw new Error(`unexpected ${original(resolved).id}`);
      }
    }
  });

  it('backwards from the end begins with the last event of the log', async () => {
    const { position } = await target.client.appendToStream(target.stream(), someEvents(2));
    const head = await headOf(target.client);
    expect(head?.commit).toBeGreaterThanOrEqual(position?.commit ?? -1n);
  });

  it('forwards from the start begins with the first event of the log, whoever asks', async () => {
    const first: unknown[] = [];
    for (let reader = 0; reader < 2; reader++) {
      for await (const resolved of target.client.readAll({ fromPosition: START, maxCount: 1 })) {
        first.push(original(resolved).position);
      }
    }
    expect(first).toHaveLength(2);
    expect(first[1]).toEqual(first[0]);
  });

  it('honours the count', async () => {
    await target.client.appendToStream(target.stream(), someEvents(5));
    let count = 0;
    for await (const resolved of target.client.readAll({ maxCount: 3 })) count += resolved.event === undefined ? 0 : 1;
    expect(count).toBe(3);
  });
});

describe('an impossible combination is an invalid argument', () => {
  const rows: { what: string; request: Parameters<typeof readRequest>[0] }[] = [
    { what: 'a subscription backwards', request: { subscribe: true, backwards: true } },
    { what: 'a filter on a stream', request: { stream: 'some', filter: { on: 'type', prefixes: ['a'] } } },
    {
      what: 'a checkpoint interval of zero',
      request: { subscribe: true, filter: { on: 'type', prefixes: ['a'], multiplier: 0 } },
    },
    { what: 'no word about UUIDs', request: { uuids: 'unsaid' } },
    { what: 'a position with commit before prepare', request: { from: { commit: 5n, prepare: 6n } } },
  ];
  for (const { what, request } of rows) {
    wireIt(what, async () => {
      const reading = target.wire.openRead(readRequest(request));
      await reading.ended;
      expect(reading.error?.code).toBe(3);
      expect(reading.kinds.filter((kind) => kind === 'event')).toEqual([]);
    });
  }

  wireIt('a filter is allowed on a read of $all in both directions', async () => {
    const stream = target.stream('filtered');
    await target.client.appendToStream(stream, someEvents(3));
    const filter = { on: 'stream' as const, prefixes: [stream] };
    for (const backwards of [false, true]) {
      const answers = await target.wire.read(readRequest({ filter, backwards, from: backwards ? 'end' : 'start' }));
      const revisions = answers.flatMap((answer) => answer.getEvent()?.getEvent()?.getStreamRevision() ?? []);
      expect(revisions).toEqual(backwards ? ['2', '1', '0'] : ['0', '1', '2']);
    }
  });
});

describe('links', () => {
  async function linked(): Promise<{ origin: string; links: string; linkId: string; eventId: string }> {
    const [origin, links] = [target.stream('origin'), target.stream('links')];
    const events = someEvents(2);
    await target.client.appendToStream(origin, events);
    const link = aLink(`1@${origin}`);
    await target.client.appendToStream(links, link);
    return { origin, links, linkId: link.id, eventId: events[1]?.id ?? '' };
  }

  it('come as events when they are not resolved', async () => {
    const { origin, links, linkId } = await linked();
    const [resolved] = await readResolved(target.client, links);
    expect(resolved?.link).toBeUndefined();
    expect(resolved?.event).toMatchObject({ id: linkId, type: '$>', streamId: links });
    expect(Buffer.from(resolved?.event?.data as Uint8Array).toString()).toBe(`1@${origin}`);
  });

  it('bring their target when they are resolved; order and position are those of the link', async () => {
    const { origin, links, linkId, eventId } = await linked();
    const [resolved] = await readResolved(target.client, links, { resolveLinkTos: true });
    expect(resolved?.link).toMatchObject({ id: linkId, streamId: links, revision: 0n });
    expect(resolved?.event).toMatchObject({ id: eventId, streamId: origin, revision: 1n });
    expect(resolved?.commitPosition).toBe(resolved?.link?.position?.commit);
  });

  it.each([
    { what: 'never existed', change: () => Promise.resolve(), to: (origin: string) => `7@${origin}-nowhere` },
    { what: 'lies beyond the end', change: () => Promise.resolve(), to: (origin: string) => `9@${origin}` },
    {
      what: 'was truncated',
      change: async (origin: string) => {
        await target.client.setStreamMetadata(origin, { truncateBefore: 2 });
      },
      to: (origin: string) => `1@${origin}`,
    },
    {
      what: 'was deleted',
      change: async (origin: string) => {
        await target.client.deleteStream(origin);
      },
      to: (origin: string) => `1@${origin}`,
    },
    {
      what: 'was tombstoned',
      change: async (origin: string) => {
        await target.client.tombstoneStream(origin);
      },
      to: (origin: string) => `1@${origin}`,
    },
  ])('come alone when their target $what', async ({ change, to }) => {
    const { origin, links } = await linked();
    const dangling = aLink(to(origin));
    await target.client.appendToStream(links, dangling);
    await change(origin);
    const resolved = await readResolved(target.client, links, { resolveLinkTos: true, fromRevision: 1n });
    expect(resolved).toHaveLength(1);
    expect(resolved[0]?.event).toBeUndefined();
    expect(resolved[0]?.link).toMatchObject({ id: dangling.id, revision: 1n });
  });

  it('to a stream with an @ in its name are split at the first one', async () => {
    const origin = `${target.stream('at')}@home`;
    const links = target.stream('links');
    const event = anEvent();
    await target.client.appendToStream(origin, event);
    await target.client.appendToStream(links, aLink(`0@${origin}`));
    const [resolved] = await readResolved(target.client, links, { resolveLinkTos: true });
    expect(resolved?.event).toMatchObject({ id: event.id, streamId: origin });
  });

  it('are where a subscription resumes', async () => {
    const { origin, links, eventId } = await linked();
    const second = aLink(`0@${origin}`);
    await target.client.appendToStream(links, second);
    const subscriber = new Subscriber(
      target.client.subscribeToStream(links, { fromRevision: 0n, resolveLinkTos: true }),
    );
    await subscriber.untilCount(1);
    await subscriber.stop();
    expect(subscriber.events.map((resolved) => resolved.link?.id)).toEqual([second.id]);
    expect(subscriber.events[0]?.event?.id).not.toBe(eventId);
    expect(subscriber.events[0]?.event).toMatchObject({ streamId: origin, revision: 0n });
  });

  it('are resolved in $all too, at the place of the link', async () => {
    const { links, linkId, eventId } = await linked();
    const [link] = await readEvents(target.client, links);
    const found = [];
    for await (const resolved of target.client.readAll({
      fromPosition: positionOf(link ?? {}),
      resolveLinkTos: true,
      maxCount: 1,
    })) {
      found.push([resolved.link?.id, resolved.event?.id]);
    }
    expect(found).toEqual([[linkId, eventId]]);
  });
});
