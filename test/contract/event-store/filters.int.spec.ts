import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  START,
  eventTypeFilter,
  excludeSystemEvents,
  streamNameFilter,
  type Filter,
  type Position,
} from '@eventstore/db-client';
import { anEvent } from './events.js';
import { headOf, original, positionOf, readAllFrom } from './reading.js';
import { Subscriber } from './subscriber.js';
import { eventStoreTarget, wireIt } from './target.js';
import { readRequest, type WireRead } from './wire.js';

const target = eventStoreTarget();
const END_OF_TIME = 2n ** 64n - 1n;

/** A log of 240 events in four streams; type `rare` comes twelve times, type `never-more` only at the beginning. */
let from: Position | typeof START;
let streams: { a: string; ab: string; b: string; other: string };
let log: { id: string; type: string; stream: string; position: Position }[];

beforeAll(async () => {
  const prefix = target.stream('filtered');
  streams = { a: `${prefix}-a1`, ab: `${prefix}-a2`, b: `${prefix}-b1`, other: `${prefix}x` };
  const names = Object.values(streams);
  await target.client.appendToStream(target.stream('before'), anEvent());
  from = (await headOf(target.client)) ?? START;
  await target.client.appendToStream(streams.a, anEvent({ type: 'never-more' }));
  for (let part = 0; part < 12; part++) {
    for (const stream of names) {
      await target.client.appendToStream(stream, [
        ...(stream === streams.a ? [anEvent({ type: 'rare' })] : []),
        ...Array.from({ length: stream === streams.a ? 4 : 5 }, () => anEvent({ type: `common.${part % 3}` })),
      ]);
    }
  }
  const read = await readAllFrom(target.client, from, prefix);
  log = read.map((resolved) => {
    const event = original(resolved);
    return { id: event.id, type: event.type, stream: event.streamId, position: positionOf(event) };
  });
});

describe('a filter', () => {
  it.each<{ what: string; filter: () => Filter; matches: (event: (typeof log)[number]) => boolean }>([
    {
      what: 'by one stream prefix',
      filter: () => streamNameFilter({ prefixes: [streams.a] }),
      matches: ({ stream }) => stream === streams.a,
    },
    {
      what: 'by a stream prefix that several begin with',
      filter: () => streamNameFilter({ prefixes: [streams.a.slice(0, -1)] }),
      matches: ({ stream }) => stream === streams.a || stream === streams.ab,
    },
    {
      what: 'by two stream prefixes',
      filter: () => streamNameFilter({ prefixes: [streams.b, streams.other] }),
      matches: ({ stream }) => stream === streams.b || stream === streams.other,
    },
    {
      what: 'by a regex on the stream',
      filter: () => streamNameFilter({ regex: `^${streams.a.slice(0, -2)}[ab]1$` }),
      matches: ({ stream }) => stream === streams.a || stream === streams.b,
    },
    {
      what: 'by an unanchored regex on the stream',
      filter: () => streamNameFilter({ regex: streams.other.slice(8) }),
      matches: ({ stream }) => stream === streams.other,
    },
  ])('$what delivers exactly what matches, in order', async ({ filter, matches }) => {
    const expected = log.filter(matches).map((event) => event.id);
    const subscriber = new Subscriber(target.client.subscribeToAll({ fromPosition: from, filter: filter() }));
    await subscriber.until(
      'all matches and caughtUp',
      (seen) => seen.events.length >= expected.length && seen.caughtUpCount > 0,
    );
    await subscriber.stop();
    expect(subscriber.ids).toEqual(expected);
  });

  it.each<{ what: string; filter: Filter; matches: (type: string) => boolean }>([
    { what: 'a type prefix', filter: eventTypeFilter({ prefixes: ['rare'] }), matches: (type) => type === 'rare' },
    {
      what: 'two type prefixes',
      filter: eventTypeFilter({ prefixes: ['rare', 'common.1'] }),
      matches: (type) => type === 'rare' || type === 'common.1',
    },
    {
      what: 'a type regex',
      filter: eventTypeFilter({ regex: '^common\\.[02]$' }),
      matches: (type) => type === 'common.0' || type === 'common.2',
    },
    { what: 'no system events', filter: excludeSystemEvents(), matches: (type) => !type.startsWith('$') },
    {
      what: 'a regex that nothing matches',
      filter: eventTypeFilter({ regex: '^no such type$' }),
      matches: () => false,
    },
  ])('by $what delivers exactly what matches, in order', async ({ filter, matches }) => {
    const last = positionOf(log.at(-1) ?? {});
    const subscriber = new Subscriber(target.client.subscribeToAll({ fromPosition: from, filter }));
    await subscriber.untilCaughtUp();
    await subscriber.until('everything up to the last', (seen) => {
      const expected = log.filter(({ type }) => matches(type)).length;
      return seen.events.length >= expected;
    });
    await subscriber.stop();
    const upTo = subscriber.events
      .map((resolved) => resolved.link ?? resolved.event)
      .filter((event) => {
        return event !== undefined && positionOf(event).commit <= last.commit;
      });
    const ours = new Set(log.map(({ id }) => id));
    const seen = upTo.map((event) => event?.id ?? '').filter((id) => ours.has(id));
    expect(seen).toEqual(log.filter(({ type }) => matches(type)).map(({ id }) => id));
    for (const event of upTo) expect(matches(event?.type ?? '')).toBe(true);
  });
});

interface Seen {
  readonly kind: 'event' | 'checkpoint';
  readonly position: Position;
}

