import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import protobuf from 'protobufjs';
import { uuidTextOf } from '../wire/uuid.js';
import { BLOCK_BYTES, GroupWriter, type EncodedGroup, type EventToWrite } from './group-writer.js';
import { DamagedRecord, TOMBSTONE_REVISION, recordAt, type StoredRecord } from './record.js';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Uuid { string text = 2; }
  message Identifier { bytes stream_name = 3; }
  message Recorded {
    Uuid id = 1; Identifier stream = 2; uint64 revision = 3; uint64 prepare = 4; uint64 commit = 5;
    map<string, string> metadata = 6; bytes custom_metadata = 7; bytes data = 8;
  }
  message ReadEvent { Recorded event = 1; Recorded link = 2; uint64 commit_position = 3; }
  message ReadResp { ReadEvent event = 1; }
`);
const readResp = root.lookupType('ReadResp');

const decode = (record: StoredRecord): Record<string, unknown> =>
  readResp.toObject(readResp.decode(record.response), { longs: String, bytes: Buffer })['event'];

const allRecords = ({ blocks }: EncodedGroup): StoredRecord[] =>
  blocks.flatMap(({ base, bytes }) => {
    const records: StoredRecord[] = [];
    for (let offset = 0; offset < bytes.length; offset += records.at(-1)?.size ?? bytes.length) {
      records.push(recordAt(bytes, base, offset));
    }
    return records;
  });

const event = (fields: Partial<EventToWrite> = {}): EventToWrite => ({
  id: Buffer.alloc(16, 7),
  type: 'TaskClaimed',
  contentType: 'application/json',
  metadata: Buffer.from('{"workspaceId":"w"}'),
  data: Buffer.from('{"n":1}'),
  ...fields,
});

const anEvent = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  type: fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }),
  contentType: fc.constantFrom('application/json', 'application/octet-stream'),
  metadata: fc.uint8Array({ maxLength: 200 }),
  data: fc.uint8Array({ maxLength: 20_000 }),
});

const stream = { streamNo: 3, nameBytes: Buffer.from('tâche-1') };
const createdMs = 1_800_000_000_123;

describe('a group of events', () => {
  it('comes back as the very answer that a client decodes', () => {
    fc.assert(
      fc.property(
        fc.array(anEvent, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 64, max: 2 ** 45 }),
        (events, end) => {
          const writer = new GroupWriter({ end, ordinal: 41 });
          const positions = events.map((each, index) => writer.add(stream, 5 + index, each, createdMs));
          const records = allRecords(writer.finish());
          expect(records.map(({ position }) => position)).toEqual(positions);
          for (const [index, each] of events.entries()) {
            const record = records[index];
            if (record === undefined) throw new Error('a record is missing');
            const position = String(positions[index]);
            expect(decode(record)).toEqual({
              event: {
                id: { text: uuidTextOf(each.id) },
                stream: { streamName: stream.nameBytes },
                revision: String(5 + index),
                prepare: position,
                commit: position,
                metadata: { type: each.type, 'content-type': each.contentType, created: `${createdMs}0000` },
                customMetadata: Buffer.from(each.metadata),
                data: Buffer.from(each.data),
              },
              commitPosition: position,
            });
            expect(record.ordinal).toBe(42 + index);
            expect(record.revision).toBe(5 + index);
            expect(record.streamNo).toBe(3);
            expect(record.id.equals(each.id)).toBe(true);
            expect(record.type.toString()).toBe(each.type);
            expect(record.streamName.equals(stream.nameBytes)).toBe(true);
            expect(record.data.equals(Buffer.from(each.data))).toBe(true);
            expect(record.createdMs).toBe(createdMs);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('lies without a gap from where the log ended, in blocks, with one run a stream and block', () => {
    const writer = new GroupWriter({ end: 64, ordinal: 0 });
    const big = event({ data: Buffer.alloc(20_000) });
    for (let revision = 0; revision < 10; revision += 1) writer.add(stream, revision, big, createdMs);
    const other = { streamNo: 4, nameBytes: Buffer.from('other') };
    writer.add(other, 0, event(), createdMs);
    writer.add(stream, 10, event(), createdMs);
    const group = writer.finish();
    expect(group.blocks.length).toBeGreaterThan(1);
    let end = 64;
    for (const { base, bytes } of group.blocks) {
      expect(base).toBe(end);
      expect(bytes.length).toBeLessThanOrEqual(BLOCK_BYTES);
      end += bytes.length;
    }
    expect(group.end).toBe(end);
    const ofStream = group.runs.filter(({ streamNo }) => streamNo === 3);
    expect(ofStream.reduce((sum, { count }) => sum + count, 0)).toBe(11);
    expect(ofStream.length).toBe(group.blocks.length + 1);
  });

  it('takes an event that is larger than a block', () => {
    const writer = new GroupWriter({ end: 64, ordinal: 0 });
    const data = Buffer.alloc(3 * BLOCK_BYTES, 1);
    writer.add(stream, 0, event(), createdMs);
    writer.add(stream, 1, event({ data }), createdMs);
    writer.add(stream, 2, event(), createdMs);
    expect(allRecords(writer.finish()).map((record) => record.data.length)).toEqual([7, data.length, 7]);
  });

  it('writes a tombstone with the revision 2^63-1', () => {
    const writer = new GroupWriter({ end: 64, ordinal: 0 });
    writer.add(stream, TOMBSTONE_REVISION, event(), createdMs);
    const [record] = allRecords(writer.finish());
    if (record === undefined) throw new Error('the record is missing');
    expect(record.revision).toBe(TOMBSTONE_REVISION);
    expect(decode(record)).toMatchObject({ event: { revision: '9223372036854775807' } });
  });
});

describe('a damaged record', () => {
  it('is noticed, whichever bit of it is flipped', () => {
    const writer = new GroupWriter({ end: 64, ordinal: 0 });
    writer.add(stream, 0, event(), createdMs);
    const [block] = writer.finish().blocks;
    if (block === undefined) throw new Error('the block is missing');
    fc.assert(
      fc.property(fc.nat({ max: block.bytes.length * 8 - 1 }), (bit) => {
        const damaged = Buffer.from(block.bytes);
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => recordAt(damaged, 64, 0)).toThrow(DamagedRecord);
      }),
    );
  });
});
