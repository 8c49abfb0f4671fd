import { crc32 } from 'node:zlib';

/**
 * One event as it lies in the log: a fixed header, then the finished `ReadResp` bytes that a plain read sends as they are
 * (string UUID, no link). All offsets count from the first byte of the record. Little endian, except the revision.
 *
 * ```
 *  0 u32 checksum (CRC-32 of everything behind it)   4 u32 size of the whole record     8 f64 ordinal (1, 2, 3 … no gap)
 * 16 u32 stream number   20 16 bytes event id       36 u64 big endian revision         44 f64 created, ms since 1970
 * 52 u32 offset, u32 length of the RecordedEvent    60 u32 offset, u32 length of the stream name
 * 68 u32 offset, u32 length of the type             76 u32 offset, u32 length of the data
 * 84 u32 flags
 * ```
 */
export const RECORD_HEADER_BYTES = 88;

export const header = {
  checksum: 0,
  size: 4,
  ordinal: 8,
  streamNo: 16,
  id: 20,
  revision: 36,
  createdMs: 44,
  event: 52,
  streamName: 60,
  type: 68,
  data: 76,
  flags: 84,
} as const;

export const FLAG_JSON = 1;

/** The revision of a tombstone as this node counts it: beyond every number of an event. */
export const TOMBSTONE_REVISION = Infinity;

/** A record that is not what was written: the read that met it ends with DATA_LOSS. */
export class DamagedRecord extends Error {
  constructor(position: number, reason: string) {
    super(`The log is damaged at position ${position}: ${reason}.`);
    this.name = 'DamagedRecord';
  }
}

/** Writes the checksum of the record that fills `target` from `start` to `end`. */
export const sealRecord = (target: Buffer, start: number, end: number): void => {
  target.writeUInt32LE(crc32(target.subarray(start + 4, end)), start);
};

/** A look at one record inside a block: nothing is decoded before it is asked for, nothing is copied. */
export class StoredRecord {
  constructor(
    private readonly block: Buffer,
    private readonly start: number,
    /** Commit and prepare position of the event. */
    readonly position: number,
  ) {}

  get size(): number {
    return this.block.readUInt32LE(this.start + header.size);
  }

  get end(): number {
    return this.position + this.size;
  }

  get ordinal(): number {
    return this.block.readDoubleLE(this.start + header.ordinal);
  }

  get digest(): number {
    return this.block.readUInt32LE(this.start);
  }

  get streamNo(): number {
    return this.block.readUInt32LE(this.start + header.streamNo);
  }

  /** The 16 bytes of the event id. */
  get id(): Buffer {
    return this.slice(header.id, 16);
  }

  /** Stream number and event id as one map key. */
  get identity(): string {
    return this.block.toString('latin1', this.start + header.streamNo, this.start + header.id + 16);
  }

  get revision(): number {
    const high = this.block.readUInt32BE(this.start + header.revision);
    const low = this.block.readUInt32BE(this.start + header.revision + 4);
    return high === 0x7fff_ffff ? TOMBSTONE_REVISION : high * 0x1_0000_0000 + low;
  }

  get createdMs(): number {
    return this.block.readDoubleLE(this.start + header.createdMs);
  }

  get isJson(): boolean {
    return (this.block.readUInt32LE(this.start + header.flags) & FLAG_JSON) !== 0;
  }

  /** The finished `ReadResp`. */
  get response(): Buffer {
    return this.slice(RECORD_HEADER_BYTES, this.size - RECORD_HEADER_BYTES);
  }

  /** The `RecordedEvent` inside the answer. It begins with its id field. */
  get event(): Buffer {
    return this.part(header.event);
  }

  get streamName(): Buffer {
    return this.part(header.streamName);
  }

  get type(): Buffer {
    return this.part(header.type);
  }

  get data(): Buffer {
    return this.part(header.data);
  }

  private part(field: number): Buffer {
    return this.slice(this.block.readUInt32LE(this.start + field), this.block.readUInt32LE(this.start + field + 4));
  }

  private slice(offset: number, length: number): Buffer {
    return this.block.subarray(this.start + offset, this.start + offset + length);
  }
}

/**
 * The record at `offset` of the block that begins at `base`, its checksum verified.
 * @throws DamagedRecord when it is cut short or its checksum is wrong
 */
export const recordAt = (block: Buffer, base: number, offset: number): StoredRecord => {
  const position = base + offset;
  if (offset + RECORD_HEADER_BYTES > block.length) throw new DamagedRecord(position, 'the record is cut short');
  const size = block.readUInt32LE(offset + header.size);
  if (size < RECORD_HEADER_BYTES || offset + size > block.length) {
    throw new DamagedRecord(position, 'the record has an impossible size');
  }
  if (crc32(block.subarray(offset + 4, offset + size)) !== block.readUInt32LE(offset)) {
    throw new DamagedRecord(position, 'the checksum does not match');
  }
  return new StoredRecord(block, offset, position);
};

/** The size of the record at `offset`, for stepping over it without verifying it. */
export const recordSizeAt = (block: Buffer, base: number, offset: number): number => {
  const size = offset + RECORD_HEADER_BYTES > block.length ? 0 : block.readUInt32LE(offset + header.size);
  if (size < RECORD_HEADER_BYTES || offset + size > block.length) {
    throw new DamagedRecord(base + offset, 'the record has an impossible size');
  }
  return size;
};
