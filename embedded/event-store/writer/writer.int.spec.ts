import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForwardLogCursor } from '../reader/log-cursor.js';
import { CommitFailed, LOG_START, type EventStorage } from '../storage/event-storage.js';
import type { EncodedGroup, EventToWrite } from '../storage/group-writer.js';
import { LmdbStorage } from '../storage/lmdb-storage.js';
import { verifyStore } from '../storage/verify.js';
import type { WriteCommand, WriteOutcome } from './commands.js';
import { Heads } from './heads.js';
import { RecentIds } from './recent-ids.js';
import { Writer } from './writer.js';

/** LMDB with a disk that can be told to refuse, and to wait. */
class TroubledStorage implements EventStorage {
  failures = 0;
  commits = 0;
  hold: Promise<void> | undefined;

  constructor(private readonly inner: LmdbStorage) {}

  get logEnd(): EventStorage['logEnd'] {
    return this.inner.logEnd;
  }

  async commit(group: EncodedGroup): Promise<void> {
    await this.hold;
    this.commits += 1;
    if (this.failures > 0) {
      this.failures -= 1;
      throw new CommitFailed(new Error('ENOSPC'));
    }
    await this.inner.commit(group);
  }

  blockAt = (base: number): ReturnType<EventStorage['blockAt']> => this.inner.blockAt(base);
  blockContaining = (position: number): ReturnType<EventStorage['blockAt']> => this.inner.blockContaining(position);
  streamNumberOf = (name: string): number | undefined => this.inner.streamNumberOf(name);
  runAt = (streamNo: number, revision: number): ReturnType<EventStorage['runAt']> =>
    this.inner.runAt(streamNo, revision);
  close = (): Promise<void> => this.inner.close();
}

const event = (data = '{}'): EventToWrite => ({
  id: randomBytes(16),
  type: 'Happened',
  contentType: 'application/json',
  metadata: Buffer.alloc(0),
  data: Buffer.from(data),
});

