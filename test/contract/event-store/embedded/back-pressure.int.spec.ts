import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { START } from '@eventstore/db-client';
import { eventually } from '../../../support/eventually.js';
import { newDataDirectory, removeDirectory } from '../../../support/event-store-node.js';
import { spawnEventStoreNode, type NodeProcess } from '../../../support/event-store-process.js';
import { anEvent, someEvents } from '../events.js';
import { readEvents } from '../reading.js';
import { Subscriber } from '../subscriber.js';
import { connect, describeEmbedded, dispose } from '../target.js';
import { Wire, readRequest, type WireRead } from '../wire.js';

const slowReaders = Number(process.env['MC_CONTRACT_SLOW_READERS'] ?? 50);
const megabytes = Number(process.env['MC_CONTRACT_SLOW_MEGABYTES'] ?? 24);
const idleSeconds = Number(process.env['MC_CONTRACT_IDLE_SECONDS'] ?? 4);

describeEmbedded('a node under readers that do not keep up', 'its memory is not ours to see', () => {
  let dir: string;
  let node: NodeProcess;
  beforeAll(async () => {
    dir = await newDataDirectory();
    node = await spawnEventStoreNode({ dir });
  });
  afterAll(async () => {
    await node.kill('SIGKILL');
    await removeDirectory(dir);
  });

  it(`keeps its memory bounded, goes on writing, and gives each of ${slowReaders} readers everything`, async () => {
    const client = connect(node.url);
    await client.appendToStream('flood', anEvent(), { expectedRevision: 'no_stream' });
    const wire = new Wire(node.url);
    const readers: WireRead[] = [];
    for (let reader = 0; reader < slowReaders; reader++) {
      const reading = wire.openRead(readRequest({ stream: 'flood', subscribe: true }));
      await reading.until('caught up', (kinds) => kinds.includes('caughtUp'));
      reading.call.pause();
      readers.push(reading);
    }
    const before = await residentMiB(node.pid);
    const events = (): ReturnType<typeof someEvents> => someEvents(100, { data: { text: 'x'.repeat(5_000) } });
    let peak = before;
    for (let written = 0; written < megabytes; written += 0.5) {
      await client.appendToStream('flood', events());
      peak = Math.max(peak, await residentMiB(node.pid));
    }
    const buffered = megabytes * slowReaders;
    console.info(`${slowReaders} slow readers of ${megabytes} MiB: node ${before} MiB, at most ${peak} MiB`);
    expect(peak - before).toBeLessThan(Math.max(250, buffered / 4));

    const total = 1 + Math.ceil(megabytes / 0.5) * 100;
    const [first, last] = [readers[0], readers.at(-1)];
    for (const reading of [first, last]) {
      reading?.call.resume();
      await eventually('everything', () => reading?.kinds.filter((kind) => kind === 'event').length === total, 30_000);
      const revisions = reading?.answers.flatMap((answer) => answer.getEvent()?.getEvent()?.getStreamRevision() ?? []);
      expect(revisions).toEqual(Array.from({ length: total }, (_, revision) => String(revision)));
    }

    for (const reading of readers) reading.cancel();
    await client.appendToStream('flood', anEvent());
    expect((await readEvents(client, 'flood', { fromRevision: BigInt(total) })).length).toBe(1);
    wire.close();
    await dispose(client);
  }, 120_000);

  it('frees what readers hold that go away in the middle', async () => {
    const wire = new Wire(node.url);
    const client = connect(node.url);
    await client.appendToStream('left', someEvents(100, { data: { text: 'x'.repeat(5_000) } }));
    const before = await residentMiB(node.pid);
    for (let round = 0; round < 10; round++) {
      const readers = Array.from({ length: 40 }, () => wire.openRead(readRequest({ subscribe: true })));
      await Promise.all(readers.map((reading) => reading.until('a first event', (kinds) => kinds.includes('event'))));
      for (const reading of readers) reading.cancel();
      await Promise.all(readers.map((reading) => reading.ended));
    }
    expect((await residentMiB(node.pid)) - before).toBeLessThan(250);
    expect(await readEvents(client, 'left')).toHaveLength(100);
    wire.close();
    await dispose(client);
  }, 60_000);

  it(`keeps an idle connection for ${idleSeconds} s of keepalive pings: the same subscription and batch stream go on`, async () => {
    const client = connect(`${node.url}&keepAliveInterval=1000&keepAliveTimeout=1000`);
    await client.appendToStream('idle', anEvent());
    const subscriber = new Subscriber(client.subscribeToStream('idle', { fromRevision: START }));
    await subscriber.untilCaughtUp();
    const end = performance.now() + idleSeconds * 1_000;
    await eventually('the idle time to pass', () => performance.now() > end, idleSeconds * 1_000 + 5_000);
    const event = anEvent();
    await client.appendToStream('idle', event);
    await subscriber.untilCount(2);
    expect(subscriber.error).toBeUndefined();
    expect(subscriber.caughtUpCount).toBe(1);
    await subscriber.stop();
    await dispose(client);
  }, 120_000);
});

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}
