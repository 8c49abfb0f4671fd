import { describe, expect, it } from '@jest/globals';
import { END, START, streamNameFilter, type Position } from '@eventstore/db-client';
import { startEventStoreNode } from '../../support/event-store-node.js';
import { anEvent, someEvents } from './events.js';
import { errorType, headOf, original, positionOf, readAllFrom, readEvents } from './reading.js';
import { Subscriber } from './subscriber.js';
import { connect, describeEmbedded, dispose, eventStoreTarget, wireIt } from './target.js';
import { readRequest } from './wire.js';

const target = eventStoreTarget();

async function streamOf(count: number): Promise<{ stream: string; ids: string[]; positions: Position[] }> {
  const stream = target.stream();
  await target.client.appendToStream(stream, someEvents(count));
  const events = await readEvents(target.client, stream);
  return { stream, ids: events.map((event) => event.id), positions: events.map(positionOf) };
}

describe('a subscription to a stream', () => {
  it('from the start delivers the very first event, then those to come', async () => {
    const { stream, ids } = await streamOf(3);
    const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: START }));
    await subscriber.untilCaughtUp();
    const live = anEvent();
    await target.client.appendToStream(stream, live);
    await subscriber.untilCount(4);
    await subscriber.stop();
    expect(subscriber.ids).toEqual([...ids, live.id]);
  });

  it('from revision N delivers strictly later events', async () => {
    const { stream, ids } = await streamOf(4);
    const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: 1n }));
    await subscriber.untilCount(2);
    await subscriber.stop();
    expect(subscriber.ids).toEqual(ids.slice(2));
  });

  it.each([{ from: END as typeof END | bigint }, { from: 3n }])(
    'from $from, the end, delivers only what is appended afterwards',
    async ({ from }) => {
      const { stream } = await streamOf(4);
      const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: from }));
      await subscriber.untilCaughtUp();
      const live = someEvents(2);
      await target.client.appendToStream(stream, live);
      await subscriber.untilCount(2);
      await subscriber.stop();
      expect(subscriber.ids).toEqual(live.map((event) => event.id));
    },
  );

  it.each([
    { what: 'missing', given: () => Promise.resolve(), expected: 'no_stream' as const },
    {
      what: 'soft-deleted',
      given: async (stream: string) => {
        await target.client.appendToStream(stream, someEvents(2));
        await target.client.deleteStream(stream);
      },
      expected: 'any' as const,
    },
  ])('waits without an error for a $what stream', async ({ given, expected }) => {
    const stream = target.stream();
    await given(stream);
    const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: START }));
    await subscriber.untilCaughtUp();
    const event = anEvent();
    await target.client.appendToStream(stream, event, { expectedRevision: expected });
    await subscriber.untilCount(1);
    await subscriber.stop();
    expect(subscriber.ids).toEqual([event.id]);
    expect(subscriber.error).toBeUndefined();
  });

  it('fails with stream-deleted when the stream is tombstoned already', async () => {
    const { stream } = await streamOf(1);
    await target.client.tombstoneStream(stream);
    const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: START }));
    await subscriber.until('an error', ({ error }) => error !== undefined);
    expect(errorType(subscriber.error)).toBe('stream-deleted');
    expect(subscriber.error).toMatchObject({ streamName: stream });
    expect(subscriber.ids).toEqual([]);
  });

  it('delivers $streamDeleted and then fails with stream-deleted when the stream is tombstoned meanwhile', async () => {
    const { stream } = await streamOf(1);
    const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: START }));
    await subscriber.untilCaughtUp();
    await target.client.tombstoneStream(stream);
    await subscriber.until('an error', ({ error }) => error !== undefined);
    expect(errorType(subscriber.error)).toBe('stream-deleted');
    expect(subscriber.events.map((resolved) => resolved.event?.type)).toEqual(['something-happened', '$streamDeleted']);
  });

  it('is not given what metadata hides, in catch-up', async () => {
    const { stream, ids } = await streamOf(5);
    await target.client.setStreamMetadata(stream, { truncateBefore: 3 });
    const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: START }));
    await subscriber.untilCaughtUp();
    await subscriber.stop();
    expect(subscriber.ids).toEqual(ids.slice(3));
  });

  it('that is stopped gets nothing more', async () => {
    const { stream } = await streamOf(1);
    const subscriber = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: START }));
    await subscriber.untilCaughtUp();
    await subscriber.stop();
    await target.client.appendToStream(stream, anEvent());
    const witness = new Subscriber(target.client.subscribeToStream(stream, { fromRevision: START }));
    await witness.untilCount(2);
    await witness.stop();
    expect(subscriber.events).toHaveLength(1);
    expect(subscriber.error).toBeUndefined();
  });
});