/** Events and checkpoints of a subscription as they came over the wire; the u64-max checkpoint of 24.6 is dropped. */
function seenBy(reading: WireRead): Seen[] {
  const seen: Seen[] = [];
  for (const answer of reading.answers) {
    const event = answer.getEvent()?.getEvent();
    if (event !== undefined) {
      seen.push({ kind: 'event', position: pair(event.getCommitPosition(), event.getPreparePosition()) });
    }
    const checkpoint = answer.getCheckpoint();
    if (checkpoint !== undefined) {
      const position = pair(checkpoint.getCommitPosition(), checkpoint.getPreparePosition());
      if (position.commit !== END_OF_TIME) seen.push({ kind: 'checkpoint', position });
    }
  }
  return seen;
}

function pair(commit: string, prepare: string): Position {
  return { commit: BigInt(commit), prepare: BigInt(prepare) };
}

function isAfter(a: Position, b: Position): boolean {
  return a.commit === b.commit ? a.prepare > b.prepare : a.commit > b.commit;
}

describe('checkpoints', () => {
  const rows = [
    { what: 'when much matches', type: 'common', window: 8, multiplier: 1 },
    { what: 'when little matches', type: 'rare', window: 8, multiplier: 1 },
    { what: 'when almost nothing matches', type: 'never-more', window: 8, multiplier: 2 },
    { what: 'when nothing matches', type: 'no such type', window: 16, multiplier: 1 },
    { what: 'with the default window', type: 'rare', window: undefined, multiplier: 1 },
  ];

  const readOnce = async (type: string, start: Position | typeof START, window?: number, multiplier = 1) => {
    const reading = target.wire.openRead(
      readRequest({
        subscribe: true,
        from: start === START ? 'start' : start,
        filter: { on: 'type', prefixes: [type], multiplier, ...(window === undefined ? {} : { window }) },
      }),
    );
    await reading.until('caught up', (kinds) => kinds.includes('caughtUp'));
    reading.cancel();
    return reading;
  };

  for (const { what, type, window, multiplier } of rows) {
    wireIt(`never go back and never pass an undelivered event, ${what}`, async () => {
      const reading = await readOnce(type, from, window, multiplier);
      const seen = seenBy(reading);
      const checkpoints = seen.filter(({ kind }) => kind === 'checkpoint');
      expect(checkpoints.length).toBeGreaterThan(0);
      for (let index = 1; index < checkpoints.length; index++) {
        const [before, after] = [checkpoints[index - 1], checkpoints[index]];
        expect(before !== undefined && after !== undefined && isAfter(before.position, after.position)).toBe(false);
      }
      const undelivered = log.filter((event) => event.type.startsWith(type));
      for (const { kind, position } of seen) {
        if (kind === 'event') undelivered.shift();
        else for (const event of undelivered) expect(isAfter(event.position, position)).toBe(true);
      }
      expect(undelivered).toEqual([]);
    });

    wireIt(`and events are places to stop and resume without loss, ${what}`, async () => {
      const first = await readOnce(type, from, window, multiplier);
      const expected = log.filter((event) => event.type.startsWith(type));
      const places = seenBy(first);
      const step = Math.max(1, Math.ceil(places.length / 40));
      const chosen = places.filter((_, index) => index % step === 0 || index === places.length - 1);
      for (let at = 0; at < chosen.length; at += 8) {
        await Promise.all(
          chosen.slice(at, at + 8).map(async (place) => {
            const handled = places.slice(0, places.indexOf(place) + 1).filter(({ kind }) => kind === 'event').length;
            const rest = expected.slice(handled).map((event) => event.position);
            const resumed = seenBy(await readOnce(type, place.position, window, multiplier));
            const again = resumed.filter(({ kind }) => kind === 'event').map(({ position }) => position);
            const fresh = again.filter((position) => {
              const last = expected[handled - 1];
              return last === undefined || isAfter(position, last.position);
            });
            expect(fresh).toEqual(rest);
          }),
        );
      }
    });
  }

  wireIt('go on while the subscription is live', async () => {
    const reading = target.wire.openRead(
      readRequest({
        subscribe: true,
        from: 'end',
        filter: { on: 'stream', prefixes: ['no such stream'], window: 4, multiplier: 1 },
      }),
    );
    await reading.until('caught up', (kinds) => kinds.includes('caughtUp'));
    const before = reading.kinds.length;
    const stream = target.stream('live');
    for (let n = 0; n < 12; n++) await target.client.appendToStream(stream, anEvent());
    await reading.until('two live checkpoints', (kinds) => {
      return kinds.slice(before).filter((kind) => kind === 'checkpoint').length >= 2;
    });
    reading.cancel();
  });

  wireIt('do not come without a filter', async () => {
    const reading = target.wire.openRead(readRequest({ subscribe: true, from: from === START ? 'start' : from }));
    await reading.until('caught up', (kinds) => kinds.includes('caughtUp'));
    reading.cancel();
    expect(reading.kinds).not.toContain('checkpoint');
  });

  it('reach the callback of the client, which may be the only sign of progress', async () => {
    const checkpoints: Position[] = [];
    const filter = eventTypeFilter({
      prefixes: ['no such type'],
      checkpointInterval: 1,
      maxSearchWindow: 16,
      checkpointReached: (_, position) => {
        checkpoints.push(position);
      },
    });
    const subscriber = new Subscriber(target.client.subscribeToAll({ fromPosition: from, filter }));
    await subscriber.untilCaughtUp();
    await subscriber.until('a checkpoint', () => checkpoints.length > 0);
    await subscriber.stop();
    expect(subscriber.events).toEqual([]);
  });
});
