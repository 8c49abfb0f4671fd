import { closeSync, constants, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { LOG_START, type EventStorage, type LogEnd } from '../storage/event-storage.js';
import { recordAt } from '../storage/record.js';

export const WITNESS_FILE = 'head.witness';

/**
 * Two slots written in turn, so that a torn write leaves the other one. A slot:
 * magic (8 bytes), end of the log, number of events, position and digest of the last event (f64 each), CRC-32 of that.
 */
const SLOT_BYTES = 64;
const SUMMED_BYTES = 40;
const MAGIC = Buffer.from('mcwitns1');

/** The data file lacks events that were acknowledged, or is another one: the node must not start on it. */
export class StoreBehindWitness extends Error {
  constructor(reason: string) {
    super(
      `${reason} The data file was damaged or replaced by an older copy. Restore a backup, or accept the loss by name ` +
        `(--accept-data-loss).`,
    );
    this.name = 'StoreBehindWitness';
  }
}

export type WitnessedEnd = Omit<LogEnd, 'nextStreamNo'>;

const encode = ({ end, ordinal, lastPosition, digest }: WitnessedEnd): Buffer => {
  const slot = Buffer.alloc(SLOT_BYTES);
  MAGIC.copy(slot, 0);
  slot.writeDoubleLE(end, 8);
  slot.writeDoubleLE(ordinal, 16);
  slot.writeDoubleLE(lastPosition, 24);
  slot.writeDoubleLE(digest, 32);
  slot.writeUInt32LE(crc32(slot.subarray(0, SUMMED_BYTES)), SUMMED_BYTES);
  return slot;
};

const decode = (slot: Buffer): WitnessedEnd | undefined => {
  if (slot.length < SLOT_BYTES || !slot.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (slot.readUInt32LE(SUMMED_BYTES) !== crc32(slot.subarray(0, SUMMED_BYTES))) return undefined;
  return {
    end: slot.readDoubleLE(8),
    ordinal: slot.readDoubleLE(16),
    lastPosition: slot.readDoubleLE(24),
    digest: slot.readDoubleLE(32),
  };
};

/** What the witness file of the directory says; undefined when there is none, or none that can be read. */
export const readWitness = (directory: string): WitnessedEnd | undefined => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(directory, WITNESS_FILE));
  } catch {
    return undefined;
  }
  const slots = [decode(bytes.subarray(0, SLOT_BYTES)), decode(bytes.subarray(SLOT_BYTES, 2 * SLOT_BYTES))];
  return slots.reduce((best, slot) => (slot !== undefined && slot.end > (best?.end ?? -1) ? slot : best), undefined);
};

/**
 * Compares the log with what was acknowledged when the witness was last written. The witness may be older than the log,
 * never newer.
 * @throws StoreBehindWitness
 */
export const checkWitness = (storage: EventStorage, witness: WitnessedEnd): void => {
  const { end, ordinal } = storage.logEnd;
  if (end < witness.end) {
    throw new StoreBehindWitness(
      `The event store is older than what was acknowledged: it holds ${ordinal} events up to position ${end}, ` +
        `acknowledged were ${witness.ordinal} up to position ${witness.end}.`,
    );
  }
  if (witness.end <= LOG_START) return;
  const block = storage.blockContaining(witness.lastPosition);
  const offset = block === undefined ? -1 : witness.lastPosition - block.base;
  const matches =
    block !== undefined &&
    offset < block.bytes.length &&
    recordAt(block.bytes, block.base, offset).digest === witness.digest;
  if (!matches) {
    throw new StoreBehindWitness(
      `The event store has another event at position ${witness.lastPosition} than the one that was acknowledged.`,
    );
  }
};

/**
 * Notes, outside of the database file, how far the acknowledged log reaches. Written after each group is durable and
 * before it is acknowledged; itself not synced, so it may lag behind after a power cut, which is harmless.
 */
export class Witness {
  private turn = 0;

  private constructor(private readonly file: number) {}

  static open(directory: string, current: WitnessedEnd): Witness {
    const file = openSync(join(directory, WITNESS_FILE), constants.O_RDWR | constants.O_CREAT, 0o600);
    const witness = new Witness(file);
    witness.note(current);
    witness.note(current);
    fsyncSync(file);
    return witness;
  }

  note(end: WitnessedEnd): void {
    writeSync(this.file, encode(end), 0, SLOT_BYTES, this.turn * SLOT_BYTES);
    this.turn = 1 - this.turn;
  }

  close(): void {
    closeSync(this.file);
  }
}