describe('a subscription to $all', () => {
  it('from a position delivers strictly later events', async () => {
    const { stream, ids, positions } = await streamOf(4);
    const filter = streamNameFilter({ prefixes: [stream] });
    const subscriber = new Subscriber(target.client.subscribeToAll({ fromPosition: positions[1] ?? START, filter }));
    await subscriber.untilCount(2);
    await subscriber.stop();
    expect(subscriber.ids).toEqual(ids.slice(2));
  });

  it('from the last event of the log catches up at once and goes on', async () => {
    for (let round = 0; round < 5; round++) {
      const { position } = await target.client.appendToStream(target.stream(), someEvents(1 + round));
      const filter = streamNameFilter({ prefixes: [target.prefix] });
      const subscriber = new Subscriber(target.client.subscribeToAll({ fromPosition: position ?? START, filter }));
      await subscriber.untilCaughtUp();
      const { ids } = await streamOf(2);
      await subscriber.untilCount(2);
      await subscriber.stop();
      expect(subscriber.ids).toEqual(ids);
    }
  });

  it('from the pair (X, 0) delivers the event at X', async () => {
    const { ids, positions } = await streamOf(2);
    const fromPosition = { commit: positions[1]?.commit ?? 0n, prepare: 0n };
    const subscriber = new Subscriber(target.client.subscribeToAll({ fromPosition }));
    await subscriber.until('the event at X', (seen) => seen.ids.includes(ids[1] ?? ''));
    await subscriber.stop();
    expect(subscriber.ids[0]).toBe(ids[1]);
  });

  it('from the start delivers the very first event of the log', async () => {
    await streamOf(1);
    let first = '';
    for await (const resolved of target.client.readAll({ maxCount: 1 })) first = original(resolved).id;
    const subscriber = new Subscriber(target.client.subscribeToAll({ fromPosition: START }));
    await subscriber.untilCount(1);
    await subscriber.stop();
    expect(subscriber.ids[0]).toBe(first);
  });

  it('from the end delivers only what commits after the confirmation', async () => {
    await streamOf(3);
    const subscriber = new Subscriber(
      target.client.subscribeToAll({ fromPosition: END, filter: streamNameFilter({ prefixes: [target.prefix] }) }),
    );
    await subscriber.untilCaughtUp();
    const { ids } = await streamOf(2);
    await subscriber.until('the new events', (seen) => seen.ids.includes(ids[1] ?? ''));
    await subscriber.stop();
    expect(subscriber.ids).toEqual(ids);
  });

  it('delivers what metadata and deletes hide from stream reads', async () => {
    const from = (await headOf(target.client)) ?? START;
    const { stream, ids } = await streamOf(3);
    await target.client.setStreamMetadata(stream, { maxCount: 1 });
    await target.client.deleteStream(stream);
    const subscriber = new Subscriber(
      target.client.subscribeToAll({ fromPosition: from, filter: streamNameFilter({ prefixes: [stream] }) }),
    );
    await subscriber.untilCount(3);
    await subscriber.stop();
    expect(subscriber.ids).toEqual(ids);
  });
});

