import { type sendUnaryData, type ServerReadableStream } from '@grpc/grpc-js';
import { appendAnswers } from '../wire/answers.js';
import {
  internal,
  invalidArgument,
  maximumAppendSizeExceeded,
  missingMetadataProperty,
  streamDeleted,
  timedOut,
  unavailable,
} from '../wire/grpc-errors.js';
import type { AppendReq } from '../wire/request-messages.js';
import type { EventToWrite } from '../storage/group-writer.js';
import type { WriteOutcome } from '../writer/commands.js';
import type { NodeContext } from './node-context.js';
import { BadProposal, countedSize, eventOf, writeTargetOf, type WriteTarget } from './proposals.js';

/** The call's deadline in ms since 1970; Infinity when it has none. */
export const deadlineOf = (call: { getDeadline(): Date | number }): number => {
  const deadline = call.getDeadline();
  return typeof deadline === 'number' ? deadline : deadline.getTime();
};

const refusalOf = (error: unknown): ReturnType<typeof invalidArgument> => {
  if (!(error instanceof BadProposal)) return internal(error instanceof Error ? error.message : String(error));
  return error.isMissingMetadata ? missingMetadataProperty() : invalidArgument(error.message);
};

/** `Streams/Append`: options first, then one message an event, then half-close. A wrong version is an answer, not an error. */
export const append =
  (node: NodeContext) =>
  (call: ServerReadableStream<AppendReq, Buffer>, callback: sendUnaryData<Buffer>): void => {
    let target: WriteTarget | undefined;
    const events: EventToWrite[] = [];
    let bytes = 0;
    let isSettled = false;

    const settle: sendUnaryData<Buffer> = (error, answer) => {
      if (isSettled) return;
      isSettled = true;
      callback(error, answer);
    };

    const accept = (request: AppendReq): void => {
      if (request.content === 'options') {
        if (target !== undefined) throw new BadProposal('The options come once, and first.');
        target = writeTargetOf(request.options);
        return;
      }
      if (target === undefined) throw new BadProposal('The options come first.');
      if (!request.proposedMessage) throw new BadProposal('A message is empty.');
      const event = eventOf(request.proposedMessage);
      bytes += countedSize(event);
      if (bytes <= node.maxAppendBytes) events.push(event);
    };

    const answer = (outcome: WriteOutcome, { stream, expected }: WriteTarget): void => {
      switch (outcome.kind) {
        case 'written':
        case 'nothing-to-write':
          return settle(null, appendAnswers.success(outcome));
        case 'wrong-version':
          return settle(null, appendAnswers.wrongVersion(expected, outcome.current));
        case 'stream-deleted':
          return settle(streamDeleted(stream));
        case 'timed-out':
          return settle(timedOut());
        case 'failed':
          return settle(unavailable(outcome.reason));
      }
    };

    call.on('data', (request: AppendReq) => {
      if (isSettled) return;
      try {
        accept(request);
      } catch (error) {
        settle(refusalOf(error));
      }
    });
    call.on('end', () => {
      if (isSettled) return;
      if (target === undefined) return settle(invalidArgument('The options are missing.'));
      if (bytes > node.maxAppendBytes) return settle(maximumAppendSizeExceeded(node.maxAppendBytes));
      if (node.writer.isFull) return settle(unavailable('Too many writes are waiting.'));
      const to = target;
      node.writer.submit({
        command: { kind: 'append', stream: to.stream, expected: to.expected, events },
        bytes: bytes + 1024,
        deadlineMs: deadlineOf(call),
        isAbandoned: () => call.cancelled,
        answer: (outcome) => answer(outcome, to),
      });
    });
    call.on('error', () => {
      isSettled = true;
    });
  };
