import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startNode } from '../../../embedded/event-store/index.js';
import {
  newDataDirectory,
  removeDirectory,
  startEventStoreNode,
  type InProcessNode,
} from '../../../test/support/event-store-node.js';
import { eventually } from '../../../test/support/eventually.js';
import { sample, sampleMetadata } from '../../../test/support/sample-events.js';
import { allEventContracts } from '../../all.events.js';
import { EventRegistry } from './event-registry.js';
import { EventStoreGateway } from './event-store.gateway.js';
import { AppendRefused, MalformedEvent, RevisionConflict, StoreUnavailable } from './event-store.errors.js';
import { isReadable, type LogEntry } from './event-store.js';
import { logEnd } from './log-end.js';
import { BEFORE_EVERYTHING, isAfter, type Position } from './position.js';

const registry = new EventRegistry(allEventContracts);

describe('the gateway on a real node', () => {
  let node: InProcessNode;
  let store: EventStoreGateway;

  beforeAll(async () => {
    node = await startEventStoreNode();
    store = new EventStoreGateway({ url: node.url, registry });
  });

  afterAll(async () => {
    await store.close();
    await node.close();
  });

  const newStream = () => `agent-${randomUUID()}`;
  const registered = (agentId = 1) => sample.agentRegistered(agentId).event;
  const changed = () => sample.statusChanged(1).event;
  const ids = (entries: readonly LogEntry[] | undefined) => entries?.map((entry) => entry.id);
  const head = async () => (await store.head()) ?? BEFORE_EVERYTHING;

  async function readAll(after: Position, max?: number): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for await (const entry of store.readAll({ after, ...(max !== undefined && { max }) })) entries.push(entry);
    return entries;
  }

  function follow(after: Position | 'end', options: { withoutStreamPrefixes?: string[]; maxBatch?: number } = {}) {
    const seen: LogEntry[] = [];
    const checkpoints: Position[] = [];
    const sizes: number[] = [];
    const live = { reached: false };
    const { maxBatch, ...filter } = options;
    const subscription = store.subscribeAll(
      { after, name: 'test', filter, ...(maxBatch !== undefined && { maxBatch }) },
      {
        events: (batch) => {
          seen.push(...batch);
          sizes.push(batch.length);
          return Promise.resolve();
        },
        checkpoint: (position) => {
          checkpoints.push(position);
          return Promise.resolve();
        },
        caughtUp: () => {
          live.reached = true;
        },
      },
    );
    return { subscription, seen, checkpoints, sizes, live };
  }

  describe('append', () => {
    it('gives back the revision and the position that the last event is read with', async () => {
      const stream = newStream();

      const result = await store.append(stream, [registered(), changed()], 'no_stream');

      const entries = await store.readStream(stream);
      expect(result.revision).toBe(1n);
      expect(entries?.map((entry) => entry.revision)).toEqual([0n, 1n]);
      expect(entries?.[1]?.position).toEqual(result.position);
    });

    it('stores what was proposed, to the last character', async () => {
      const stream = newStream();
      const name = 'Zoë \u0000 \u2028 "quoted" \u{1f680} \ud800';
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const metadata = sampleMetadata({ traceparent, commandId: name, actor: { kind: 'user', id: 'u', name } });
      const event = { ...registered(), metadata, data: { ...registered().data, name } };

      await store.append(stream, [event], 'no_stream');

      const [stored] = (await store.readStream(stream)) ?? [];
      expect(stored).toMatchObject({ stream, revision: 0n, ...event });
      expect(stored?.createdAt.getTime()).toBeGreaterThan(0);
    });

    it('tells a conflict with the revision that the stream is really at', async () => {
      const stream = newStream();
      await store.append(stream, [registered()], 'no_stream');

      const late = store.append(stream, [changed()], 'no_stream');
      const early = store.append(newStream(), [changed()], 4n);

      await expect(late).rejects.toMatchObject({ name: 'RevisionConflict', expected: 'no_stream', actual: 0n });
      await expect(early).rejects.toMatchObject({ name: 'RevisionConflict', expected: 4n, actual: 'no_stream' });
    });

    it('repeated with the same ids is stored once and answered as the first time', async () => {
      const stream = newStream();
      const events = [registered(), changed()];
      const first = await store.append(stream, events, 'no_stream');

      expect(await store.append(stream, events, 'no_stream')).toEqual(first);

      expect(await store.readStream(stream)).toHaveLength(2);
    });

    it('lets exactly one of many writers have a revision', async () => {
      const stream = newStream();

      const results = await Promise.allSettled(
        Array.from({ length: 40 }, () => store.append(stream, [registered()], 'no_stream')),
      );

      const lost = results.filter((result) => result.status === 'rejected');
      expect(lost).toHaveLength(39);
      expect(lost.every(({ reason }) => reason instanceof RevisionConflict)).toBe(true);
    });

    it('answers more appends at once than a single client object may hold', async () => {
      const streams = Array.from({ length: 200 }, newStream);

      const results = await Promise.all(streams.map((stream) => store.append(stream, [registered()], 'no_stream')));

      expect(new Set(results.map(({ position }) => position.commit)).size).toBe(200);
    });

    it('refuses more bytes than every server takes, and takes a byte less', async () => {
      const answer = (length: number) => ({
        id: randomUUID(),
        type: 'CommandAnswered',
        data: { status: 200, body: 'é'.repeat(length) },
        metadata: sampleMetadata(),
      });
      const size = (length: number) => {
        const { type, data } = answer(length);
        return Buffer.byteLength(JSON.stringify(data)) + 2 * type.length;
      };
      const metadataBytes = 400;
      const most = Math.floor((1024 * 1024 - size(0) - metadataBytes) / 2);

      await expect(store.append(newStream(), [answer(most + 400)], 'any')).rejects.toThrow(AppendRefused);

      expect(await store.append(newStream(), [answer(most)], 'any')).toMatchObject({ revision: 0n });
    });

    it.each([
      ['no events', () => store.append(newStream(), [], 'any')],
      ['an id that is no UUID', () => store.append(newStream(), [{ ...registered(), id: 'x' }], 'any')],
      ['an unknown type', () => store.append(newStream(), [{ ...registered(), type: 'Nobody' }], 'any')],
      ['a system stream', () => store.append('$settings', [registered()], 'any')],
      ['a stream without a name', () => store.append('', [registered()], 'any')],
      ['a negative revision', () => store.append(newStream(), [registered()], -1n)],
    ])('refuses %s before the store is asked', async (_, append) => {
      await expect(append()).rejects.toThrow(MalformedEvent);
    });
  });

  describe('reading a stream', () => {
    it('tells a missing stream from an empty part of one', async () => {
      const stream = newStream();
      await store.append(stream, [registered()], 'no_stream');

      expect(await store.readStream(newStream())).toBeUndefined();
      expect(await store.readStreamBackwards(newStream(), { max: 1 })).toBeUndefined();
      expect(await store.readStream(stream, { from: 5n })).toEqual([]);
    });

    it('goes forwards and backwards from a revision, which is included', async () => {
      const stream = newStream();
      const events = [registered(), changed(), changed(), changed()];
      await store.append(stream, events, 'no_stream');
      const own = events.map(({ id }) => id);

      expect(ids(await store.readStream(stream, { from: 1n, max: 2 }))).toEqual(own.slice(1, 3));
      expect(ids(await store.readStreamBackwards(stream, { max: 2 }))).toEqual(own.slice(2).toReversed());
      expect(ids(await store.readStreamBackwards(stream, { max: 9, from: 1n }))).toEqual(own.slice(0, 2).toReversed());
    });
  });

  describe('reading the log', () => {
    it('begins strictly after a position and ends at the end, over more than one page', async () => {
      const before = await head();
      const stream = newStream();
      const events = Array.from({ length: 700 }, changed);
      for (let i = 0; i < events.length; i += 100) await store.append(stream, events.slice(i, i + 100), 'any');
      const own = events.map(({ id }) => id);

      const all = await readAll(before);
      const middle = all[299]?.position ?? BEFORE_EVERYTHING;

      expect(ids(all)).toEqual(own);
      expect(ids(await readAll(middle))).toEqual(own.slice(300));
      expect(ids(await readAll(middle, 70))).toEqual(own.slice(300, 370));
      expect(await readAll(await head())).toEqual([]);
    });

    it('goes backwards strictly before a position, as far as the beginning', async () => {
      const forwards = await readAll(BEFORE_EVERYTHING);
      const backwards: LogEntry[] = [];
      for await (const entry of store.readAllBackwards({ before: 'end' })) backwards.push(entry);
      const third = backwards[2]?.position ?? BEFORE_EVERYTHING;
      const beforeThird: LogEntry[] = [];
      for await (const entry of store.readAllBackwards({ before: third })) beforeThird.push(entry);

      expect(ids(backwards)).toEqual(ids(forwards)?.toReversed());
      expect(ids(beforeThird)).toEqual(ids(backwards.slice(3)));
    });

    it('leaves system events out but counts them at the head', async () => {
      const stream = newStream();
      const { position } = await store.append(stream, [registered()], 'no_stream');

      await store.setMaxAge(stream, 3600);

      expect(await readAll(position)).toEqual([]);
      expect(isAfter(await head(), position)).toBe(true);
      expect((await store.recentPositions({ max: 5 }))[0]).toEqual(position);
    });

    it('finds the last event of ours, however many of the store’s own come after it', async () => {
      const { position } = await store.append(newStream(), [registered()], 'no_stream');

      for (let own = 0; own < 20; own += 1) await store.setMaxAge(newStream(), 3600);

      expect(await store.recentPositions({ max: 8 })).toEqual([]);
      expect(await logEnd(store)).toEqual(position);
    });

    it('sets a retention once, however often it is asked', async () => {
      const stream = newStream();
      await store.setMaxAge(stream, 60);
      const after = await head();

      await store.setMaxAge(stream, 60);

      expect(await head()).toEqual(after);
    });

    it('keeps the last events of a stream, beside another retention', async () => {
      const stream = newStream();
      await store.setMaxAge(stream, 3600);
      await store.setMaxCount(stream, 2);
      const events = [registered(), registered(), registered()];
      await store.append(stream, events, 'no_stream');

      expect(ids(await store.readStream(stream))).toEqual(events.slice(1).map(({ id }) => id));
    });
  });

  describe('a subscription', () => {
    it('hands on history and then what comes, once and in order', async () => {
      const before = await head();
      const stream = newStream();
      const first = Array.from({ length: 50 }, changed);
      const second = Array.from({ length: 50 }, changed);
      await store.append(stream, first, 'no_stream');

      const { seen, subscription } = follow(before);
      for (const event of second) await store.append(stream, [event], 'any');

      await eventually('all events', () => seen.length >= 100);
      await subscription.stop();
      expect(ids(seen)).toEqual([...first, ...second].map(({ id }) => id));
    });

    it('delivers the very first event of the log', async () => {
      const [first] = await readAll(BEFORE_EVERYTHING, 1);

      const { seen, subscription } = follow(BEFORE_EVERYTHING);

      await eventually('an event', () => seen.length > 0);
      await subscription.stop();
      expect(seen[0]?.id).toBe(first?.id);
    });

    it('from the end hands on only what comes', async () => {
      const { seen, subscription, live } = follow('end');
      await eventually('the end', () => live.reached);
      const event = registered();

      await store.append(newStream(), [event], 'no_stream');

      await eventually('the event', () => seen.length > 0);
      await subscription.stop();
      expect(ids(seen)).toEqual([event.id]);
    });

    it('leaves out the streams that the filter leaves out, and passes them by checkpoints', async () => {
      const before = await head();
      const beats = Array.from({ length: 600 }, (_, i) => sample.heartbeat(i + 1).event);
      const { position: lastBeat } = await store.append('heartbeat-0', beats, 'any');

      const { seen, checkpoints, subscription } = follow(before, { withoutStreamPrefixes: ['heartbeat-'] });

      await eventually('a checkpoint at the last beat', () => {
        const last = checkpoints.at(-1);
        return last !== undefined && !isAfter(lastBeat, last);
      });
      await subscription.stop();
      expect(seen).toEqual([]);
      expect(checkpoints.every((each, i) => i === 0 || isAfter(each, checkpoints[i - 1] ?? each))).toBe(true);
    });

    it('hands on at most the batch that was asked for', async () => {
      const before = await head();
      await store.append(newStream(), Array.from({ length: 100 }, changed), 'no_stream');

      const { sizes, seen, subscription } = follow(before, { maxBatch: 7 });

      await eventually('all events', () => seen.length === 100);
      await subscription.stop();
      expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
    });

    it('stopped and begun again anywhere loses nothing and repeats nothing', async () => {
      const before = await head();
      const stream = newStream();
      const events = Array.from({ length: 200 }, changed);
      await store.append(stream, events, 'no_stream');
      const got: LogEntry[] = [];
      let after = before;

      while (got.length < events.length) {
        const { seen, subscription } = follow(after, { maxBatch: 13 });
        await eventually('some events', () => seen.length > 0);
        await subscription.stop();
        got.push(...seen);
        after = seen.at(-1)?.position ?? after;
      }

      expect(ids(got)).toEqual(events.map(({ id }) => id));
    });
  });

  describe('when the node goes away and comes back', () => {
    it('follows the log on, missing nothing, and finishes an append that was under way', async () => {
      const dir = await newDataDirectory();
      const first = await startNode({ dir });
      const client = new EventStoreGateway({ url: first.url, registry });
      const seen: LogEntry[] = [];
      client.subscribeAll(
        { after: BEFORE_EVERYTHING, name: 'test' },
        { events: (batch) => Promise.resolve(void seen.push(...batch)) },
      );
      const events = [registered(), changed(), changed()] as const;
      await client.append('agent-1', [events[0]], 'no_stream');
      await eventually('the first event', () => seen.length === 1);

      await first.close();
      await expect(client.readStream('agent-1')).rejects.toThrow(StoreUnavailable);
      const underWay = client.append('agent-1', [events[1]], 0n, { attempts: 20 });
      const second = await startNode({ dir, port: first.port });

      expect((await underWay).revision).toBe(1n);
      await client.append('agent-1', [events[2]], 1n);
      await eventually('all events', () => seen.length === 3);
      expect(ids(seen)).toEqual(events.map(({ id }) => id));
      await client.close();
      await second.close();
      await removeDirectory(dir);
    });
  });

  it('hands on readable entries only where it can read them', async () => {
    expect((await readAll(BEFORE_EVERYTHING, 20)).every(isReadable)).toBe(true);
  });
});
