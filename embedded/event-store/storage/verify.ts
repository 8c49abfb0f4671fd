import { recordOfStream } from '../reader/record-of-stream.js';
import { LOG_START, type EventStorage } from './event-storage.js';
import { DamagedRecord, recordAt } from './record.js';

export interface VerifiedStore {
  readonly events: number;
  readonly streams: number;
  readonly end: number;
}

/**
 * Walks the whole log: no block missing, every checksum right, ordinals without a gap, and every event found again by its
 * stream and revision.
 * @throws DamagedRecord at the first thing that is wrong
 */
export const verifyStore = (storage: EventStorage): VerifiedStore => {
  const { end } = storage.logEnd;
  const streams = new Set<number>();
  let ordinal = 0;
  for (let base = LOG_START; base < end;) {
    const block = storage.blockAt(base);
    if (block === undefined) throw new DamagedRecord(base, 'a block is missing');
    for (let offset = 0; offset < block.bytes.length;) {
      const record = recordAt(block.bytes, base, offset);
      const { position, streamNo, revision } = record;
      ordinal += 1;
      if (record.ordinal !== ordinal)
        throw new DamagedRecord(position, `event ${record.ordinal} where ${ordinal} belongs`);
      if (!streams.has(streamNo) && storage.streamNumberOf(record.streamName.toString('utf8')) !== streamNo) {
        throw new DamagedRecord(position, 'its stream is not in the index');
      }
      streams.add(streamNo);
      if (recordOfStream(storage, streamNo, revision)?.position !== position) {
        throw new DamagedRecord(position, 'the index of its stream does not lead to it');
      }
      offset += record.size;
    }
    base += block.bytes.length;
  }
  return { events: ordinal, streams: streams.size, end };
};
