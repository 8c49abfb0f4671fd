import { describe, expect, it } from '@jest/globals';
import type { AppendExpectedRevision, AppendResult, JSONEventData } from '@eventstore/db-client';
import { anEvent, appendRoutes, someEvents, type AppendRoute } from './events.js';
import { errorType, idsOf, positionOf, readEvents, rejectionOf } from './reading.js';
import { eventStoreTarget } from './target.js';

const target = eventStoreTarget();

/** What a second append does, seen from the stream and from its caller. */
async function secondAppend(
  { append }: AppendRoute,
  given: {
    readonly expected: AppendExpectedRevision;
    readonly stored: readonly JSONEventData[];
    readonly again: JSONEventData[];
    readonly after?: (stream: string) => Promise<unknown>;
  },
): Promise<{ result?: AppendResult; error?: string; written: number; revisionBefore: bigint; stream: string }> {
  const stream = target.stream();
  await target.client.appendToStream(stream, [...given.stored], { expectedRevision: 'no_stream' });
  await given.after?.(stream);
  const before = await idsOf(target.client, stream);
  try {
    const result = await append(target.client, stream, given.again, given.expected);
    const written = (await idsOf(target.client, stream)).length - before.length;
    return { result, written, stream, revisionBefore: BigInt(before.length - 1) };
  } catch (error) {
    const written = (await idsOf(target.client, stream)).length - before.length;
    return { error: errorType(error) ?? String(error), written, stream, revisionBefore: BigInt(before.length - 1) };
  }
}

async function expectOldAnswer(
  outcome: Awaited<ReturnType<typeof secondAppend>>,
  lastOfThem: JSONEventData | undefined,
): Promise<void> {
  expect(outcome.error).toBeUndefined();
  expect(outcome.written).toBe(0);
  const old = (await readEvents(target.client, outcome.stream)).find((event) => event.id === lastOfThem?.id);
  expect(outcome.result?.nextExpectedRevision).toBe(old?.revision);
  expect(outcome.result?.position).toEqual(old?.position);
}

