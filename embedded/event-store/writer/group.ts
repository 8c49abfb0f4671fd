import { randomUUID } from 'node:crypto';
import { recordOfStream, recordsOfRun } from '../reader/record-of-stream.js';
import type { EventStorage } from '../storage/event-storage.js';
import { GroupWriter, type EncodedGroup, type EventToWrite, type TargetStream } from '../storage/group-writer.js';
import { TOMBSTONE_REVISION } from '../storage/record.js';
import type { ExpectedRevision, WriteCommand, WriteOutcome } from './commands.js';
import { isSoftDeleted, type Head } from './head.js';
import type { Heads } from './heads.js';
import { identityOf, type RecentIds } from './recent-ids.js';
import { noMetadata, parseStreamMetadata, softDeleteData, undeleteData } from './stream-metadata.js';
import { METADATA_TYPE, TOMBSTONE_TYPE, describedStreamOf, isMetastream, metastreamOf } from './stream-names.js';

const JSON_CONTENT = 'application/json';
const empty = Buffer.alloc(0);

interface StagedEvents {
  readonly firstRevision: number;
  readonly ids: Buffer[];
  readonly positions: number[];
}

type Verdict = 'write' | WriteOutcome;

const deleted: WriteOutcome = { kind: 'stream-deleted' };
const wrongVersion = (head: Head): WriteOutcome => ({ kind: 'wrong-version', current: head.last });

/** An expected revision as a number; one that no stream can have is Infinity. */
const revisionNumber = (expected: bigint): number =>
  expected > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(expected);

const systemEvent = (type: string, data: Buffer): EventToWrite => ({
  id: Buffer.from(randomUUID().replaceAll('-', ''), 'hex'),
  type,
  contentType: JSON_CONTENT,
  metadata: empty,
  data,
});

/**
 * One group commit in the making: decides commands in order of arrival, each against what the ones before it in the group
 * decided, and encodes what they write. Nothing of it is visible outside before the group is durable; a group that is
 * dropped leaves no trace.
 */
export class Group {
  private readonly writer: GroupWriter;
  private readonly changed = new Map<string, Head>();
  private readonly staged = new Map<number, StagedEvents>();
  private nextStreamNo: number;

  constructor(
    private readonly storage: EventStorage,
    private readonly heads: Heads,
    private readonly ids: RecentIds,
    private readonly nowMs: number,
  ) {
    this.writer = new GroupWriter(storage.logEnd);
    this.nextStreamNo = storage.logEnd.nextStreamNo;
  }

  get isEmpty(): boolean {
    return this.writer.isEmpty;
  }

  /** The heads as they are once the group is durable. */
  get changedHeads(): ReadonlyMap<string, Head> {
    return this.changed;
  }

  encode(): EncodedGroup {
    return this.writer.finish();
  }

  decide(command: WriteCommand): WriteOutcome {
    switch (command.kind) {
      case 'append':
        return this.append(command.stream, command.expected, command.events);
      case 'delete':
        return this.softDelete(command.stream, command.expected);
      case 'tombstone':
        return this.tombstone(command.stream, command.expected);
    }
  }

  private append(stream: string, expected: ExpectedRevision, events: readonly EventToWrite[]): WriteOutcome {
    const head = this.headOf(stream);
    const verdict = this.judgeAppend(head, expected, events);
    if (verdict !== 'write') return verdict;
    if (events.length === 0) return { kind: 'nothing-to-write', revision: head.last };
    const brought = isMetastream(stream) ? describedStreamOf(stream) : stream;
    const broughtHead = this.headOf(brought);
    const firstRevision = broughtHead.last + 1;
    const position = this.write(head, events);
    if (isSoftDeleted(broughtHead)) this.undelete(brought, firstRevision);
    return { kind: 'written', revision: head.last + events.length, position };
  }

  private softDelete(stream: string, expected: ExpectedRevision): WriteOutcome {
    const head = this.headOf(stream);
    const verdict = this.judgeDelete(head, expected);
    if (verdict !== 'write') return verdict;
    if (head.last < 0 && !head.hasMetadata) return wrongVersion(head);
    const position = this.writeMetadata(stream, softDeleteData);
    return { kind: 'written', revision: head.last, position };
  }

  private tombstone(stream: string, expected: ExpectedRevision): WriteOutcome {
    const head = this.headOf(stream);
    const verdict = this.judgeDelete(head, expected);
    if (verdict !== 'write') return verdict;
    const target = this.targetOf(head);
    const event = systemEvent(TOMBSTONE_TYPE, empty);
    const position = this.writer.add(target, TOMBSTONE_REVISION, event, this.nowMs);
    this.changed.set(stream, { ...head, streamNo: target.streamNo, isTombstoned: true });
    const metastream = metastreamOf(stream);
    this.changed.set(metastream, { ...this.headOf(metastream), isTombstoned: true });
    return { kind: 'written', revision: TOMBSTONE_REVISION, position };
  }

  /** The order of the checks is the server's: tombstone, stream_exists, idempotency, version. */
  private judgeAppend(head: Head, expected: ExpectedRevision, events: readonly EventToWrite[]): Verdict {
    if (head.isTombstoned) return deleted;
    if (expected === 'stream_exists') {
      if (isSoftDeleted(head)) return deleted;
      if (head.last < 0 && !head.hasMetadata) return wrongVersion(head);
    }
    if (expected === 'any' || expected === 'stream_exists') return this.judgeRepeatAnywhere(head, events);
    const expectedRevision = expected === 'no_stream' ? -1 : revisionNumber(expected);
    if (expectedRevision === head.last) return 'write';
    if (expectedRevision > head.last) return wrongVersion(head);
    return this.judgeRepeatAt(head, expectedRevision, expected, events);
  }

