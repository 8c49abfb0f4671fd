import type { ServerDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { EventToWrite } from '../storage/group-writer.js';
import { batchAnswers, batchErrors, type BatchError } from '../wire/answers.js';
import { toInt64 } from '../wire/int64.js';
import type { BatchAppendOptions, BatchAppendReq } from '../wire/request-messages.js';
import { uuidBytesOf, uuidTextOf } from '../wire/uuid.js';
import { invalidArgument } from '../wire/grpc-errors.js';
import type { WriteOutcome } from '../writer/commands.js';
import type { NodeContext } from './node-context.js';
import { BadProposal, countedSize, eventOf, writeTargetOf, type WriteTarget } from './proposals.js';

/** An append whose last chunk does not come within this time is given up. */
const UNFINISHED_MS = 2000;

interface OpenAppend {
  readonly correlationId: string;
  readonly target: WriteTarget;
  readonly deadlineMs: number;
  readonly events: EventToWrite[];
  bytes: number;
  giveUp?: NodeJS.Timeout;
}

const toMs = ({ seconds, nanos }: { seconds: Parameters<typeof toInt64>[0]; nanos: number }): number =>
  Number(toInt64(seconds)) * 1000 + nanos / 1e6;

const deadlineMsOf = (options: BatchAppendOptions): number => {
  if (options.deadlineAt) return toMs(options.deadlineAt);
  if (options.deadlineIn) return Date.now() + toMs(options.deadlineIn);
  return Infinity;
};

const rawStreamName = (options: BatchAppendOptions | null | undefined): string =>
  Buffer.from(options?.streamIdentifier?.streamName ?? []).toString('utf8');

/**
 * One `Streams/BatchAppend` call: many appends by many callers on one stream of messages, each named by a correlation id.
 * Every correlation is answered exactly once: the client dies of a second answer, and waits for ever without one.
 */
class BatchAppendCall {
  private readonly open = new Map<string, OpenAppend>();
  /** Answered before their last chunk came: the rest is ignored. */
  private readonly refused = new Set<string>();
  private unanswered = 0;
  private isHalfClosed = false;
  private isOver = false;

  constructor(
    private readonly node: NodeContext,
    private readonly call: ServerDuplexStream<BatchAppendReq, Buffer>,
  ) {}

  serve(): void {
    const { call, node } = this;
    call.on('data', (request: BatchAppendReq) => this.receive(request));
    call.on('end', () => {
      this.isHalfClosed = true;
      this.endWhenAnswered();
    });
    call.on('cancelled', () => this.dispose());
    call.on('error', () => this.dispose());
    node.openCalls.add(this);
  }

  /** Ends the call with an error: after an OK end the client's pending appends would never settle. */
  abort(error: ServiceError): void {
    if (this.isOver) return;
    this.dispose();
    this.call.emit('error', error);
  }

  private receive(request: BatchAppendReq): void {
    if (this.isOver) return;
    const correlation = uuidBytesOf(request.correlationId);
    if (correlation === undefined) {
      this.abort(invalidArgument('A correlation id is required.'));
      return;
    }
    const correlationId = uuidTextOf(correlation);
    if (this.refused.has(correlationId)) {
      if (request.isFinal) this.refused.delete(correlationId);
      return;
    }
    const append = this.open.get(correlationId) ?? this.begin(correlationId, request);
    if (append !== undefined) this.extend(append, request);
  }

  private begin(correlationId: string, request: BatchAppendReq): OpenAppend | undefined {
    this.unanswered += 1;
    const stream = rawStreamName(request.options);
    const refuse = (error: BatchError): undefined => {
      if (!request.isFinal) this.refused.add(correlationId);
      this.send(batchAnswers.error(correlationId, stream, error));
    };
    try {
      const target = writeTargetOf(request.options);
      const deadlineMs = request.options ? deadlineMsOf(request.options) : Infinity;
      if (deadlineMs <= Date.now()) return refuse(batchErrors.timeout);
      const append: OpenAppend = { correlationId, target, deadlineMs, events: [], bytes: 0 };
      this.open.set(correlationId, append);
      if (!request.isFinal) {
        const patienceMs = Math.min(UNFINISHED_MS, deadlineMs - Date.now());
        append.giveUp = setTimeout(() => this.refuse(append, batchErrors.timeout, false), patienceMs).unref();
      }
      return append;
    } catch (error) {
      return refuse(batchErrors.badRequest(error instanceof Error ? error.message : String(error)));
    }
  }

  private extend(append: OpenAppend, request: BatchAppendReq): void {
    try {
      for (const proposed of request.proposedMessages) {
        const event = eventOf(proposed);
        append.bytes += countedSize(event);
        if (append.bytes <= this.node.maxAppendBytes) append.events.push(event);
      }
    } catch (error) {
      if (!(error instanceof BadProposal)) throw error;
      this.refuse(append, batchErrors.badRequest(error.message), request.isFinal);
      return;
    }
    if (append.bytes > this.node.maxAppendBytes) {
      this.refuse(append, batchErrors.tooLarge(this.node.maxAppendBytes), request.isFinal);
    } else if (request.isFinal) {
      this.submit(append);
    }
  }

  private refuse(append: OpenAppend, error: BatchError, wasFinal: boolean): void {
    clearTimeout(append.giveUp);
    this.open.delete(append.correlationId);
    if (!wasFinal) this.refused.add(append.correlationId);
    this.send(batchAnswers.error(append.correlationId, append.target.stream, error));
  }

  private submit(append: OpenAppend): void {
    clearTimeout(append.giveUp);
    this.open.delete(append.correlationId);
    const { stream, expected } = append.target;
    this.node.writer.submit({
      command: { kind: 'append', stream, expected, events: append.events },
      bytes: append.bytes + 1024,
      deadlineMs: append.deadlineMs,
      isAbandoned: () => this.isOver,
      answer: (outcome) => this.answer(append, outcome),
    });
    if (this.node.writer.isFull) {
      this.call.pause();
      this.node.writer.whenRoom(() => this.call.resume());
    }
  }

  private answer({ correlationId, target: { stream, expected } }: OpenAppend, outcome: WriteOutcome): void {
    const fail = (error: BatchError): void => this.send(batchAnswers.error(correlationId, stream, error));
    switch (outcome.kind) {
      case 'written':
      case 'nothing-to-write':
        return this.send(batchAnswers.success(correlationId, stream, outcome));
      case 'wrong-version':
        return fail(batchErrors.wrongVersion(expected, outcome.current));
      case 'stream-deleted':
        return fail(batchErrors.streamDeleted(stream));
      case 'timed-out':
        return fail(batchErrors.timeout);
      case 'failed':
        return fail(batchErrors.unknown(outcome.reason));
    }
  }

  private send(answer: Buffer): void {
    this.unanswered -= 1;
    if (this.isOver) return;
    this.call.write(answer);
    this.endWhenAnswered();
  }

  private endWhenAnswered(): void {
    if (this.isOver || !this.isHalfClosed || this.unanswered > 0) return;
    this.dispose();
    this.call.end();
  }

  private dispose(): void {
    this.isOver = true;
    this.node.openCalls.delete(this);
    for (const { giveUp } of this.open.values()) clearTimeout(giveUp);
    this.open.clear();
  }
}

export const batchAppend =
  (node: NodeContext) =>
  (call: ServerDuplexStream<BatchAppendReq, Buffer>): void => {
    new BatchAppendCall(node, call).serve();
  };
