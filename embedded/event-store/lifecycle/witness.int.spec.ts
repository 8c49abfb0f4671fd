import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GroupWriter } from '../storage/group-writer.js';
import { LmdbStorage } from '../storage/lmdb-storage.js';
import { StoreBehindWitness, WITNESS_FILE, Witness, checkWitness, readWitness } from './witness.js';

const empty = Buffer.alloc(0);

describe('the head witness', () => {
  let directory: string;
  let storage: LmdbStorage;

  const write = async (revision: number, text: string): Promise<void> => {
    const group = new GroupWriter(storage.logEnd);
    const stream = { streamNo: 1, nameBytes: Buffer.from('s') };
    if (revision === 0) group.addStream(stream);
    const data = Buffer.from(text);
    const event = { id: Buffer.alloc(16, 1), type: 'T', contentType: 'application/json', metadata: empty, data };
    group.add(stream, revision, event, 1);
    await storage.commit(group.finish());
  };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'mc-witness-'));
    storage = LmdbStorage.open(directory);
    await write(0, 'first');
  });

  afterEach(async () => {
    await storage.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('says where the log ended, and a log that goes further agrees with it', async () => {
    const witness = Witness.open(directory, storage.logEnd);
    witness.close();
    await write(1, 'second');
    const seen = readWitness(directory);
    if (seen === undefined) throw new Error('no witness');
    expect(seen.ordinal).toBe(1);
    expect(() => checkWitness(storage, seen)).not.toThrow();
  });

  it('does not agree with a log that ends before it', () => {
    const ahead = { ...storage.logEnd, end: storage.logEnd.end + 1, ordinal: 2 };
    expect(() => checkWitness(storage, ahead)).toThrow(StoreBehindWitness);
  });

  it('does not agree with a log that has another event in that place', () => {
    const other = { ...storage.logEnd, digest: storage.logEnd.digest ^ 1 };
    expect(() => checkWitness(storage, other)).toThrow(StoreBehindWitness);
  });

  it('survives a torn write: the slot written before still counts', async () => {
    const witness = Witness.open(directory, storage.logEnd);
    await write(1, 'second');
    witness.note(storage.logEnd);
    witness.close();
    expect(readWitness(directory)?.ordinal).toBe(2);
    const file = join(directory, WITNESS_FILE);
    const bytes = readFileSync(file);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(readWitness(directory)?.ordinal).toBe(1);
  });

  it('is no witness when it is missing or unreadable', () => {
    expect(readWitness(directory)).toBeUndefined();
    writeFileSync(join(directory, WITNESS_FILE), 'scribble');
    expect(readWitness(directory)).toBeUndefined();
  });
});
