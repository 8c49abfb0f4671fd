import { mkdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { open, type Database, type RootDatabase } from 'lmdb';
import { BlockCache } from './block-cache.js';
import { CommitFailed, LOG_START, type EventStorage, type LogEnd } from './event-storage.js';
import type { EncodedGroup, LogBlock, Run } from './group-writer.js';
import { positionKey, positionOfKey, revisionKey, revisionOfKey, streamNoOfKey } from './keys.js';
import { DamagedRecord, recordAt, recordSizeAt, type StoredRecord } from './record.js';

export const FORMAT_VERSION = 1;

const CACHE_BYTES = 32 * 1024 * 1024;
const RUN_BYTES = 16;

/** What a commit needs beside its events: the pages of the indexes that it copies. */
const SPARE_BYTES = 1024 * 1024;

/** How long to wait for the binding to tell why a commit failed. */
const REASON_WAIT_MS = 1000;

/** The name of the LMDB file inside the data directory. */
export const LOG_FILE = 'log.mdb';

export class UnknownFormat extends Error {
  constructor(found: string) {
    super(`The event store was written in format ${found}; this version reads format ${FORMAT_VERSION}.`);
    this.name = 'UnknownFormat';
  }
}

const encodeRun = (run: Run): Buffer => {
  const value = Buffer.allocUnsafe(RUN_BYTES);
  value.writeDoubleLE(run.base, 0);
  value.writeUInt32LE(run.offset, 8);
  value.writeUInt32LE(run.count, 12);
  return value;
};

const decodeRun = (key: Buffer, value: Buffer): Run => ({
  streamNo: streamNoOfKey(key),
  firstRevision: revisionOfKey(key),
  base: value.readDoubleLE(0),
  offset: value.readUInt32LE(8),
  count: value.readUInt32LE(12),
});

/** The last record of a block. */
export const lastRecordOf = (block: LogBlock): StoredRecord => {
  let offset = 0;
  for (;;) {
    const next = offset + recordSizeAt(block.bytes, block.base, offset);
    if (next >= block.bytes.length) return recordAt(block.bytes, block.base, offset);
    offset = next;
  }
};

/**
 * The log in one LMDB environment of four databases: `log` (base position → block), `runs` (stream number, first revision
 * → where the run lies), `streams` (name → number) and `meta` (format). Everything else that a node knows of a stream is
 * derived from these on demand, so that a commit writes few keys and opening reads one block.
 */
export class LmdbStorage implements EventStorage {
  private readonly cache = new BlockCache(CACHE_BYTES);
  private readonly log: Database<Buffer, Buffer>;
  private readonly runs: Database<Buffer, Buffer>;
  private readonly streams: Database<Buffer, Buffer>;
  private end: LogEnd;

  private constructor(
    private readonly root: RootDatabase<Buffer, Buffer>,
    private readonly directory: string,
  ) {
    const options = { encoding: 'binary', keyEncoding: 'binary' } as const;
    const meta = root.openDB<Buffer, Buffer>({ name: 'meta', ...options });
    this.log = root.openDB<Buffer, Buffer>({ name: 'log', ...options });
    this.runs = root.openDB<Buffer, Buffer>({ name: 'runs', ...options });
    this.streams = root.openDB<Buffer, Buffer>({ name: 'streams', ...options });
    const formatKey = Buffer.from('format');
    const format = meta.get(formatKey)?.toString();
    if (format === undefined) meta.putSync(formatKey, Buffer.from(String(FORMAT_VERSION)));
    else if (format !== String(FORMAT_VERSION)) throw new UnknownFormat(format);
    this.end = this.findEnd();
  }

  /**
   * Opens or creates the environment in `directory`.
   * @throws UnknownFormat, DamagedRecord (the last record), or what LMDB throws. A file whose inner pages are damaged can
   *   end the whole process: see `lifecycle/first-look.ts`.
   */
  static open(directory: string): LmdbStorage {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const root = open<Buffer, Buffer>({
      path: join(directory, LOG_FILE),
      noSubdir: true,
      encoding: 'binary',
      keyEncoding: 'binary',
      // A write promise then resolves after fdatasync has returned; the default only promises that readers see it.
      overlappingSync: false,
      // A batch of one event turn would carry a promise of its own, whose rejection nobody can handle.
      eventTurnBatching: false,
      cache: false,
      compression: false,
      maxDbs: 8,
    });
    return new LmdbStorage(root, directory);
  }

  get logEnd(): LogEnd {
    return this.end;
  }

  async commit(group: EncodedGroup): Promise<void> {
    try {
      await this.root.batch(() => this.putAll(group));
    } catch (error) {
      throw await this.failureOf(error, group);
    }
    for (const block of group.blocks) this.cache.add(block);
    const { end, ordinal, lastPosition, digest, newStreams } = group;
    const nextStreamNo = newStreams.reduce((next, { streamNo }) => Math.max(next, streamNo + 1), this.end.nextStreamNo);
    this.end = { end, ordinal, lastPosition, digest, nextStreamNo };
  }

  blockAt(base: number): LogBlock | undefined {
    const cached = this.cache.get(base);
    if (cached !== undefined) return cached;
    const bytes = this.log.get(positionKey(base));
    if (bytes === undefined) return undefined;
    const block = { base, bytes };
    this.cache.add(block);
    return block;
  }

  blockContaining(position: number): LogBlock | undefined {
    for (const key of this.log.getKeys({ start: positionKey(position), reverse: true, limit: 1 })) {
      return this.blockAt(positionOfKey(key));
    }
    return undefined;
  }

  streamNumberOf(streamName: string): number | undefined {
    return this.streams.get(Buffer.from(streamName))?.readUInt32LE(0);
  }

  runAt(streamNo: number, revision: number): Run | undefined {
    for (const { key, value } of this.runs.getRange({
      start: revisionKey(streamNo, revision),
      reverse: true,
      limit: 1,
    })) {
      if (streamNoOfKey(key) === streamNo) return decodeRun(key, value);
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  private putAll({ blocks, runs, newStreams }: EncodedGroup): void {
    for (const { base, bytes } of blocks) void this.log.put(positionKey(base), bytes);
    for (const run of runs) void this.runs.put(revisionKey(run.streamNo, run.firstRevision), encodeRun(run));
    for (const { nameBytes, streamNo } of newStreams) {
      const number = Buffer.allocUnsafe(4);
      number.writeUInt32LE(streamNo);
      void this.streams.put(nameBytes, number);
    }
  }

  /** LMDB calls a write that the full disk has cut short an I/O error: the file system knows which of the two it was. */
  private async failureOf(error: unknown, { blocks }: EncodedGroup): Promise<CommitFailed> {
    const reason = await reasonOf(error);
    const needed = blocks.reduce((sum, { bytes }) => sum + bytes.length, SPARE_BYTES);
    const { bavail, bsize } = await statfs(this.directory);
    return new CommitFailed(reason, bavail * bsize < needed);
  }

  private findEnd(): LogEnd {
    let nextStreamNo = 1;
    for (const key of this.runs.getKeys({ reverse: true, limit: 1 })) nextStreamNo = streamNoOfKey(key) + 1;
    for (const key of this.log.getKeys({ reverse: true, limit: 1 })) {
      const base = positionOfKey(key);
      const block = this.blockAt(base);
      if (block === undefined) throw new DamagedRecord(base, 'the last block is missing');
      const last = lastRecordOf(block);
      return { end: last.end, ordinal: last.ordinal, lastPosition: last.position, digest: last.digest, nextStreamNo };
    }
    return { end: LOG_START, ordinal: 0, lastPosition: 0, digest: 0, nextStreamNo };
  }
}

/** LMDB's binding hides the reason of a failed commit behind a second promise, which must not be left unhandled. */
const reasonOf = async (failure: unknown): Promise<unknown> => {
  if (!(failure instanceof Error) || !('commitError' in failure)) return failure;
  try {
    return await Promise.race([failure.commitError, setTimeout(REASON_WAIT_MS, failure, { ref: false })]);
  } catch (reason) {
    return reason;
  }
};