  private judgeRepeatAnywhere(head: Head, events: readonly EventToWrite[]): Verdict {
    const [first] = events;
    if (first === undefined || head.streamNo === 0) return 'write';
    if (this.ids.revisionOf(identityOf(head.streamNo, first.id)) === undefined) return 'write';
    let revision = -1;
    for (const { id } of events) {
      const known = this.ids.revisionOf(identityOf(head.streamNo, id));
      if (known === undefined) return wrongVersion(head);
      revision = known;
    }
    return this.alreadyWritten(head, revision);
  }

  private judgeRepeatAt(
    head: Head,
    expectedRevision: number,
    expected: ExpectedRevision,
    events: readonly EventToWrite[],
  ): Verdict {
    const sameUpTo = this.countOfSameIds(head, expectedRevision + 1, events);
    if (events.length > 0 && sameUpTo === events.length) {
      return this.alreadyWritten(head, expectedRevision + events.length);
    }
    return expected === 'no_stream' && isSoftDeleted(head) && sameUpTo === 0 ? 'write' : wrongVersion(head);
  }

  private judgeDelete(head: Head, expected: ExpectedRevision): Verdict {
    if (head.isTombstoned) return deleted;
    if (expected === 'any') return 'write';
    if (expected === 'stream_exists') {
      if (isSoftDeleted(head)) return deleted;
      return head.last >= 0 || head.hasMetadata ? 'write' : wrongVersion(head);
    }
    if (expected === 'no_stream') return head.last < 0 || isSoftDeleted(head) ? 'write' : wrongVersion(head);
    return revisionNumber(expected) === head.last ? 'write' : wrongVersion(head);
  }

  /** How many of the events, from the first on, are the stored events from `revision` on. */
  private countOfSameIds(head: Head, revision: number, events: readonly EventToWrite[]): number {
    let same = 0;
    while (same < events.length && revision + same <= head.last) {
      const durable = this.durableRecords(head.streamNo, revision + same, revision + events.length - 1);
      const stored = durable.length > 0 ? durable.map(({ id }) => id) : this.stagedIds(head.streamNo, revision + same);
      if (stored.length === 0) return same;
      for (const id of stored) {
        const event = events[same];
        if (event === undefined) return same;
        if (!id.equals(event.id)) return same;
        same += 1;
      }
    }
    return same;
  }

  private durableRecords(streamNo: number, from: number, to: number): ReturnType<typeof recordsOfRun> {
    const run = this.storage.runAt(streamNo, from);
    return run === undefined ? [] : recordsOfRun(this.storage, run, from, to);
  }

  private stagedIds(streamNo: number, from: number): readonly Buffer[] {
    const staged = this.staged.get(streamNo);
    return staged === undefined ? [] : staged.ids.slice(from - staged.firstRevision);
  }

  private alreadyWritten(head: Head, revision: number): WriteOutcome {
    const staged = this.staged.get(head.streamNo);
    const position =
      staged?.positions[revision - staged.firstRevision] ??
      recordOfStream(this.storage, head.streamNo, revision)?.position;
    if (position === undefined) return { kind: 'failed', reason: 'The event that is repeated cannot be found.' };
    return { kind: 'written', revision, position };
  }

  /** Writes the events behind the head, moves it, and returns the position of the last one. */
  private write(head: Head, events: readonly EventToWrite[]): number {
    const target = this.targetOf(head);
    const { streamNo } = target;
    let staged = this.staged.get(streamNo);
    if (staged === undefined) {
      staged = { firstRevision: head.last + 1, ids: [], positions: [] };
      this.staged.set(streamNo, staged);
    }
    let revision = head.last;
    let position = 0;
    for (const event of events) {
      revision += 1;
      position = this.writer.add(target, revision, event, this.nowMs);
      staged.ids.push(event.id);
      staged.positions.push(position);
      this.ids.stage(identityOf(streamNo, event.id), revision);
    }
    this.changed.set(head.name, { ...head, streamNo, last: revision });
    const last = events.at(-1);
    if (isMetastream(head.name) && last !== undefined) this.describe(describedStreamOf(head.name), last);
    return position;
  }

  private describe(stream: string, event: EventToWrite): void {
    const metadata = event.contentType === JSON_CONTENT ? parseStreamMetadata(Buffer.from(event.data)) : noMetadata;
    const head = this.headOf(stream);
    this.changed.set(stream, { ...head, hasMetadata: true, metadata: isMetastream(stream) ? head.metadata : metadata });
  }

  private undelete(stream: string, firstRevision: number): void {
    this.writeMetadata(stream, undeleteData(this.headOf(stream).metadata, firstRevision));
  }

  private writeMetadata(stream: string, data: Buffer): number {
    return this.write(this.headOf(metastreamOf(stream)), [systemEvent(METADATA_TYPE, data)]);
  }

  private headOf(stream: string): Head {
    return this.changed.get(stream) ?? this.heads.of(stream);
  }

  private targetOf(head: Head): TargetStream {
    if (head.streamNo !== 0) return { streamNo: head.streamNo, nameBytes: Buffer.from(head.name) };
    const target = { streamNo: this.nextStreamNo, nameBytes: Buffer.from(head.name) };
    this.nextStreamNo += 1;
    this.writer.addStream(target);
    this.changed.set(head.name, { ...head, streamNo: target.streamNo });
    return target;
  }
}
