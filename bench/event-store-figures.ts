import { randomUUID } from 'node:crypto';
import {
  END,
  EventStoreDBClient,
  START,
  jsonEvent,
  streamNameFilter,
  type JSONEventData,
  type Position,
} from '@eventstore/db-client';
import { cpuMsOf, ownCpuMs } from './machine.js';
import type { ServerProcess } from './server-process.js';

/** CPU per operation, microseconds, of the client's process and of the server's. */
export interface Cpu {
  readonly clientUs: number;
  readonly serverUs: number;
}

/** An event of about 300 bytes with its metadata. */
export function anEvent(): JSONEventData {
  return jsonEvent({
    id: randomUUID(),
    type: 'TokenUsageReported',
    data: { agent: 4711, model: 'some-model-name', input: 1234, output: 567, cost: '0.012345', note: 'x'.repeat(80) },
    metadata: { schemaVersion: '1', workspaceId: '1', correlationId: randomUUID(), recordedAt: '2026-01-01T00:00:00Z' },
  });
}

export function client(server: ServerProcess): EventStoreDBClient {
  return EventStoreDBClient.connectionString(server.url);
}

/** Runs `work`, which returns how many operations it was, and says what each cost. */
async function measured(
  server: ServerProcess,
  work: () => Promise<number>,
): Promise<{ seconds: number; operations: number; cpu: Cpu }> {
  const [ownBefore, serverBefore, began] = [ownCpuMs(), await cpuMsOf(server.pid), performance.now()];
  const operations = await work();
  const seconds = (performance.now() - began) / 1000;
  const perOperationUs = (ms: number): number => (ms * 1000) / operations;
  return {
    seconds,
    operations,
    cpu: {
      clientUs: perOperationUs(ownCpuMs() - ownBefore),
      serverUs: perOperationUs((await cpuMsOf(server.pid)) - serverBefore),
    },
  };
}

/** Milliseconds of each of `count` appends of one event, one after the other, expecting the exact revision. */
export async function sequentialAppends(server: ServerProcess, count: number): Promise<{ ms: number[]; cpu: Cpu }> {
  const connected = client(server);
  const stream = `sequential-${randomUUID()}`;
  await connected.appendToStream(stream, anEvent(), { expectedRevision: 'no_stream' });
  const ms: number[] = [];
  const { cpu } = await measured(server, async () => {
    for (let n = 0; n < count; n++) {
      const began = performance.now();
      await connected.appendToStream(stream, anEvent(), { expectedRevision: BigInt(n) });
      ms.push(performance.now() - began);
    }
    return count;
  });
  await connected.dispose();
  return { ms, cpu };
}

/** Appends a second of `writers` writers with a stream each, for `seconds`. */
export async function concurrentAppends(
  server: ServerProcess,
  writers: number,
  seconds: number,
): Promise<{ perSecond: number; cpu: Cpu }> {
  const connected = client(server);
  await connected.appendToStream(`warm-${randomUUID()}`, anEvent());
  const end = performance.now() + seconds * 1000;
  const result = await measured(server, async () => {
    let appends = 0;
    await Promise.all(
      Array.from({ length: writers }, async () => {
        const stream = `concurrent-${randomUUID()}`;
        while (performance.now() < end) {
          await connected.appendToStream(stream, anEvent(), { expectedRevision: 'any' });
          appends++;
        }
      }),
    );
    return appends;
  });
  await connected.dispose();
  return { perSecond: result.operations / result.seconds, cpu: result.cpu };
}

/** Events a second in appends of 1,000, one append after the other. */
export async function bulkAppends(
  server: ServerProcess,
  appends: number,
  stream = `bulk-${randomUUID()}`,
): Promise<{ perSecond: number; cpu: Cpu }> {
  const connected = client(server);
  const result = await measured(server, async () => {
    for (let n = 0; n < appends; n++) {
      await connected.appendToStream(stream, Array.from({ length: 1000 }, anEvent));
    }
    return appends * 1000;
  });
  await connected.dispose();
  return { perSecond: result.operations / result.seconds, cpu: result.cpu };
}

/** Events a second that a subscription to $all delivers until it has `count` of the stream. */
export async function catchUp(
  server: ServerProcess,
  stream: string,
  from: Position | typeof START,
  count: number,
): Promise<{ perSecond: number; cpu: Cpu }> {
  const connected = client(server);
  const result = await measured(server, async () => {
    const filter = streamNameFilter({ prefixes: [stream], checkpointInterval: 1000 });
    const subscription = connected.subscribeToAll({ fromPosition: from, filter });
    let seen = 0;
    for await (const resolved of subscription) {
      if (resolved.event !== undefined) seen++;
      if (seen === count) break;
    }
    return seen;
  });
  await bounded(connected.dispose());
  return { perSecond: result.operations / result.seconds, cpu: result.cpu };
}

/** Milliseconds from the call of an append, and from its answer, to the delivery at a live subscriber. */
export async function deliveries(
  server: ServerProcess,
  count: number,
): Promise<{ fromCallMs: number[]; fromAnswerMs: number[] }> {
  const [writer, reader] = [client(server), client(server)];
  const stream = `delivery-${randomUUID()}`;
  const arrivals = new Map<string, (at: number) => void>();
  const subscription = reader.subscribeToAll({
    fromPosition: END,
    filter: streamNameFilter({ prefixes: [stream], checkpointInterval: 1000 }),
  });
  subscription.on('data', ({ event }) => arrivals.get(event?.id ?? '')?.(performance.now()));
  await new Promise<void>((resolve, reject) => {
    subscription.once('caughtUp', resolve);
    subscription.once('error', reject);
  });
  const [fromCallMs, fromAnswerMs]: [number[], number[]] = [[], []];
  for (let n = 0; n < count; n++) {
    const event = anEvent();
    const arrived = new Promise<number>((resolve) => arrivals.set(event.id, resolve));
    const called = performance.now();
    const answered = writer.appendToStream(stream, event).then(() => performance.now());
    const [at, answeredAt] = await Promise.all([arrived, answered]);
    fromCallMs.push(at - called);
    fromAnswerMs.push(at - answeredAt);
  }
  await subscription.unsubscribe();
  await bounded(Promise.all([writer.dispose(), reader.dispose()]));
  return { fromCallMs, fromAnswerMs };
}

/** The client's dispose can wait for ever after a stream was left early. */
async function bounded(promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 500);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
