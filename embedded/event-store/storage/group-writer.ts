import { writeVarint, varintSize } from '../wire/protobuf-writer.js';
import { uuidTextOf } from '../wire/uuid.js';
import { FLAG_JSON, RECORD_HEADER_BYTES, TOMBSTONE_REVISION, header, sealRecord } from './record.js';

/** A block of the log is closed when the next record would make it longer than this. One record may be larger. */
export const BLOCK_BYTES = 64 * 1024;

/** 2^63-1 as a varint: the revision of a tombstone. */
const tombstoneVarint = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);

const UUID_TEXT_BYTES = 36;
const ID_FIELD_BYTES = 4 + UUID_TEXT_BYTES;

export interface EventToWrite {
  readonly id: Buffer;
  readonly type: string;
  readonly contentType: string;
  readonly metadata: Uint8Array;
  readonly data: Uint8Array;
}

/** The stream that the next events of a group belong to. */
export interface TargetStream {
  readonly streamNo: number;
  readonly nameBytes: Buffer;
}

/** A piece of the log: the records of one group that lie together under one key. */
export interface LogBlock {
  readonly base: number;
  readonly bytes: Buffer;
}

/** Consecutive events of one stream that lie one behind the other in one block. */
export interface Run {
  readonly streamNo: number;
  readonly firstRevision: number;
  readonly base: number;
  readonly offset: number;
  readonly count: number;
}

/** Everything of one commit, as it goes to the disk. */
export interface EncodedGroup {
  readonly blocks: readonly LogBlock[];
  readonly runs: readonly Run[];
  readonly newStreams: readonly TargetStream[];
  /** Where the log ends after this group. */
  readonly end: number;
  readonly lastPosition: number;
  /** Ordinal of the last event. */
  readonly ordinal: number;
  readonly digest: number;
}

const lengthFieldSize = (length: number): number => 1 + varintSize(length) + length;

/** One key and value of the metadata map. The keys are shorter than 128 bytes. */
const mapEntrySize = (keyLength: number, valueLength: number): number =>
  lengthFieldSize(lengthFieldSize(keyLength) + lengthFieldSize(valueLength));

let scratch = Buffer.allocUnsafeSlow(2 * BLOCK_BYTES);

/**
 * Encodes the events of one group commit: records one behind the other, in blocks.
 * The position of an event is the byte offset of its record in the log, so positions have gaps by construction.
 * Only one GroupWriter is in use at a time: they share one scratch buffer, whose contents are copied out block by block.
 */
export class GroupWriter {
  private readonly blocks: LogBlock[] = [];
  private readonly runs: Run[] = [];
  private readonly newStreams: TargetStream[] = [];
  private base: number;
  private at = 0;
  private ordinal: number;
  private digest = 0;
  private lastPosition = 0;
  private run: { -readonly [K in keyof Run]: Run[K] } | undefined;

  constructor(start: { readonly end: number; readonly ordinal: number }) {
    this.base = start.end;
    this.ordinal = start.ordinal;
  }

  get isEmpty(): boolean {
    return this.blocks.length === 0 && this.at === 0;
  }

  addStream(stream: TargetStream): void {
    this.newStreams.push(stream);
  }