describe('the writer', () => {
  let directory: string;
  let storage: TroubledStorage;
  let heads: Heads;
  let writer: Writer;
  let failures: CommitFailed[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mc-writer-'));
    storage = new TroubledStorage(LmdbStorage.open(directory));
    heads = new Heads(storage);
    failures = [];
    writer = new Writer(storage, heads, new RecentIds(), {
      durable: () => undefined,
      committed: () => undefined,
      commitFailed: (error) => failures.push(error),
      undecidable: (error) => {
        throw error;
      },
    });
  });

  afterEach(async () => {
    await writer.close('The test is over.');
    await storage.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const submit = (command: WriteCommand, deadlineMs = Infinity, isAbandoned = () => false): Promise<WriteOutcome> =>
    new Promise((resolve) => {
      writer.submit({ command, bytes: 100, deadlineMs, isAbandoned, answer: resolve });
    });

  const append = (
    stream: string,
    expected: Extract<WriteCommand, { kind: 'append' }>['expected'],
    ...events: EventToWrite[]
  ): Promise<WriteOutcome> => submit({ kind: 'append', stream, expected, events });

  const types = (): string[] | undefined =>
    new ForwardLogCursor(storage, LOG_START).nextPage(1000)?.map((record) => record.type.toString());

  it('makes one commit of what arrives together, each append deciding after the ones before it', async () => {
    const outcomes = await Promise.all([
      append('s', 'no_stream', event(), event()),
      append('s', 1n, event()),
      append('s', 'no_stream', event()),
      append('t', 'any', event()),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['written', 'written', 'wrong-version', 'written']);
    expect(outcomes[1]).toMatchObject({ revision: 2 });
    expect(storage.commits).toBe(1);
    expect(verifyStore(storage)).toMatchObject({ events: 4, streams: 2 });
  });

  it('recognises a repeat in the same group, and writes it once', async () => {
    const repeated = [event(), event()];
    const [strong, strongAgain, weak, weakAgain] = await Promise.all([
      append('strong', 'no_stream', ...repeated),
      append('strong', 'no_stream', ...repeated),
      append('weak', 'any', ...repeated),
      append('weak', 'any', ...repeated),
    ]);
    expect(strongAgain).toEqual(strong);
    expect(weakAgain).toEqual(weak);
    expect(verifyStore(storage).events).toBe(4);
  });

  it('recognises a strong repeat of which a part is durable and a part is not yet', async () => {
    const [first, second] = [event(), event()];
    await append('s', 'no_stream', first);
    const [, repeat] = await Promise.all([append('s', 0n, second), append('s', 'no_stream', first, second)]);
    expect(repeat).toMatchObject({ kind: 'written', revision: 1 });
  });

  it('leaves no trace of a group that the disk refused, and goes on', async () => {
    const kept = event();
    const lost = event();
    await append('s', 'no_stream', kept);
    const endBefore = storage.logEnd;
    storage.failures = 1;
    const outcomes = await Promise.all([
      append('s', 0n, lost),
      append('new', 'no_stream', event()),
      submit({ kind: 'tombstone', stream: 's', expected: 'any' }),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed']);
    expect(failures).toHaveLength(1);
    expect(storage.logEnd).toEqual(endBefore);
    expect(heads.of('s')).toMatchObject({ last: 0, isTombstoned: false });
    expect(heads.of('new')).toMatchObject({ streamNo: 0, last: -1 });

    expect(await append('s', 'any', lost)).toMatchObject({ kind: 'written', revision: 1 });
    expect(await append('new', 'no_stream', event())).toMatchObject({ kind: 'written', revision: 0 });
    expect(verifyStore(storage)).toMatchObject({ events: 3, streams: 2 });
  });

  it('skips what nobody waits for, and what comes too late', async () => {
    const late = await submit({ kind: 'append', stream: 's', expected: 'any', events: [event()] }, Date.now() - 1);
    void submit({ kind: 'append', stream: 's', expected: 'any', events: [event()] }, Infinity, () => true);
    await append('t', 'any', event());
    expect(late.kind).toBe('timed-out');
    expect(heads.of('s').last).toBe(-1);
  });

  it('answers what waits behind a slow disk when its time is over, and does not write it', async () => {
    let release: () => void = () => undefined;
    storage.hold = new Promise((resolve) => {
      release = resolve;
    });
    const slow = append('slow', 'any', event());
    while (!writer.isWriting) await new Promise(setImmediate);
    const waiting = await submit({ kind: 'append', stream: 's', expected: 'any', events: [event()] }, Date.now() + 50);
    expect(waiting.kind).toBe('timed-out');
    release();
    expect((await slow).kind).toBe('written');
    await append('t', 'any', event());
    expect(heads.of('s').last).toBe(-1);
  });

  it('refuses what comes after its end, and finishes what was on its way', async () => {
    const accepted = append('s', 'any', event());
    while (!writer.isWriting) await new Promise(setImmediate);
    const closed = writer.close('The node stops.');
    expect((await append('s', 'any', event())).kind).toBe('failed');
    await closed;
    expect((await accepted).kind).toBe('written');
  });

  it('brings a soft-deleted stream back in the same commit as its next event', async () => {
    await append('s', 'no_stream', event(), event());
    await submit({ kind: 'delete', stream: 's', expected: 1n });
    expect(heads.of('s').metadata.truncateBefore).toBe(Infinity);
    const { commits } = storage;
    expect(await append('s', 'no_stream', event())).toMatchObject({ kind: 'written', revision: 2 });
    expect(storage.commits).toBe(commits + 1);
    expect(heads.of('s').metadata.truncateBefore).toBe(2);
    expect(types()).toEqual(['Happened', 'Happened', '$metadata', 'Happened', '$metadata']);
  });

  it('loads the same heads from the store as it kept in memory', async () => {
    await append('s', 'no_stream', event(), event());
    await append('$$s', 'no_stream', event('{"$maxCount":1}'));
    await append('gone', 'no_stream', event());
    await submit({ kind: 'tombstone', stream: 'gone', expected: 0n });
    const reloaded = new Heads(storage);
    for (const name of ['s', '$$s', 'gone', '$$gone', 'never']) expect(reloaded.of(name)).toEqual(heads.of(name));
  });
});
