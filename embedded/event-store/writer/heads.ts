import type { EventStorage } from '../storage/event-storage.js';
import { recordOfStream } from '../reader/record-of-stream.js';
import { newHead, type Head } from './head.js';
import { parseStreamMetadata } from './stream-metadata.js';
import { describedStreamOf, isMetastream, metastreamOf } from './stream-names.js';

const CACHED_HEADS = 100_000;

/** Loads a head from what the storage holds. Nothing is scanned: two or three lookups. */
const loadHead = (storage: EventStorage, name: string): Head => {
  const streamNo = storage.streamNumberOf(name) ?? 0;
  const top = streamNo === 0 ? undefined : storage.runAt(streamNo, Infinity);
  const hasTombstone = top?.firstRevision === Infinity;
  const lastRun = hasTombstone ? storage.runAt(streamNo, Number.MAX_SAFE_INTEGER) : top;
  const head: Head = {
    ...newHead(name),
    streamNo,
    last: lastRun === undefined ? -1 : lastRun.firstRevision + lastRun.count - 1,
    isTombstoned: hasTombstone,
  };
  if (isMetastream(name)) {
    return { ...head, isTombstoned: hasTombstone || isTombstoned(storage, describedStreamOf(name)) };
  }
  const metastreamNo = storage.streamNumberOf(metastreamOf(name));
  const metadataRun = metastreamNo === undefined ? undefined : storage.runAt(metastreamNo, Number.MAX_SAFE_INTEGER);
  if (metastreamNo === undefined || metadataRun === undefined) return head;
  const record = recordOfStream(storage, metastreamNo, metadataRun.firstRevision + metadataRun.count - 1);
  return record?.isJson === true
    ? { ...head, hasMetadata: true, metadata: parseStreamMetadata(record.data) }
    : { ...head, hasMetadata: true };
};

const isTombstoned = (storage: EventStorage, name: string): boolean => {
  const streamNo = storage.streamNumberOf(name);
  return streamNo !== undefined && storage.runAt(streamNo, Infinity)?.firstRevision === Infinity;
};

/** The heads of streams as the last durable commit left them, loaded on demand, the most recently used ones kept. */
export class Heads {
  private readonly cache = new Map<string, Head>();

  constructor(
    private readonly storage: EventStorage,
    private readonly maxCached = CACHED_HEADS,
  ) {}

  of(name: string): Head {
    const cached = this.cache.get(name);
    const head = cached ?? loadHead(this.storage, name);
    if (cached !== undefined) this.cache.delete(name);
    this.keep(head);
    return head;
  }

  /** Takes over what a commit has made durable. */
  replace(heads: Iterable<Head>): void {
    for (const head of heads) {
      this.cache.delete(head.name);
      this.keep(head);
    }
  }

  private keep(head: Head): void {
    this.cache.set(head.name, head);
    if (this.cache.size <= this.maxCached) return;
    for (const oldest of this.cache.keys()) {
      this.cache.delete(oldest);
      return;
    }
  }
}
