import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { VNodeState } from '@eventstore/db-client';
import type { ServiceError } from '@grpc/grpc-js';
import { within } from '../../support/eventually.js';
import { anEvent, appendRoutes, someEvents } from './events.js';
import { errorType, idsOf, readEvents, rejectionOf } from './reading.js';
import { connect, describeEmbedded, dispose, eventStoreTarget, wireIt } from './target.js';
import { appendMessage, appendOptions, batchMessage, chunk, detailOf, readRequest } from './wire.js';

const target = eventStoreTarget();

function trailer(error: ServiceError | undefined, key: string): string | undefined {
  return error?.metadata.get(key)[0]?.toString();
}

async function tombstoned(subject?: string): Promise<string> {
  const stream = target.stream(subject);
  await target.client.appendToStream(stream, someEvents(2));
  await target.client.tombstoneStream(stream);
  return stream;
}

describe('features and gossip', () => {
  wireIt('names the methods of the streams service, in lower case', async () => {
    const methods = await target.wire.supportedMethods();
    expect(methods.getEventStoreServerVersion()).toMatch(/^\d+\.\d+\.\d+/);
    const names = methods.getMethodsList().map((method) => `${method.getServiceName()}/${method.getMethodName()}`);
    const service = 'event_store.client.streams.streams';
    expect(names).toEqual(
      expect.arrayContaining(
        ['append', 'batchappend', 'delete', 'tombstone', 'read'].map((method) => `${service}/${method}`),
      ),
    );
  });

  wireIt('gossips a living leader with an address', async () => {
    const members = (await target.wire.readGossip()).getMembersList();
    const leaders = members.filter((member) => member.getState() === VNodeState.LEADER && member.getIsAlive());
    expect(leaders).toHaveLength(1);
    expect(leaders[0]?.getHttpEndPoint()?.getPort()).toBeGreaterThan(0);
  });

  describeEmbedded('on the embedded node', 'a cluster advertises its own names', () => {
    it('is found by discovery as well as directly', async () => {
      const client = connect(target.url.replace('esdb://', 'esdb+discover://'));
      const stream = target.stream();
      await client.appendToStream(stream, anEvent());
      expect(await readEvents(client, stream)).toHaveLength(1);
      await dispose(client);
    });

    wireIt('says that it follows 24.6.0 and lists no method that it lacks', async () => {
      const methods = await target.wire.supportedMethods();
      expect(methods.getEventStoreServerVersion()).toBe('24.6.0');
      const services = methods.getMethodsList().map((method) => method.getServiceName());
      expect(services.filter((name) => name.includes('persistent') || name.includes('projections'))).toEqual([]);
    });

    it('answers what it does not have with a clean error', async () => {
      const error = await within(
        'an error',
        rejectionOf(
          target.client.createPersistentSubscriptionToAll('group', {
            startFrom: 'start',
            consumerStrategyName: 'RoundRobin',
            resolveLinkTos: false,
            maxSubscriberCount: 1,
            extraStatistics: false,
            messageTimeout: 1000,
            checkPointAfter: 1000,
            checkPointLowerBound: 1,
            checkPointUpperBound: 2,
            maxRetryCount: 1,
            liveBufferSize: 10,
            readBatchSize: 5,
            historyBufferSize: 10,
          }),
        ),
      );
      expect(errorType(error)).toBe('unsupported');
    });
  });
});

describe('errors as the client shows them', () => {
  it.each(appendRoutes)('stream-deleted by $route names the stream, in any script', async ({ append }) => {
    const stream = await tombstoned('gelöscht-流れ-🚀-100%');
    const error = await rejectionOf(append(target.client, stream, anEvent(), 'any'));
    expect(errorType(error)).toBe('stream-deleted');
    expect([stream, encodeURIComponent(stream)].map((name) => decodeURIComponent(encodeURIComponent(name)))).toContain(
      error['streamName'],
    );
  });

  it('stream-deleted of a read and of deletes survives a stream name that is no ASCII', async () => {
    const stream = await tombstoned('gelöscht-流れ');
    for (const attempt of [
      readEvents(target.client, stream),
      target.client.deleteStream(stream),
      target.client.tombstoneStream(stream),
    ]) {
      expect(errorType(await rejectionOf(attempt))).toBe('stream-deleted');
    }
  });

  it.each(appendRoutes)('wrong-expected-version by $route has stream, expected and actual', async ({ append }) => {
    const stream = target.stream('流れ');
    await target.client.appendToStream(stream, someEvents(2));
    const error = await rejectionOf(append(target.client, stream, anEvent(), 0n));
    expect(error).toMatchObject({
      type: 'wrong-expected-version',
      streamName: stream,
      expectedVersion: 0n,
      actualVersion: 1n,
    });
  });

  it('stream-not-found has the stream', async () => {
    const stream = target.stream('流れ');
    expect(await rejectionOf(readEvents(target.client, stream))).toMatchObject({
      type: 'stream-not-found',
      streamName: stream,
    });
  });
});

