import type { ServerWritableStream } from '@grpc/grpc-js';
import { BackwardLogCursor, ForwardLogCursor, type Cursor } from '../reader/log-cursor.js';
import { BackwardStreamCursor, ForwardStreamCursor } from '../reader/stream-cursor.js';
import { LOG_START } from '../storage/event-storage.js';
import { DamagedRecord } from '../storage/record.js';
import { readAnswers } from '../wire/answers.js';
import { dataLoss, internal, invalidArgument, streamDeleted } from '../wire/grpc-errors.js';
import type { ReadReq } from '../wire/request-messages.js';
import { isSoftDeleted, type Head } from '../writer/head.js';
import type { NodeContext } from './node-context.js';
import { Outlet } from './outlet.js';
import { BadProposal } from './proposals.js';
import { forwardStart, readPlanOf, type ReadPlan } from './read-request.js';
import { PAGE_RECORDS, answerFor, nextTurn } from './paging.js';
import { subscribeToLog, subscribeToStream } from './subscribe.js';

const cursorOverLog = (node: NodeContext, { backwards, from }: ReadPlan): Cursor => {
  const { end } = node.storage.logEnd;
  if (!backwards) return new ForwardLogCursor(node.storage, forwardStart(from, end));
  if (from.kind === 'start') return new BackwardLogCursor(node.storage, LOG_START);
  return new BackwardLogCursor(node.storage, from.kind === 'end' ? end : from.at);
};

const cursorOverStream = (node: NodeContext, { backwards, from }: ReadPlan, head: Head): Cursor => {
  if (backwards) {
    const revision = from.kind === 'at' ? from.at : from.kind === 'end' ? Infinity : 0;
    return new BackwardStreamCursor(node.storage, head, revision);
  }
  const revision = from.kind === 'at' ? from.at : from.kind === 'end' ? Infinity : 0;
  return new ForwardStreamCursor(node.storage, () => head, revision);
};

/** Sends what the cursor gives, up to `count` matching events, and ends the call. */
const drain = async (
  node: NodeContext,
  outlet: Outlet,
  cursor: Cursor,
  plan: ReadPlan,
  count: number,
): Promise<void> => {
  let left = count;
  while (left > 0 && !outlet.isClosed) {
    const page = cursor.nextPage(plan.filter === undefined ? Math.min(left, PAGE_RECORDS) : PAGE_RECORDS);
    if (page === undefined) break;
    for (const record of page) {
      if (plan.filter?.matches(record) === false) continue;
      if (!outlet.send(answerFor(node, plan, record))) await outlet.drained();
      left -= 1;
      if (left <= 0 || outlet.isClosed) break;
    }
    await nextTurn();
  }
  outlet.end();
};

const readStream = async (
  node: NodeContext,
  outlet: Outlet,
  plan: ReadPlan,
  stream: string,
  count: number,
): Promise<void> => {
  const head = node.heads.of(stream);
  if (head.isTombstoned) return outlet.abort(streamDeleted(stream));
  if (head.last < 0 || isSoftDeleted(head)) {
    outlet.send(readAnswers.streamNotFound(stream));
    return outlet.end();
  }
  return drain(node, outlet, cursorOverStream(node, plan, head), plan, count);
};

const serve = async (node: NodeContext, outlet: Outlet, plan: ReadPlan): Promise<void> => {
  const { stream, count } = plan;
  if (count === undefined) {
    return stream === undefined ? subscribeToLog(node, outlet, plan) : subscribeToStream(node, outlet, plan, stream);
  }
  if (stream !== undefined) return readStream(node, outlet, plan, stream, count);
  return drain(node, outlet, cursorOverLog(node, plan), plan, count);
};

/** `Streams/Read`: reads and subscriptions of one stream or of the whole log. */
export const read =
  (node: NodeContext) =>
  (call: ServerWritableStream<ReadReq, Buffer>): void => {
    const outlet = new Outlet(node, call);
    const fail = (error: unknown): void => {
      if (error instanceof BadProposal) return outlet.abort(invalidArgument(error.message));
      node.reportDamage(error);
      const reason = error instanceof Error ? error.message : String(error);
      outlet.abort(error instanceof DamagedRecord ? dataLoss(reason) : internal(reason));
    };
    try {
      serve(node, outlet, readPlanOf(call.request.options)).catch(fail);
    } catch (error) {
      fail(error);
    }
  };
