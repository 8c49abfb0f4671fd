import { LOG_START, type EventStorage } from '../storage/event-storage.js';
import type { LogBlock } from '../storage/group-writer.js';
import { DamagedRecord, recordAt, recordSizeAt, type StoredRecord } from '../storage/record.js';

/**
 * A place in a log or stream that hands out records page by page. A page may be empty, when all that was looked at is
 * hidden; undefined: the end is reached, for now.
 */
export interface Cursor {
  nextPage(limit: number): readonly StoredRecord[] | undefined;
}

/** Reads the whole log forwards, from the first event at or after a position. */
export class ForwardLogCursor implements Cursor {
  private block: LogBlock | undefined;
  private offset = 0;

  constructor(
    private readonly storage: EventStorage,
    private position: number,
  ) {}

  nextPage(limit: number): readonly StoredRecord[] | undefined {
    const records: StoredRecord[] = [];
    while (records.length < limit && this.position < this.storage.logEnd.end) {
      const block = this.currentBlock();
      if (block === undefined) break;
      while (records.length < limit && this.offset < block.bytes.length) {
        const record = recordAt(block.bytes, block.base, this.offset);
        this.offset += record.size;
        records.push(record);
      }
      this.position = block.base + this.offset;
      if (this.offset >= block.bytes.length) this.block = undefined;
    }
    return records.length === 0 ? undefined : records;
  }

  /** Undefined when the position lies behind the start of the last event: nothing follows it, for now. */
  private currentBlock(): LogBlock | undefined {
    if (this.block !== undefined) return this.block;
    const exact = this.storage.blockAt(this.position);
    const block = exact ?? this.storage.blockContaining(this.position) ?? this.firstBlock();
    this.offset = 0;
    while (block.base + this.offset < this.position) {
      if (this.offset >= block.bytes.length) throw new DamagedRecord(this.position, 'a block is missing');
      this.offset += recordSizeAt(block.bytes, block.base, this.offset);
    }
    if (this.offset >= block.bytes.length) {
      this.position = block.base + this.offset;
      if (this.position >= this.storage.logEnd.end) return undefined;
      return this.blockAt(this.position);
    }
    this.block = block;
    return block;
  }

  private firstBlock(): LogBlock {
    return this.blockAt(LOG_START);
  }

  private blockAt(base: number): LogBlock {
    const block = this.storage.blockAt(base);
    if (block === undefined) throw new DamagedRecord(base, 'a block is missing');
    this.offset = 0;
    this.block = block;
    return block;
  }
}

/** Reads the whole log backwards: the events that end at or before a position, the last one first. */
export class BackwardLogCursor implements Cursor {
  private pending: StoredRecord[] = [];

  constructor(
    private readonly storage: EventStorage,
    private position: number,
  ) {}

  nextPage(limit: number): readonly StoredRecord[] | undefined {
    const records: StoredRecord[] = [];
    while (records.length < limit) {
      if (this.pending.length === 0) this.pending = this.precedingBlock();
      const record = this.pending.pop();
      if (record === undefined) break;
      records.push(record);
    }
    return records.length === 0 ? undefined : records;
  }

  private precedingBlock(): StoredRecord[] {
    const { end } = this.storage.logEnd;
    let below = Math.min(this.position, end);
    while (below > LOG_START) {
      const block = this.storage.blockContaining(below - 1);
      if (block === undefined || block.base + block.bytes.length < below) {
        throw new DamagedRecord(below, 'a block is missing');
      }
      const records: StoredRecord[] = [];
      for (let offset = 0; offset < block.bytes.length;) {
        const record = recordAt(block.bytes, block.base, offset);
        if (record.end > below) break;
        records.push(record);
        offset += record.size;
      }
      below = block.base;
      if (records.length > 0) {
        this.position = below;
        return records;
      }
    }
    this.position = LOG_START;
    return [];
  }
}