  /** Writes one event and returns its position. */
  add(stream: TargetStream, revision: number, event: EventToWrite, createdMs: number): number {
    const nameLength = stream.nameBytes.length;
    const typeLength = Buffer.byteLength(event.type);
    const contentTypeLength = Buffer.byteLength(event.contentType);
    const created = `${createdMs}0000`;
    const dataLength = event.data.length;
    const metadataLength = event.metadata.length;
    const estimate =
      RECORD_HEADER_BYTES + 256 + nameLength + typeLength + contentTypeLength + dataLength + metadataLength;
    if (this.at > 0 && this.at + estimate > BLOCK_BYTES) this.closeBlock();
    if (this.at + estimate > scratch.length) scratch = Buffer.allocUnsafeSlow(2 * estimate);

    const target = scratch;
    const start = this.at;
    const position = this.base + start;
    const identifierSize = lengthFieldSize(nameLength);
    const revisionSize = revision === TOMBSTONE_REVISION ? tombstoneVarint.length : varintSize(revision);
    const positionSize = varintSize(position);
    const eventSize =
      ID_FIELD_BYTES +
      lengthFieldSize(identifierSize) +
      (1 + revisionSize) +
      2 * (1 + positionSize) +
      mapEntrySize(4, typeLength) +
      mapEntrySize(12, contentTypeLength) +
      mapEntrySize(7, created.length) +
      lengthFieldSize(metadataLength) +
      lengthFieldSize(dataLength);

    let at = start + RECORD_HEADER_BYTES;
    const writeLengthKey = (key: number, length: number): void => {
      target[at++] = key;
      at = writeVarint(target, length, at);
    };
    const writeText = (text: string, length: number): void => {
      at += length === text.length ? target.write(text, at, length, 'latin1') : target.write(text, at, length, 'utf8');
    };
    const writeMapEntry = (key: string, value: string, valueLength: number): number => {
      writeLengthKey(0x32, lengthFieldSize(key.length) + lengthFieldSize(valueLength));
      writeLengthKey(0x0a, key.length);
      at += target.write(key, at, key.length, 'latin1');
      writeLengthKey(0x12, valueLength);
      const valueAt = at;
      writeText(value, valueLength);
      return valueAt;
    };

    writeLengthKey(0x0a, lengthFieldSize(eventSize) + 1 + positionSize);
    writeLengthKey(0x0a, eventSize);
    const eventAt = at;
    target[at++] = 0x0a;
    target[at++] = 2 + UUID_TEXT_BYTES;
    target[at++] = 0x12;
    target[at++] = UUID_TEXT_BYTES;
    at += target.write(uuidTextOf(event.id), at, UUID_TEXT_BYTES, 'latin1');
    writeLengthKey(0x12, identifierSize);
    writeLengthKey(0x1a, nameLength);
    const nameAt = at;
    at += stream.nameBytes.copy(target, at);
    target[at++] = 0x18;
    if (revision === TOMBSTONE_REVISION) at += tombstoneVarint.copy(target, at);
    else at = writeVarint(target, revision, at);
    target[at++] = 0x20;
    at = writeVarint(target, position, at);
    target[at++] = 0x28;
    at = writeVarint(target, position, at);
    const typeAt = writeMapEntry('type', event.type, typeLength);
    writeMapEntry('content-type', event.contentType, contentTypeLength);
    writeMapEntry('created', created, created.length);
    writeLengthKey(0x3a, metadataLength);
    target.set(event.metadata, at);
    at += metadataLength;
    writeLengthKey(0x42, dataLength);
    const dataAt = at;
    target.set(event.data, at);
    at += dataLength;
    target[at++] = 0x18;
    at = writeVarint(target, position, at);

    this.ordinal += 1;
    target.writeUInt32LE(at - start, start + header.size);
    target.writeDoubleLE(this.ordinal, start + header.ordinal);
    target.writeUInt32LE(stream.streamNo, start + header.streamNo);
    event.id.copy(target, start + header.id);
    const revisionHigh = revision === TOMBSTONE_REVISION ? 0x7fff_ffff : Math.floor(revision / 0x1_0000_0000);
    target.writeUInt32BE(revisionHigh, start + header.revision);
    target.writeUInt32BE(revision === TOMBSTONE_REVISION ? 0xffff_ffff : revision >>> 0, start + header.revision + 4);
    target.writeDoubleLE(createdMs, start + header.createdMs);
    const writePart = (field: number, partAt: number, length: number): void => {
      target.writeUInt32LE(partAt - start, start + field);
      target.writeUInt32LE(length, start + field + 4);
    };
    writePart(header.event, eventAt, eventSize);
    writePart(header.streamName, nameAt, nameLength);
    writePart(header.type, typeAt, typeLength);
    writePart(header.data, dataAt, dataLength);
    target.writeUInt32LE(event.contentType === 'application/json' ? FLAG_JSON : 0, start + header.flags);
    sealRecord(target, start, at);

    this.extendRun(stream.streamNo, revision, start);
    this.digest = target.readUInt32LE(start);
    this.lastPosition = position;
    this.at = at;
    return position;
  }

  finish(): EncodedGroup {
    if (this.at > 0) this.closeBlock();
    return {
      blocks: this.blocks,
      runs: this.runs,
      newStreams: this.newStreams,
      end: this.base,
      lastPosition: this.lastPosition,
      ordinal: this.ordinal,
      digest: this.digest,
    };
  }

  private extendRun(streamNo: number, revision: number, offset: number): void {
    const { run } = this;
    if (run?.streamNo === streamNo && run.firstRevision + run.count === revision) {
      run.count += 1;
      return;
    }
    this.run = { streamNo, firstRevision: revision, base: this.base, offset, count: 1 };
    this.runs.push(this.run);
  }

  private closeBlock(): void {
    const bytes = Buffer.from(scratch.subarray(0, this.at));
    this.blocks.push({ base: this.base, bytes });
    this.base += this.at;
    this.at = 0;
    this.run = undefined;
  }
}