describe('the order of answers of a subscription', () => {
  wireIt('is confirmation, history, caught up once, then live', async () => {
    const { stream } = await streamOf(3);
    const reading = target.wire.openRead(readRequest({ stream, subscribe: true }));
    await reading.until('caught up', (kinds) => kinds.includes('caughtUp'));
    await target.client.appendToStream(stream, someEvents(2));
    await reading.until('five events', (kinds) => kinds.filter((kind) => kind === 'event').length === 5);
    reading.cancel();
    expect(reading.kinds).toEqual(['confirmation', 'event', 'event', 'event', 'caughtUp', 'event', 'event']);
    expect(reading.answers[0]?.getConfirmation()?.getSubscriptionId()).not.toBe('');
  });

  for (const from of ['end' as const, 99n]) {
    wireIt(`is confirmation and caught up at once from ${from}, at or beyond the end`, async () => {
      const { stream } = await streamOf(3);
      const reading = target.wire.openRead(readRequest({ stream, subscribe: true, from }));
      await reading.until('caught up', (kinds) => kinds.includes('caughtUp'));
      reading.cancel();
      expect(reading.kinds).toEqual(['confirmation', 'caughtUp']);
    });
  }

  describeEmbedded('on the embedded node', 'a real log has other writers', () => {
    wireIt('never says fell-behind', async () => {
      const reading = target.wire.openRead(readRequest({ subscribe: true, from: 'end' }));
      await reading.until('caught up', (kinds) => kinds.includes('caughtUp'));
      reading.call.pause();
      for (let n = 0; n < 10; n++) await streamOf(200);
      reading.call.resume();
      await reading.until('2000 events', (kinds) => kinds.filter((kind) => kind === 'event').length === 2000);
      reading.cancel();
      expect(reading.kinds).not.toContain('fellBehind');
    });
  });
});

describeEmbedded('an empty log', 'the log of a server by URL has a past', () => {
  it('is followed from its very first event by every subscriber that was there before it', async () => {
    for (let round = 0; round < 5; round++) {
      const node = await startEventStoreNode();
      const client = connect(node.url);
      const filter = streamNameFilter({ prefixes: ['first'] });
      const subscribers = Array.from({ length: 8 }, (_, n) => {
        if (n % 2 === 0) return new Subscriber(client.subscribeToAll({ fromPosition: START, filter }));
        return new Subscriber(client.subscribeToStream('first', { fromRevision: START }));
      });
      const events = someEvents(60);
      await Promise.all(events.map((event) => client.appendToStream('first', event)));
      for (const subscriber of subscribers) await subscriber.untilCount(60);
      const ids = (await readEvents(client, 'first')).map((event) => event.id);
      for (const subscriber of subscribers) expect(subscriber.ids).toEqual(ids);
      await Promise.all(subscribers.map((subscriber) => subscriber.stop()));
      await dispose(client);
      await node.close();
    }
  });
});

describe('the seam between history and live, under concurrent writers', () => {
  it('gives every subscriber every event exactly once, in order', async () => {
    const from = (await headOf(target.client)) ?? START;
    const common = target.stream('seam');
    const writers = 6;
    const rounds = 40;
    const total = { common: (writers * rounds) / 2, all: writers * rounds };
    const prefixes = [target.prefix];
    const filter = streamNameFilter({ prefixes, checkpointInterval: 100 });
    const slowly = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
    const inStream: Subscriber[] = [];
    const inAll: Subscriber[] = [];
    const subscribe = (client = target.client, pace?: () => Promise<void>): void => {
      const few = pace === undefined ? {} : { highWaterMark: 1 };
      inStream.push(new Subscriber(client.subscribeToStream(common, { fromRevision: START }, few), pace));
      inAll.push(new Subscriber(client.subscribeToAll({ fromPosition: from, filter }, few), pace));
    };

    subscribe();
    subscribe(target.anotherClient(), slowly);
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        const own = target.stream(`own${writer}`);
        for (let round = 0; round < rounds; round++) {
          await target.client.appendToStream(round % 2 === 0 ? common : own, anEvent());
          if (writer === 0 && round % 10 === 5) subscribe(round === 25 ? target.anotherClient() : target.client);
        }
      }),
    );
    subscribe();

    for (const subscriber of inStream) await subscriber.untilCount(total.common);
    for (const subscriber of inAll) await subscriber.untilCount(total.all);
    const streamIds = (await readEvents(target.client, common)).map((event) => event.id);
    const allIds = (await readAllFrom(target.client, from, target.prefix)).map((resolved) => original(resolved).id);
    expect(streamIds).toHaveLength(total.common);
    for (const subscriber of inStream) expect(subscriber.ids).toEqual(streamIds);
    for (const subscriber of inAll) expect(subscriber.ids).toEqual(allIds.slice(-total.all));
    await Promise.all([...inStream, ...inAll].map((subscriber) => subscriber.stop()));
  });
});