describe('errors on the wire', () => {
  wireIt('a read of a tombstoned stream fails with its trailers', async () => {
    const stream = await tombstoned();
    const reading = target.wire.openRead(readRequest({ stream }));
    await reading.ended;
    expect(reading.error?.code).toBe(9);
    expect(trailer(reading.error, 'exception')).toBe('stream-deleted');
    expect(trailer(reading.error, 'stream-name')).toBe(stream);
  });

  wireIt('a classic append to a tombstoned stream fails with its trailers', async () => {
    const stream = await tombstoned();
    const error = await rejected(target.wire.append([appendOptions(stream, 'any'), appendMessage()]));
    expect(error.code).toBe(9);
    expect(trailer(error, 'exception')).toBe('stream-deleted');
    expect(trailer(error, 'stream-name')).toBe(stream);
  });

  wireIt('a wrong version of a classic append is an answer, not an error', async () => {
    const stream = target.stream();
    const answer = await target.wire.append([appendOptions(stream, 3n), appendMessage()]);
    const wrong = answer.getWrongExpectedVersion();
    expect(wrong?.getExpectedRevision()).toBe('3');
    expect(wrong?.hasCurrentNoStream()).toBe(true);
  });

  for (const [missing, given] of [
    ['type', { type: undefined }],
    ['content-type', { contentType: undefined }],
  ] as const) {
    wireIt(`a classic append without ${missing} is refused with the required properties`, async () => {
      const stream = target.stream();
      const error = await rejected(target.wire.append([appendOptions(stream, 'any'), appendMessage(given)]));
      expect(error.code).toBe(3);
      expect(trailer(error, 'exception')).toBe('missing-required-metadata-property');
      expect(trailer(error, 'required-metadata-properties')).toBe('type,content-type');
      expect(await idsOf(target.client, stream)).toEqual([]);
    });
  }

  wireIt('a classic append that is too large is refused with the limit', async () => {
    const data = Buffer.alloc(16 * 1024 * 1024, 'x');
    const error = await rejected(target.wire.append([appendOptions(target.stream(), 'any'), appendMessage({ data })]));
    expect(error.code).toBe(3);
    expect(trailer(error, 'exception')).toBe('maximum-append-size-exceeded');
    expect(Number(trailer(error, 'maximum-append-size'))).toBeGreaterThan(0);
  });

  const incomplete: readonly { what: string; messages: () => Parameters<typeof target.wire.append>[0] }[] = [
    { what: 'without any message', messages: () => [] },
    { what: 'whose first message is an event', messages: () => [appendMessage()] },
    { what: 'without a stream', messages: () => [appendOptions(undefined, 'any'), appendMessage()] },
    { what: 'to a stream without a name', messages: () => [appendOptions('', 'any'), appendMessage()] },
    { what: 'without an expectation', messages: () => [appendOptions(target.stream()), appendMessage()] },
    {
      what: 'of an event without an id',
      messages: () => [appendOptions(target.stream(), 'any'), appendMessage({ id: undefined })],
    },
  ];
  for (const { what, messages } of incomplete) {
    wireIt(`a classic append ${what} is refused`, async () => {
      const error = await rejected(target.wire.append(messages()));
      expect(error.code).not.toBe(4);
      expect(error.code).not.toBe(14);
    });
  }

  for (const { what, to, message } of [
    { what: 'without a type', to: {}, message: { type: undefined } },
    { what: 'without a content type', to: {}, message: { contentType: undefined } },
    { what: 'without an event id', to: {}, message: { id: undefined } },
    { what: 'without an expectation', to: { expected: undefined }, message: {} },
    { what: 'without a stream', to: { stream: undefined }, message: {} },
  ]) {
    wireIt(`a batch append ${what} is answered once, with details and stream, and the stream goes on`, async () => {
      const batch = target.wire.openBatch();
      const [bad, good] = [randomUUID(), randomUUID()];
      const stream = target.stream();
      const whole = { stream, expected: 'any' as const, ...to };
      batch.send(
        chunk(bad, {
          to: {
            ...(whole.stream === undefined ? {} : { stream: whole.stream }),
            ...(whole.expected === undefined ? {} : { expected: whole.expected }),
          },
          messages: [batchMessage(message)],
          isFinal: true,
        }),
      );
      batch.send(chunk(good, { to: { stream, expected: 'no_stream' }, messages: [batchMessage()], isFinal: true }));
      expect(detailOf(await batch.answerTo(bad))).toBe('BadRequest');
      expect((await batch.answerTo(bad)).hasStreamIdentifier()).toBe(true);
      expect(detailOf(await batch.answerTo(good))).toBeUndefined();
      batch.halfClose();
      await batch.ended;
      expect(batch.error).toBeUndefined();
      expect(batch.answers).toHaveLength(2);
    });
  }

  wireIt(
    'a batch append whose final chunk does not come is answered Timeout, and later chunks are ignored',
    async () => {
      const batch = target.wire.openBatch();
      const correlation = randomUUID();
      const stream = target.stream();
      batch.send(chunk(correlation, { to: { stream, expected: 'any' }, messages: [batchMessage()], isFinal: false }));
      expect(detailOf(await batch.answerTo(correlation))).toBe('Timeout');
      batch.send(chunk(correlation, { messages: [batchMessage()], isFinal: true }));
      const witness = randomUUID();
      batch.send(chunk(witness, { to: { stream: target.stream(), expected: 'any' }, messages: [], isFinal: true }));
      await batch.answerTo(witness);
      batch.halfClose();
      await batch.ended;
      expect(batch.answersTo(correlation)).toHaveLength(1);
      expect(await idsOf(target.client, stream)).toEqual([]);
    },
  );

  wireIt('a half-closed batch stream answers what is pending and then ends well', async () => {
    const batch = target.wire.openBatch();
    const correlations = Array.from({ length: 50 }, () => randomUUID());
    const stream = target.stream();
    for (const correlation of correlations) {
      batch.send(chunk(correlation, { to: { stream, expected: 'any' }, messages: [batchMessage()], isFinal: true }));
    }
    batch.halfClose();
    await within('the end of the batch stream', batch.ended);
    expect(batch.error).toBeUndefined();
    expect(new Set(batch.answers.map((answer) => answer.getCorrelationId()?.getString()))).toEqual(
      new Set(correlations),
    );
    expect(batch.answers).toHaveLength(50);
    expect(await idsOf(target.client, stream)).toHaveLength(50);
  });
});

