import { randomUUID } from 'node:crypto';
import { ForwardLogCursor } from '../reader/log-cursor.js';
import { recordOfStream } from '../reader/record-of-stream.js';
import { ForwardStreamCursor } from '../reader/stream-cursor.js';
import type { StoredRecord } from '../storage/record.js';
import { readAnswers } from '../wire/answers.js';
import { streamDeleted } from '../wire/grpc-errors.js';
import type { NodeContext } from './node-context.js';
import type { Outlet } from './outlet.js';
import { PAGE_RECORDS, answerFor, nextTurn } from './paging.js';
import { subscriptionStart, type ReadFrom, type ReadPlan } from './read-request.js';

/** Counts the events that a filtered subscription has considered, and sends a checkpoint when one is due. */
class Checkpoints {
  private considered = 0;
  private lastConsidered: number | undefined;
  private lastSent: number | undefined;

  constructor(
    private readonly outlet: Outlet,
    private readonly every: number,
  ) {}

  consider(record: StoredRecord): void {
    this.lastConsidered = record.position;
    this.considered += 1;
    if (this.considered < this.every) return;
    this.considered = 0;
    this.send();
  }

  send(): void {
    if (this.lastConsidered === undefined || this.lastConsidered === this.lastSent) return;
    this.lastSent = this.lastConsidered;
    this.outlet.send(readAnswers.checkpoint(this.lastConsidered));
  }
}

/**
 * A subscription to the whole log. One cursor over the durable log serves catch-up and live delivery alike, so there is no
 * seam at which an event could be lost or come twice.
 */
export const subscribeToLog = async (node: NodeContext, outlet: Outlet, plan: ReadPlan): Promise<void> => {
  const { storage } = node;
  const start = subscriptionStart(plan.from, storage.logEnd.end);
  const cursor = new ForwardLogCursor(storage, start);
  const checkpoints = plan.filter && new Checkpoints(outlet, plan.filter.checkpointEvery);
  let isCaughtUp = false;
  outlet.send(readAnswers.confirmation(randomUUID()));
  while (!outlet.isClosed) {
    const page = cursor.nextPage(PAGE_RECORDS);
    for (const record of page ?? []) {
      if (plan.filter === undefined || plan.filter.matches(record)) {
        if (!outlet.send(answerFor(node, plan, record))) await outlet.drained();
        if (outlet.isClosed) return;
      }
      checkpoints?.consider(record);
    }
    if (page !== undefined) {
      await nextTurn();
      continue;
    }
    if (!isCaughtUp) {
      isCaughtUp = true;
      checkpoints?.send();
      outlet.send(readAnswers.caughtUp);
    }
    const { end } = storage.logEnd;
    await outlet.committed(
      (signals, wake) => signals.onCommit(wake),
      () => storage.logEnd.end > Math.max(end, start),
    );
  }
};

const firstRevision = (from: ReadFrom, last: number): number => {
  if (from.kind === 'start') return 0;
  return from.kind === 'end' ? last + 1 : from.at + 1;
};

/** A subscription to one stream, existing or not. A tombstone ends it. */
export const subscribeToStream = async (
  node: NodeContext,
  outlet: Outlet,
  plan: ReadPlan,
  stream: string,
): Promise<void> => {
  const headOf = (): ReturnType<typeof node.heads.of> => node.heads.of(stream);
  const cursor = new ForwardStreamCursor(node.storage, headOf, firstRevision(plan.from, headOf().last));
  outlet.send(readAnswers.confirmation(randomUUID()));
  if (headOf().isTombstoned) return outlet.abort(streamDeleted(stream));
  let isCaughtUp = false;
  while (!outlet.isClosed) {
    const seen = headOf();
    const page = cursor.nextPage(PAGE_RECORDS);
    for (const record of page ?? []) {
      if (!outlet.send(answerFor(node, plan, record))) await outlet.drained();
      if (outlet.isClosed) return;
    }
    if (page !== undefined) {
      await nextTurn();
      continue;
    }
    if (seen.isTombstoned) {
      const tombstone = recordOfStream(node.storage, seen.streamNo, Infinity);
      if (tombstone !== undefined) outlet.send(answerFor(node, plan, tombstone));
      return outlet.abort(streamDeleted(stream));
    }
    if (!isCaughtUp) {
      isCaughtUp = true;
      cursor.goLive();
      outlet.send(readAnswers.caughtUp);
    }
    await outlet.committed(
      (signals, wake) => signals.onStream(stream, wake),
      () => headOf() !== seen,
    );
  }
};
