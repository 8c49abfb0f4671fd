import type { EventStorage } from '../storage/event-storage.js';
import { DamagedRecord, type StoredRecord } from '../storage/record.js';
import { firstVisibleRevision, isSoftDeleted, type Head } from '../writer/head.js';
import type { Cursor } from './log-cursor.js';
import { recordsOfRun } from './record-of-stream.js';

/** The oldest instant that `$maxAge` leaves visible, in ms since 1970. */
export const oldestVisibleMs = ({ metadata }: Head): number => Date.now() - metadata.maxAgeSeconds * 1000;

const readRun = (storage: EventStorage, head: Head, at: number, from: number, to: number): StoredRecord[] => {
  const run = storage.runAt(head.streamNo, at);
  const records = run === undefined ? [] : recordsOfRun(storage, run, from, to);
  if (records.length === 0) {
    throw new DamagedRecord(run?.base ?? 0, `revision ${at} of stream ${head.name} is missing`);
  }
  return records;
};

/**
 * Reads a stream forwards from a revision. The head is asked for at every page, so that a cursor that has reached the end
 * goes on when the stream does.
 */
export class ForwardStreamCursor implements Cursor {
  /** From this revision on nothing is hidden any more: what a live subscriber has not seen yet is always delivered. */
  private liveFrom = Infinity;

  constructor(
    private readonly storage: EventStorage,
    private readonly head: () => Head,
    private revision: number,
  ) {}

  nextPage(limit: number): readonly StoredRecord[] | undefined {
    const head = this.head();
    const oldest = oldestVisibleMs(head);
    const page: StoredRecord[] = [];
    let from = Math.max(this.revision, Math.min(firstVisibleRevision(head), this.liveFrom));
    if (head.streamNo === 0 || from > head.last) return undefined;
    const to = Math.min(head.last, from + limit - 1);
    while (from <= to) {
      const records = readRun(this.storage, head, from, from, to);
      from += records.length;
      this.revision = from;
      for (const record of records) {
        if (record.createdMs >= oldest || record.revision >= this.liveFrom) page.push(record);
      }
    }
    return page;
  }

  /** The subscriber has caught up: what comes now is delivered whatever the metadata hides. */
  goLive(): void {
    if (this.liveFrom !== Infinity) return;
    this.liveFrom = Math.max(this.head().last + 1, this.revision);
    this.revision = this.liveFrom;
  }
}

/** Reads a stream backwards from a revision (included), or from its end. */
export class BackwardStreamCursor implements Cursor {
  constructor(
    private readonly storage: EventStorage,
    private readonly head: Head,
    private revision: number,
  ) {
    this.revision = Math.min(revision, head.last);
  }

  nextPage(limit: number): readonly StoredRecord[] | undefined {
    const lowest = firstVisibleRevision(this.head);
    const oldest = oldestVisibleMs(this.head);
    if (isSoftDeleted(this.head) || this.revision < lowest) return undefined;
    const page: StoredRecord[] = [];
    const from = Math.max(lowest, this.revision - limit + 1);
    while (this.revision >= from) {
      const records = readRun(this.storage, this.head, this.revision, from, this.revision).toReversed();
      this.revision -= records.length;
      for (const record of records) {
        if (record.createdMs >= oldest) page.push(record);
      }
    }
    return page;
  }
}