describe('an answer to every correlation, exactly once', () => {
  wireIt('under any order of chunks, cancels and half-closes', async () => {
    const random = seeded(20_240_601);
    for (let round = 0; round < 25; round++) {
      const batch = target.wire.openBatch();
      const finished = new Set<string>();
      const open: { correlation: string; chunks: number }[] = [];
      for (let step = 0; step < 30; step++) {
        const at = open[Math.floor(random() * open.length)];
        if (at === undefined || random() < 0.4) {
          const correlation = randomUUID();
          const isFinal = random() < 0.3;
          const expected = random() < 0.7 ? ('any' as const) : 5n;
          const messages = random() < 0.3 ? [] : [batchMessage()];
          batch.send(chunk(correlation, { to: { stream: target.stream(), expected }, messages, isFinal }));
          if (isFinal) finished.add(correlation);
          else open.push({ correlation, chunks: 1 });
        } else {
          const isFinal = random() < 0.5;
          batch.send(chunk(at.correlation, { messages: [batchMessage()], isFinal }));
          if (isFinal) {
            finished.add(at.correlation);
            open.splice(open.indexOf(at), 1);
          }
        }
      }
      if (random() < 0.3) batch.cancel();
      else {
        for (const { correlation } of open) {
          batch.send(chunk(correlation, { isFinal: true }));
          finished.add(correlation);
        }
        batch.halfClose();
      }
      await within('the end of the batch stream', batch.ended);
      const answered = batch.answers.map((answer) => answer.getCorrelationId()?.getString() ?? '');
      expect(new Set(answered).size).toBe(answered.length);
      expect([...finished]).toEqual(expect.arrayContaining(answered));
      if (batch.error === undefined) expect(answered).toHaveLength(finished.size);
      for (const answer of batch.answers) {
        if (!answer.hasError()) continue;
        expect(detailOf(answer)).not.toBe('no details');
        expect(answer.hasStreamIdentifier()).toBe(true);
      }
    }
    const stream = target.stream();
    await target.client.appendToStream(stream, anEvent());
    expect(await idsOf(target.client, stream)).toHaveLength(1);
  });
});

async function rejected(promise: Promise<unknown>): Promise<ServiceError> {
  return (await rejectionOf(promise)) as unknown as ServiceError;
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
