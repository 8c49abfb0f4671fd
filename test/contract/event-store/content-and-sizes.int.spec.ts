import { randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { binaryEvent, jsonEvent, type BinaryEventData } from '@eventstore/db-client';
import { anEvent, appendRoutes, someEvents } from './events.js';
import { errorType, idsOf, readEvents, recorded, readResolved, rejectionOf } from './reading.js';
import { eventStoreTarget, isEmbedded, wireIt } from './target.js';
import {
  appendMessage,
  appendOptions,
  batchMessage,
  chunk,
  detailOf,
  readRequest,
  structuredUuid,
  textOfStructured,
} from './wire.js';

const target = eventStoreTarget();
const MIB = 1024 * 1024;

describe.each(appendRoutes)('the size of an append by $route', ({ append }) => {
  const type = 'big';
  let limit = MIB;
  /** What counts besides the data: from 24.10 on the type (twice) and the metadata; ours counts them too. */
  let overhead = 0;
  beforeAll(async () => {
    if (isEmbedded) overhead = 2 * type.length;
    else {
      const version = (await target.wire.supportedMethods()).getEventStoreServerVersion();
      const [major = 0, minor = 0] = version.split('.').map(Number);
      if (major >= 25) limit = 16 * MIB;
      if (major > 24 || (major === 24 && minor >= 10)) overhead = 2 * type.length;
    }
  });
  const bytes = (length: number): BinaryEventData => binaryEvent({ type, data: randomBytes(length) });

  it('may be exactly the limit', async () => {
    const stream = target.stream();
    const event = bytes(limit - overhead);
    await append(target.client, stream, event, 'no_stream');
    const [read] = await readEvents(target.client, stream);
    expect(Buffer.compare(Buffer.from(read?.data as Uint8Array), Buffer.from(event.data))).toBe(0);
  });

  it('is refused one byte above the limit, which the error names', async () => {
    const stream = target.stream();
    const error = await rejectionOf(append(target.client, stream, bytes(limit - overhead + 1), 'no_stream'));
    expect(errorType(error)).toBe('maximum-append-size-exceeded');
    if (isEmbedded) expect(error['maxAppendSize']).toBe(limit);
    expect(await idsOf(target.client, stream)).toEqual([]);
  });

  it('is the sum over its events', async () => {
    const stream = target.stream();
    const half = limit / 2 - overhead;
    if (isEmbedded) {
      const error = await rejectionOf(append(target.client, stream, [bytes(half), bytes(half + 1)], 'no_stream'));
      expect(errorType(error)).toBe('maximum-append-size-exceeded');
      expect(await idsOf(target.client, stream)).toEqual([]);
    }
    await append(target.client, stream, [bytes(half), bytes(half)], 'no_stream');
    expect(await idsOf(target.client, stream)).toHaveLength(2);
  });

  it('far above the limit is refused too, and the connection goes on', async () => {
    const stream = target.stream();
    const error = await rejectionOf(append(target.client, stream, bytes(4 * limit), 'no_stream'));
    expect(errorType(error)).toBe('maximum-append-size-exceeded');
    await append(target.client, stream, anEvent(), 'no_stream');
    expect(await idsOf(target.client, stream)).toHaveLength(1);
  });
});

describe('an append split into many chunks', () => {
  it.each([{ batchAppendSize: 1 }, { batchAppendSize: 700 }, { batchAppendSize: 5_000 }])(
    'of $batchAppendSize bytes is one append',
    async ({ batchAppendSize }) => {
      const stream = target.stream();
      const events = someEvents(60);
      const result = await target.client.appendToStream(stream, events, {
        batchAppendSize,
        expectedRevision: 'no_stream',
      });
      expect(result.nextExpectedRevision).toBe(59n);
      expect(await idsOf(target.client, stream)).toEqual(events.map((event) => event.id));
    },
  );

  it('interleaves with others of the same connection without mixing', async () => {
    const streams = Array.from({ length: 8 }, () => target.stream());
    const batches = streams.map(() => someEvents(40));
    await Promise.all(
      streams.map((stream, index) =>
        target.client.appendToStream(stream, batches[index] ?? [], {
          batchAppendSize: 300 * (index + 1),
          expectedRevision: 'no_stream',
        }),
      ),
    );
    for (const [index, stream] of streams.entries()) {
      expect(await idsOf(target.client, stream)).toEqual(batches[index]?.map((event) => event.id));
    }
  });

  wireIt('may begin with an empty chunk, interleave, and is committed by its final chunk only', async () => {
    const batch = target.wire.openBatch();
    const [one, two] = [randomUUID(), randomUUID()];
    const [first, second] = [target.stream(), target.stream()];
    batch.send(chunk(one, { to: { stream: first, expected: 'no_stream' }, isFinal: false }));
    batch.send(chunk(two, { to: { stream: second, expected: 'any' }, messages: [batchMessage()], isFinal: false }));
    batch.send(chunk(one, { messages: [batchMessage(), batchMessage()], isFinal: false }));
    batch.send(chunk(two, { messages: [batchMessage()], isFinal: true }));

    const answerTwo = await batch.answerTo(two);
    expect(answerTwo.getSuccess()?.getCurrentRevision()).toBe('1');
    expect(batch.answersTo(one)).toEqual([]);
    expect(await idsOf(target.client, first)).toEqual([]);

    batch.send(chunk(one, { messages: [batchMessage()], isFinal: true }));
    const answerOne = await batch.answerTo(one);
    expect(answerOne.getSuccess()?.getCurrentRevision()).toBe('2');
    batch.halfClose();
    await batch.ended;
    expect(batch.error).toBeUndefined();
    expect(batch.answers).toHaveLength(2);
    expect(await idsOf(target.client, first)).toHaveLength(3);
  });
});

describe('content comes back as it was sent', () => {
  const names = [
    'plain',
    'ünïcødé',
    '流れ',
    '🚀-stream',
    'with space and "quotes"',
    'a@b#c%d/e\\f',
    '$system-like',
    '-',
  ];

  it.each(names.map((name) => ({ name })))('under the stream name $name', async ({ name }) => {
    const stream = `${target.stream()}${name}`;
    const event = anEvent();
    await target.client.appendToStream(stream, event, { expectedRevision: 'no_stream' });
    const [read] = await readEvents(target.client, stream);
    expect(read).toMatchObject({ streamId: stream, id: event.id });
  });

  it.each(appendRoutes)('with binary data by $route', async ({ append }) => {
    const stream = target.stream();
    const data = Uint8Array.from([0, 255, 254, 128, 10, 13, 0, 34, 123, 92, ...randomBytes(1000)]);
    await append(target.client, stream, binaryEvent({ type: 'bytes', data }), 'any');
    const [read] = await readEvents(target.client, stream);
    expect(read?.isJson).toBe(false);
    expect(Buffer.from(read?.data as Uint8Array)).toEqual(Buffer.from(data));
  });

  it.each(appendRoutes)('with empty data and without metadata by $route', async ({ append }) => {
    const stream = target.stream();
    await append(target.client, stream, binaryEvent({ type: 'nothing', data: new Uint8Array() }), 'any');
    const [read] = await readEvents(target.client, stream);
    expect(read?.data).toHaveLength(0);
    expect(read?.metadata).toBeUndefined();
  });

  it.each<{ what: string; metadata: Record<string, unknown> | Uint8Array | undefined; read: unknown }>([
    { what: 'JSON metadata', metadata: { $correlationId: 'c', n: 1 }, read: { $correlationId: 'c', n: 1 } },
    { what: 'empty JSON metadata', metadata: {}, read: {} },
    { what: 'no metadata', metadata: undefined, read: undefined },
    { what: 'binary metadata', metadata: Uint8Array.from([255, 0, 1]), read: Uint8Array.from([255, 0, 1]) },
  ])('with $what', async ({ metadata, read }) => {
    const stream = target.stream();
    const event = jsonEvent({ type: 'told', data: {}, ...(metadata === undefined ? {} : { metadata }) });
    await target.client.appendToStream(stream, event);
    const [found] = await readEvents(target.client, stream);
    const seen = found?.metadata;
    expect(seen instanceof Uint8Array ? Buffer.from(seen) : seen).toEqual(
      read instanceof Uint8Array ? Buffer.from(read) : read,
    );
  });

  it.each<{ data: Record<string, unknown> }>([
    { data: { max: Number.MAX_SAFE_INTEGER, min: Number.MIN_SAFE_INTEGER, tiny: 5e-324, huge: 1.7e308 } },
    { data: { money: '123456789012345678901234567890.123456789', negative: '-0.000000001' } },
    { data: { text: 'line\nbreak \u2028 \u0000 "quote" 🚀', deep: { list: [1, [2, [3, { four: null }]]] } } },
    { data: {} },
  ])('with the JSON $data', async ({ data }) => {
    const stream = target.stream();
    await target.client.appendToStream(stream, anEvent({ data }));
    const [read] = await readEvents(target.client, stream);
    expect(read?.data).toEqual(data);
  });

  wireIt('byte for byte, also JSON that JavaScript cannot hold or parse', async () => {
    const stream = target.stream();
    const texts = ['{"n":18446744073709551615,"x":1.10}', '{"broken":', '{ "spaces" :  1 }', ''];
    await target.wire.append([
      appendOptions(stream, 'no_stream'),
      ...texts.map((text) => appendMessage({ data: Buffer.from(text), metadata: Buffer.from(`${text} `) })),
    ]);
    const answers = await target.wire.read(readRequest({ stream }));
    const stored = answers.map((answer) => answer.getEvent()?.getEvent());
    expect(stored.map((event) => Buffer.from(event?.getData_asU8() ?? []).toString())).toEqual(texts);
    expect(stored.map((event) => Buffer.from(event?.getCustomMetadata_asU8() ?? []).toString())).toEqual(
      texts.map((text) => `${text} `),
    );
  });

  it.each(appendRoutes)('with unusual event types by $route', async ({ append }) => {
    const stream = target.stream();
    const types = ['with space', 'ünïcødé', 'a'.repeat(500), '$system-like', '🚀'];
    await append(
      target.client,
      stream,
      types.map((type) => anEvent({ type })),
      'any',
    );
    expect((await readEvents(target.client, stream)).map((event) => event.type)).toEqual(types);
  });

  it.each(appendRoutes)('with an event id in upper case by $route: it comes back in lower case', async ({ append }) => {
    const stream = target.stream();
    const id = randomUUID();
    await append(target.client, stream, anEvent({ id: id.toUpperCase() }), 'any');
    expect(await idsOf(target.client, stream)).toEqual([id]);
  });

  wireIt('with UUIDs in two halves, on the way in and out', async () => {
    const stream = target.stream();
    const ids = [randomUUID(), 'ffffffff-ffff-4fff-bfff-ffffffffffff', '00000000-0000-4000-8000-000000000001'];
    await target.wire.append([
      appendOptions(stream, 'no_stream'),
      ...ids.map((id) => appendMessage({ id: structuredUuid(id) })),
    ]);
    expect(await idsOf(target.client, stream)).toEqual(ids);
    const answers = await target.wire.read(readRequest({ stream, uuids: 'structured' }));
    const read = answers.map((answer) => {
      const id = answer.getEvent()?.getEvent()?.getId();
      return id === undefined ? 'none' : textOfStructured(id);
    });
    expect(read).toEqual(ids);
  });

  wireIt('with a correlation in two halves', async () => {
    const batch = target.wire.openBatch();
    const correlation = randomUUID();
    const request = chunk(correlation, {
      to: { stream: target.stream(), expected: 'any' },
      messages: [batchMessage({ id: structuredUuid(randomUUID()) })],
      isFinal: true,
    }).setCorrelationId(structuredUuid(correlation));
    batch.send(request);
    batch.halfClose();
    await batch.ended;
    expect(batch.answers).toHaveLength(1);
    const [answer] = batch.answers;
    expect(answer === undefined ? 'no answer' : detailOf(answer)).toBeUndefined();
    const echoed = answer?.getCorrelationId();
    expect(echoed?.hasStructured() === true ? textOfStructured(echoed) : echoed?.getString()).toBe(correlation);
  });

  wireIt('and names the event when it is created, in ticks of the Unix epoch', async () => {
    const stream = target.stream();
    const before = Date.now();
    await target.client.appendToStream(stream, anEvent());
    const [answer] = await target.wire.read(readRequest({ stream }));
    const metadata = answer?.getEvent()?.getEvent()?.getMetadataMap();
    expect(metadata?.get('type')).toBe('something-happened');
    expect(metadata?.get('content-type')).toBe('application/json');
    const createdMs = Number(BigInt(metadata?.get('created') ?? '0') / 10_000n);
    expect(Math.abs(createdMs - before)).toBeLessThan(60_000);
    const [viaClient] = await readResolved(target.client, stream);
    expect(recorded(viaClient ?? {}).created.getTime()).toBe(createdMs);
  });
});
