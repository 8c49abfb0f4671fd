import type { EventStorage } from '../storage/event-storage.js';
import type { Run } from '../storage/group-writer.js';
import { DamagedRecord, recordAt, recordSizeAt, type StoredRecord } from '../storage/record.js';

/**
 * The records of a run from revision `from` to its end or to `to`, whichever comes first, in order.
 * @throws DamagedRecord when the index and the log disagree
 */
export const recordsOfRun = (storage: EventStorage, run: Run, from: number, to: number): StoredRecord[] => {
  const block = storage.blockAt(run.base);
  if (block === undefined) throw new DamagedRecord(run.base, 'the block is missing');
  const records: StoredRecord[] = [];
  let offset = run.offset;
  for (let index = 0; index < run.count; index += 1) {
    const revision = run.firstRevision + index;
    if (revision > to) break;
    if (revision < from) {
      offset += recordSizeAt(block.bytes, run.base, offset);
      continue;
    }
    const record = recordAt(block.bytes, run.base, offset);
    if (record.streamNo !== run.streamNo || record.revision !== revision) {
      throw new DamagedRecord(record.position, 'it is not the event that the index names');
    }
    records.push(record);
    offset += record.size;
  }
  return records;
};

/** The event of a stream with exactly this revision, or undefined when there is none. */
export const recordOfStream = (storage: EventStorage, streamNo: number, revision: number): StoredRecord | undefined => {
  const run = storage.runAt(streamNo, revision);
  return run === undefined ? undefined : recordsOfRun(storage, run, revision, revision)[0];
};
