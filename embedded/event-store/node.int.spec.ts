import { EventStoreDBClient, START, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { eventually } from '../../test/support/eventually.js';
import type { Health } from './health.js';
import { DirectoryInUse } from './lifecycle/lock-file.js';
import { StoreBehindWitness } from './lifecycle/witness.js';
import { NotLoopback, startNode, type EventStoreNode, type NodeOptions } from './node.js';
import { CommitFailed, type EventStorage } from './storage/event-storage.js';
import { LOG_FILE, LmdbStorage } from './storage/lmdb-storage.js';

/** A storage whose commits fail with the given error while there is one. */
const failing = (directory: string, failure: () => CommitFailed | undefined): EventStorage => {
  const storage = LmdbStorage.open(directory);
  const commit = storage.commit.bind(storage);
  storage.commit = async (group) => {
    const error = failure();
    if (error !== undefined) throw error;
    await commit(group);
  };
  return storage;
};

describe('the node', () => {
  let dir: string;
  let stops: (() => Promise<unknown>)[];

  const start = async (options: Partial<NodeOptions> = {}): Promise<EventStoreNode> => {
    const node = await startNode({ dir, ...options });
    stops.push(() => node.close());
    return node;
  };

  const connect = ({ url }: EventStoreNode): EventStoreDBClient => {
    const client = EventStoreDBClient.connectionString(url);
    stops.unshift(() => client.dispose());
    return client;
  };

  const append = (client: EventStoreDBClient, stream: string, count = 1): Promise<unknown> =>
    client.appendToStream(
      stream,
      Array.from({ length: count }, (_, n) => jsonEvent({ type: 'Happened', data: { n } })),
      { expectedRevision: 'any' },
    );

  const countOf = async (client: EventStoreDBClient, stream: string): Promise<number> => {
    let count = 0;
    for await (const _ of client.readStream(stream)) count += 1;
    return count;
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mc-node-'));
    stops = [];
  });

  afterEach(async () => {
    for (const stop of stops) await stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('refuses to listen where others could reach it', async () => {
    await expect(startNode({ dir, host: '0.0.0.0' })).rejects.toThrow(NotLoopback);
  });

  it('refuses a directory that a node already has, and leaves that node alone', async () => {
    const client = connect(await start());
    await expect(startNode({ dir })).rejects.toThrow(DirectoryInUse);
    await append(client, 's');
    expect(await countOf(client, 's')).toBe(1);
  });

  it('leaves nothing locked when its port is taken', async () => {
    const { port } = await start();
    const other = mkdtempSync(join(tmpdir(), 'mc-node-'));
    stops.push(async () => rmSync(other, { recursive: true, force: true }));
    await expect(startNode({ dir: other, port })).rejects.toThrow(/EADDRINUSE|bind/);
    const again = await startNode({ dir: other });
    await again.close();
  });

  it('refuses a store that holds less than was acknowledged, and starts on it when ordered to', async () => {
    const first = await start();
    const client = connect(first);
    await append(client, 's', 3);
    await first.close();
    const old = join(dir, 'older-copy');
    copyFileSync(join(dir, LOG_FILE), old);
    const second = await start();
    await append(connect(second), 's', 2);
    await second.close();
    copyFileSync(old, join(dir, LOG_FILE));

    await expect(startNode({ dir })).rejects.toThrow(StoreBehindWitness);
    const third = await start({ acceptDataLoss: true });
    expect(await countOf(connect(third), 's')).toBe(3);
  });

  it('ends a read that meets a damaged record as lost data, says so, and serves the rest', async () => {
    const first = await start();
    const client = connect(first);
    await append(client, 'before');
    await append(client, 'damaged');
    await append(client, 'after');
    await first.close();
    const root = open<Buffer, Buffer>({
      path: join(dir, LOG_FILE),
      noSubdir: true,
      encoding: 'binary',
      keyEncoding: 'binary',
    });
    const log = root.openDB<Buffer, Buffer>({ name: 'log', encoding: 'binary', keyEncoding: 'binary' });
    const [, second] = [...log.getRange()];
    if (second === undefined) throw new Error('the log has no second block');
    const bytes = Buffer.from(second.value);
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
    await log.put(second.key, bytes);
    await root.close();

    const seen: Health[] = [];
    const node = await start({ onHealth: (health) => seen.push(health) });
    const again = connect(node);
    expect(seen.at(-1)).toMatchObject({ status: 'degraded' });
    await expect(countOf(again, 'damaged')).rejects.toMatchObject({ code: 15 });
    const all = async (): Promise<void> => {
      for await (const _ of again.readAll({ fromPosition: START }));
    };
    await expect(all()).rejects.toMatchObject({ code: 15 });
    expect(node.health()).toMatchObject({ status: 'degraded' });
    expect(await countOf(again, 'after')).toBe(1);
  });

  it('stays up on a full disk: refuses what it cannot keep, and is well again when there is room', async () => {
    let isFull = true;
    const node = await start({
      openStorage: (directory) =>
        failing(directory, () => (isFull ? new CommitFailed(new Error('no room'), true) : undefined)),
    });
    const client = connect(node);
    await expect(append(client, 's')).rejects.toMatchObject({ type: 'unknown' });
    expect(node.health()).toMatchObject({ status: 'degraded' });
    isFull = false;
    await append(client, 's');
    expect(node.health()).toEqual({ status: 'ok' });
    expect(await countOf(client, 's')).toBe(1);
  });

  it('stops itself after an I/O error, acknowledging nothing, and starts again', async () => {
    const seen: Health[] = [];
    const node = await start({
      onHealth: (health) => seen.push(health),
      openStorage: (directory) => failing(directory, () => new CommitFailed(new Error('Input/output error'))),
    });
    const client = connect(node);
    await expect(append(client, 's')).rejects.toBeDefined();
    await eventually('the node to stop itself', () => seen.at(-1)?.status === 'failed');
    await node.close();
    const again = await start();
    await expect(countOf(connect(again), 's')).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  it('recognises a repeated append with any revision after a restart', async () => {
    const first = await start();
    const events = [jsonEvent({ type: 'Happened', data: {} }), jsonEvent({ type: 'Happened', data: {} })];
    const written = await connect(first).appendToStream('s', events, { expectedRevision: 'any' });
    await first.close();
    const client = connect(await start());
    expect(await client.appendToStream('s', events, { expectedRevision: 'any' })).toEqual(written);
    expect(await countOf(client, 's')).toBe(2);
  });
});