describe.each(appendRoutes)('an append by $route with ids seen before', (route) => {
  describe.each<{ expected: AppendExpectedRevision }>([{ expected: 'any' }, { expected: 'stream_exists' }])(
    'expecting $expected (weak)',
    ({ expected }) => {
      it('is a normal append when its first id is not in the stream, even if a later one is', async () => {
        const [old, fresh] = [anEvent(), anEvent()];
        const outcome = await secondAppend(route, { expected, stored: [old], again: [fresh, old] });
        expect(outcome).toMatchObject({ written: 2 });
        expect(outcome.result?.nextExpectedRevision).toBe(2n);
      });

      it('writes nothing and gives the old answer when all ids are in the stream', async () => {
        const stored = someEvents(3);
        const outcome = await secondAppend(route, { expected, stored, again: [...stored] });
        await expectOldAnswer(outcome, stored[2]);
      });

      it('gives the old answer also when others have appended since', async () => {
        const stored = someEvents(2);
        const outcome = await secondAppend(route, {
          expected,
          stored,
          again: [...stored],
          after: (stream) => target.client.appendToStream(stream, someEvents(2)),
        });
        await expectOldAnswer(outcome, stored[1]);
      });

      it('is a wrong version when its first id is old and a later one new', async () => {
        const old = anEvent();
        const outcome = await secondAppend(route, { expected, stored: [old], again: [old, anEvent()] });
        expect(outcome).toMatchObject({ error: 'wrong-expected-version', written: 0 });
      });
    },
  );

  describe('expecting a revision below the current one (strong)', () => {
    const onto = [anEvent(), anEvent()];

    it.each<{ expected: AppendExpectedRevision; skip: number }>([
      { expected: 'no_stream', skip: 0 },
      { expected: 0n, skip: 1 },
      { expected: 1n, skip: 2 },
    ])('writes nothing and gives the old answer for the same ids after $expected', async ({ expected, skip }) => {
      const stored = someEvents(4);
      const again = stored.slice(skip);
      const outcome = await secondAppend(route, { expected, stored, again });
      await expectOldAnswer(outcome, stored[3]);
    });

    it('gives the old answer when the ids are those that followed, and more came after them', async () => {
      const stored = someEvents(5);
      const outcome = await secondAppend(route, { expected: 0n, stored, again: stored.slice(1, 3) });
      await expectOldAnswer(outcome, stored[2]);
    });

    it.each<{ what: string; again: (stored: JSONEventData[]) => JSONEventData[] }>([
      { what: 'other ids', again: () => someEvents(2) },
      { what: 'the same ids in another order', again: (stored) => stored.slice(1, 3).toReversed() },
      { what: 'the first id and then a new one', again: (stored) => [...stored.slice(1, 2), anEvent()] },
      { what: 'the same ids and one more', again: (stored) => [...stored.slice(1), anEvent()] },
      { what: 'ids that lie one revision further', again: (stored) => stored.slice(2) },
    ])('is a wrong version for $what', async ({ again }) => {
      const stored = [anEvent(), ...onto, anEvent()].map(() => anEvent());
      const outcome = await secondAppend(route, { expected: 0n, stored, again: again(stored) });
      expect(outcome).toMatchObject({ error: 'wrong-expected-version', written: 0 });
    });

    it('is a wrong version for other ids where no stream was expected', async () => {
      const outcome = await secondAppend(route, { expected: 'no_stream', stored: someEvents(2), again: [anEvent()] });
      expect(outcome).toMatchObject({ error: 'wrong-expected-version', written: 0 });
    });

    it('is a normal append where no stream was expected, the stream is soft-deleted and the first id differs', async () => {
      const stream = target.stream();
      await target.client.appendToStream(stream, someEvents(2), { expectedRevision: 'no_stream' });
      await target.client.deleteStream(stream);

      const result = await route.append(target.client, stream, anEvent(), 'no_stream');

      expect(result.nextExpectedRevision).toBe(2n);
    });
  });

  it('is a normal append at exactly the expected revision: ids are not looked at', async () => {
    const old = anEvent();
    const outcome = await secondAppend(route, { expected: 0n, stored: [old], again: [old] });
    expect(outcome).toMatchObject({ written: 1 });
    expect(outcome.result?.nextExpectedRevision).toBe(1n);
  });

  it.each<{ expected: AppendExpectedRevision }>([{ expected: 'any' }, { expected: 'no_stream' }])(
    'is a normal append, expecting $expected, when the id is in another stream',
    async ({ expected }) => {
      const event = anEvent();
      await target.client.appendToStream(target.stream(), event);
      const stream = target.stream();

      await route.append(target.client, stream, event, expected);

      expect(await idsOf(target.client, stream)).toEqual([event.id]);
    },
  );

  it.each<{ expected: AppendExpectedRevision }>([{ expected: 'any' }, { expected: 'no_stream' }])(
    'writes an id twice that stands twice in one fresh append, expecting $expected',
    async ({ expected }) => {
      const event = anEvent();
      const stream = target.stream();

      await route.append(target.client, stream, [event, event], expected);

      expect(await idsOf(target.client, stream)).toEqual([event.id, event.id]);
    },
  );

  it('sees an id in upper case as the same id', async () => {
    const event = anEvent();
    const outcome = await secondAppend(route, {
      expected: 'any',
      stored: [event],
      again: [{ ...event, id: event.id.toUpperCase() }],
    });
    await expectOldAnswer(outcome, event);
  });

  it.each<{ expected: AppendExpectedRevision }>([
    { expected: 'no_stream' },
    { expected: 'any' },
    { expected: 0n },
    { expected: 'stream_exists' },
  ])('stores one copy of two identical appends in flight at once, expecting $expected', async ({ expected }) => {
    const stream = target.stream();
    if (expected !== 'no_stream') await target.client.appendToStream(stream, anEvent());
    const before = (await idsOf(target.client, stream)).length;
    const events = someEvents(2);

    const [one, two] = await Promise.all([
      route.append(target.client, stream, events, expected),
      route.append(target.client, stream, events, expected),
    ]);

    expect(two).toEqual(one);
    expect((await idsOf(target.client, stream)).slice(before)).toEqual(events.map((event) => event.id));
    const last = (await readEvents(target.client, stream)).at(-1);
    expect(one.position).toEqual(last === undefined ? undefined : positionOf(last));
  });

  it.each<{ expected: AppendExpectedRevision }>([{ expected: 'no_stream' }, { expected: 'any' }])(
    'stores one copy when a timed-out append is repeated, expecting $expected',
    async ({ expected }) => {
      for (let round = 0; round < 10; round++) {
        const stream = target.stream();
        const events = someEvents(2);
        const first = route.append(target.client, stream, events, expected, { deadline: 1 + (round % 3) });
        const timedOut = await first.then(
          () => undefined,
          (error: unknown) => errorType(error),
        );
        // Too late on the server is ABORTED, which the client names "timeout".
        expect([undefined, 'deadline-exceeded', 'timeout']).toContain(timedOut);

        await route.append(target.client, stream, events, expected);

        expect(await idsOf(target.client, stream)).toEqual(events.map((event) => event.id));
      }
    },
  );
});

describe('an append whose deadline has passed before it arrives', () => {
  it('is answered deadline-exceeded, writes nothing, and its repeat writes one copy', async () => {
    const stream = target.stream();
    const event = anEvent();

    const error = await rejectionOf(target.client.appendToStream(stream, event, { deadline: -5_000 }));
    expect(errorType(error)).toBe('deadline-exceeded');
    expect(await idsOf(target.client, stream)).toEqual([]);

    await target.client.appendToStream(stream, event, { expectedRevision: 'no_stream' });
    expect(await idsOf(target.client, stream)).toEqual([event.id]);
  });
});
