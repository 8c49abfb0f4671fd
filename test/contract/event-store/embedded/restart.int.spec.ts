import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { START, type EventStoreDBClient } from '@eventstore/db-client';
import { eventually, within } from '../../../support/eventually.js';
import { dataFile, newDataDirectory, removeDirectory, startEventStoreNode } from '../../../support/event-store-node.js';
import { launchEventStoreNode, spawnEventStoreNode, type NodeProcess } from '../../../support/event-store-process.js';
import { anEvent, appendRoutes, someEvents } from '../events.js';
import { errorType, idsOf, readEvents, rejectionOf } from '../reading.js';
import { Subscriber } from '../subscriber.js';
import { connect, describeEmbedded, dispose } from '../target.js';
import { Wire, readRequest } from '../wire.js';
import { Ledger, spotless } from './acknowledged.js';

let dir: string;
const clients: EventStoreDBClient[] = [];
const processes: NodeProcess[] = [];

beforeEach(async () => {
  dir = await newDataDirectory();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map(dispose));
  await Promise.all(processes.splice(0).map((each) => each.kill('SIGKILL')));
  await removeDirectory(dir);
});

function client(url: string): EventStoreDBClient {
  const connected = connect(url);
  clients.push(connected);
  return connected;
}

async function spawned(port?: number): Promise<NodeProcess> {
  const node = await spawnEventStoreNode({ dir, ...(port === undefined ? {} : { port }) });
  processes.push(node);
  return node;
}

/** Every answer to a read of the whole log and of each stream, byte for byte. */
async function everything(url: string, streams: readonly string[]): Promise<string[]> {
  const wire = new Wire(url);
  const requests = [readRequest({}), ...streams.map((stream) => readRequest({ stream }))];
  const bytes: string[] = [];
  for (const request of requests) {
    const reading = wire.openRead(request);
    await within('the end of a read', reading.ended);
    bytes.push(...reading.answers.map((answer) => Buffer.from(answer.serializeBinary()).toString('base64')));
    bytes.push(reading.error === undefined ? 'end' : `error ${reading.error.code}`);
  }
  wire.close();
  return bytes;
}

describeEmbedded('a restart', 'a running server is not ours to stop', () => {
  it('changes nothing that can be read: events, deletes, metadata, links, positions, byte for byte', async () => {
    const first = await startEventStoreNode({ dir });
    const writer = client(first.url);
    const streams = ['plain', 'deleted', 'recreated', 'tombstoned', 'truncated', 'ünïcødé', '$$truncated'];
    for (const stream of streams.slice(0, 6)) await writer.appendToStream(stream, someEvents(30));
    await writer.deleteStream('deleted');
    await writer.deleteStream('recreated');
    await writer.appendToStream('recreated', someEvents(2), { expectedRevision: 'no_stream' });
    await writer.tombstoneStream('tombstoned');
    await writer.setStreamMetadata('truncated', { maxCount: 5, truncateBefore: 7, owner: 'contract' });
    const before = await everything(first.url, streams);
    await first.close();

    const second = await startEventStoreNode({ dir });
    expect(await everything(second.url, streams)).toEqual(before);
    await second.close();
  });

  it('keeps heads, weak ids and strong ids: conflicts and repeats are seen as before', async () => {
    const first = await startEventStoreNode({ dir });
    const events = someEvents(3);
    const stored = await client(first.url).appendToStream('kept', events, { expectedRevision: 'no_stream' });
    await client(first.url).appendToStream('gone', anEvent());
    await client(first.url).deleteStream('gone');
    await first.close();

    const second = await startEventStoreNode({ dir });
    const again = client(second.url);
    for (const { append } of appendRoutes) {
      expect(errorType(await rejectionOf(append(again, 'kept', anEvent(), 1n)))).toBe('wrong-expected-version');
      expect(errorType(await rejectionOf(append(again, 'gone', anEvent(), 'stream_exists')))).toBe('stream-deleted');
      expect(await append(again, 'kept', events, 'no_stream')).toEqual(stored);
      expect(await append(again, 'kept', events, 'any')).toEqual(stored);
    }
    const next = await again.appendToStream('kept', anEvent(), { expectedRevision: 2n });
    expect(next.nextExpectedRevision).toBe(3n);
    expect(next.position?.commit).toBeGreaterThan(stored.position?.commit ?? 0n);
    await second.close();
  });

  it('ends subscriptions visibly; one resumed after its last event misses and repeats nothing', async () => {
    const first = await spawned();
    const writer = client(first.url);
    await writer.appendToStream('followed', someEvents(5));
    const subscriber = new Subscriber(writer.subscribeToStream('followed', { fromRevision: START }));
    await subscriber.untilCount(5);
    await first.kill('SIGTERM');
    await subscriber.until('the end of the subscription', ({ error, ended }) => error !== undefined || ended);

    const second = await spawned(first.port);
    const reconnected = client(second.url);
    await reconnected.appendToStream('followed', someEvents(2));
    const resumed = new Subscriber(reconnected.subscribeToStream('followed', { fromRevision: 4n }));
    await resumed.untilCount(2);
    await resumed.stop();
    expect([...subscriber.ids, ...resumed.ids]).toEqual(await idsOf(reconnected, 'followed'));
  });

  it('is survived by the same client: it reconnects, and repeats with the same ids leave one copy', async () => {
    const ledger = new Ledger();
    let node = await spawned();
    const writer = client(node.url);
    const over = new AbortController();
    const writing = Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        while (!over.signal.aborted) await ledger.append(writer, `survivor-${n}`, 2);
      }),
    );
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const goal = ledger.acknowledged.length + 40;
      await eventually('appends', () => ledger.acknowledged.length > goal);
      await node.kill(signal);
      node = await spawned(node.port);
    }
    const goal = ledger.acknowledged.length + 40;
    await eventually('appends after the restarts', () => ledger.acknowledged.length > goal, 20_000);
    over.abort();
    await writing;
    expect(await ledger.judge(client(node.url), 'survivor-')).toMatchObject(spotless);
  });

  it('by SIGTERM under load loses nothing and exits with 0', async () => {
    const ledger = new Ledger();
    const node = await spawned();
    const writer = client(node.url);
    const writing = Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        let isRunning = true;
        while (isRunning) isRunning = await ledger.append(writer, `terminated-${n}`, 1);
      }),
    );
    await eventually('appends', () => ledger.acknowledged.length > 100);
    expect(await node.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await writing;
    const next = await spawned();
    expect(await ledger.judge(client(next.url), 'terminated-')).toMatchObject(spotless);
  });

  it('is as quick to ready with many events as with few', async () => {
    const first = await spawned();
    const writer = client(first.url);
    await writer.appendToStream('few', anEvent());
    await first.kill('SIGTERM');
    const few = await startMs();
    const second = await spawned();
    const bulk = client(second.url);
    const count = Number(process.env['MC_CONTRACT_RESTART_EVENTS'] ?? 20_000);
    for (let at = 0; at < count; at += 1_000) {
      await bulk.appendToStream(`many-${(at / 1000) % 50}`, someEvents(Math.min(1_000, count - at)));
    }
    await second.kill('SIGTERM');
    const many = await startMs();
    console.info(`start with 1 event ${few.toFixed(0)} ms, with ${count} events ${many.toFixed(0)} ms`);
    expect(many).toBeLessThan(few * 5 + 1_000);
  }, 120_000);
});

