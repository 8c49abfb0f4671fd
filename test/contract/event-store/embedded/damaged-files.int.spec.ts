import { cp, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { START, type EventStoreDBClient } from '@eventstore/db-client';
import { within } from '../../../support/eventually.js';
import { dataFile, newDataDirectory, removeDirectory } from '../../../support/event-store-node.js';
import { spawnEventStoreNode, type NodeProcess } from '../../../support/event-store-process.js';
import { anEvent } from '../events.js';
import { original, readAllFrom, readEvents } from '../reading.js';
import { connect, describeEmbedded, dispose } from '../target.js';

const flips = Number(process.env['MC_CONTRACT_FLIPS'] ?? 4);
const streams = ['damaged-a', 'damaged-b', 'damaged-c'];

/** Every event that was acknowledged, as one line each, in log order. */
type Log = readonly string[];

async function logOf(client: EventStoreDBClient): Promise<Log> {
  const log = (await readAllFrom(client, START, 'damaged-')).map((resolved) => original(resolved));
  for (const stream of streams) {
    const ids = (await readEvents(client, stream)).map((event) => event.id);
    expect(ids).toEqual(log.filter((event) => event.streamId === stream).map((event) => event.id));
  }
  return log.map((event) => [event.streamId, event.revision, event.id, event.type, JSON.stringify(event.data)].join());
}

describeEmbedded('a data file', 'the files of a server by URL are not ours', () => {
  let pristine: string;
  let acknowledged: Log;
  let size: number;

  beforeAll(async () => {
    pristine = await newDataDirectory();
    const node = await spawnEventStoreNode({ dir: pristine });
    const client = connect(node.url);
    for (let n = 0; n < 300; n++) {
      const stream = streams[n % 3] ?? 'damaged-a';
      await client.appendToStream(stream, [anEvent({ data: { n, text: `event ${n}`.repeat(20) } }), anEvent()]);
    }
    acknowledged = await logOf(client);
    expect(acknowledged).toHaveLength(600);
    await dispose(client);
    await node.kill('SIGKILL');
    size = (await readFile(join(pristine, dataFile))).length;
  }, 60_000);

  afterAll(() => removeDirectory(pristine));

  /** Opens a damaged copy. Says what became of it; fails when it serves anything but the truth. */
  async function outcomeAfter(damage: (file: string) => Promise<void>): Promise<string> {
    const dir = await newDataDirectory();
    let node: NodeProcess | undefined;
    try {
      await cp(pristine, dir, { recursive: true });
      await damage(join(dir, dataFile));
      try {
        node = await spawnEventStoreNode({ dir });
      } catch (error) {
        const reason = String(error);
        expect(reason).toMatch(/ended before it was ready \(code [1-9]\d*, signal null\): \S/);
        return 'refused with a reason';
      }
      const client = connect(node.url);
      let served: Log;
      try {
        served = await within('the log', logOf(client), 10_000);
      } catch (error) {
        if (error instanceof Error && 'matcherResult' in error) throw error;
        return 'opened, and the read failed';
      }
      expect(served).toEqual(acknowledged);
      await client.appendToStream('damaged-a', anEvent(), { expectedRevision: 199n });
      await dispose(client);
      return 'opened to the last commit';
    } finally {
      await node?.kill('SIGKILL');
      await removeDirectory(dir);
    }
  }

  it('left by kill -9 opens to the last commit', async () => {
    expect(await outcomeAfter(() => Promise.resolve())).toBe('opened to the last commit');
  });

  it.each([0.3, 0.6, 0.97])('cut at %d of its length is never served as if it were whole', async (share) => {
    const outcome = await outcomeAfter((file) => truncate(file, Math.floor((size * share) / 4096) * 4096));
    console.info(`cut at ${share}: ${outcome}`);
  });

  it('cut by its last byte, or with rubbish behind it, is never served as if it were whole', async () => {
    await outcomeAfter((file) => truncate(file, size - 1));
    await outcomeAfter(async (path) => {
      const file = await open(path, 'a');
      await file.write(Buffer.alloc(10_000, 0xaa));
      await file.close();
    });
  });

  it('emptied or removed is refused: acknowledged events are missing', async () => {
    expect(await outcomeAfter((file) => truncate(file, 0))).toBe('refused with a reason');
    expect(await outcomeAfter((file) => rm(file))).toBe('refused with a reason');
  });

  it('exchanged for an older copy of itself is refused: acknowledged events are missing', async () => {
    const older = await newDataDirectory();
    const early = await spawnEventStoreNode({ dir: older });
    await early.kill('SIGTERM');
    const outcome = await outcomeAfter((file) => cp(join(older, dataFile), file));
    await removeDirectory(older);
    expect(outcome).toBe('refused with a reason');
  });

  it(`with one bit turned, at ${flips} places, is never served as if it were whole`, async () => {
    const outcomes: string[] = [];
    for (let flip = 0; flip < flips; flip++) {
      const inMeta = flip % 3 === 0;
      const at = inMeta ? (flip % 2) * 4096 + 16 + ((flip * 37) % 130) : Math.floor((size * (flip + 0.5)) / flips);
      const outcome = await outcomeAfter(async (path) => {
        const file = await open(path, 'r+');
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, at);
        byte[0] = (byte[0] ?? 0) ^ (1 << (flip % 8));
        await file.write(byte, 0, 1, at);
        await file.close();
      });
      outcomes.push(`${at}: ${outcome}`);
    }
    console.info(`one bit turned in ${size} bytes:\n${outcomes.join('\n')}`);
  }, 300_000);
});