async function startMs(): Promise<number> {
  const start = performance.now();
  const node = await spawned();
  const took = performance.now() - start;
  await node.kill('SIGTERM');
  return took;
}

describeEmbedded('a data directory', 'the directory of a server by URL is not ours', () => {
  it('is refused to a second process while the first one lives, which goes on undisturbed', async () => {
    const first = await spawned();
    const { exited, output } = await launchEventStoreNode({ dir });
    const { code } = await within('the end of the second process', exited, 20_000);
    expect(code).not.toBe(0);
    expect(output()).toMatch(/lock|already|in use|another/i);
    await client(first.url).appendToStream('undisturbed', anEvent());
    expect(await readEvents(client(first.url), 'undisturbed')).toHaveLength(1);
  });

  it('is refused to a second node in the same process', async () => {
    const first = await startEventStoreNode({ dir });
    await rejectionOf(startEventStoreNode({ dir }));
    await client(first.url).appendToStream('undisturbed', anEvent());
    await first.close();
  });

  it('is taken over from a process that is gone', async () => {
    const first = await spawned();
    await client(first.url).appendToStream('left', anEvent());
    await first.kill('SIGKILL');
    const second = await spawned();
    expect(await readEvents(client(second.url), 'left')).toHaveLength(1);
  });

  it('is kept from other accounts', async () => {
    await spawned();
    expect((await stat(dir)).mode & 0o077).toBe(0);
  });

  it('of another format is refused with the reason', async () => {
    await writeFile(join(dir, dataFile), await readFile(process.execPath).then((bytes) => bytes.subarray(0, 65_536)));
    const { exited, output } = await launchEventStoreNode({ dir });
    const { code, signal } = await within('the end of the process', exited, 20_000);
    expect(signal).toBeNull();
    expect(code).not.toBe(0);
    expect(output()).not.toBe('');
  });
});

describeEmbedded('the listening address', 'a server by URL listens where it likes', () => {
  it.each(['0.0.0.0', '192.0.2.1'])('%s is refused: there is no authentication', async (host) => {
    const { exited, output } = await launchEventStoreNode({ dir, args: ['--host', host] });
    const { code } = await within('the end of the process', exited, 20_000);
    expect(code).not.toBe(0);
    expect(output()).toMatch(/loopback/i);
  });
});
