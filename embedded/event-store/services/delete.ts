import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { deleteAnswer } from '../wire/answers.js';
import {
  internal,
  invalidArgument,
  streamDeleted,
  timedOut,
  unavailable,
  wrongExpectedVersion,
} from '../wire/grpc-errors.js';
import type { DeleteReq } from '../wire/request-messages.js';
import type { WriteOutcome } from '../writer/commands.js';
import { isMetastream } from '../writer/stream-names.js';
import { deadlineOf } from './append.js';
import type { NodeContext } from './node-context.js';
import { BadProposal, writeTargetOf, type WriteTarget } from './proposals.js';

/** `Streams/Delete` and `Streams/Tombstone`. Here a wrong version is an error of the call. */
export const deleteStream =
  (node: NodeContext, kind: 'delete' | 'tombstone') =>
  (call: ServerUnaryCall<DeleteReq, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const answer = (outcome: WriteOutcome, { stream, expected }: WriteTarget): void => {
      switch (outcome.kind) {
        case 'written':
          return callback(null, deleteAnswer(outcome.position));
        case 'wrong-version':
          return callback(wrongExpectedVersion(stream, expected, outcome.current));
        case 'stream-deleted':
          return callback(streamDeleted(stream));
        case 'timed-out':
          return callback(timedOut());
        case 'failed':
          return callback(unavailable(outcome.reason));
        case 'nothing-to-write':
          return callback(internal('A delete always writes.'));
      }
    };

    try {
      const target = writeTargetOf(call.request.options);
      if (isMetastream(target.stream))
        throw new BadProposal('A metadata stream goes with the stream that it describes.');
      if (node.writer.isFull) return callback(unavailable('Too many writes are waiting.'));
      node.writer.submit({
        command: { kind, ...target },
        bytes: 1024,
        deadlineMs: deadlineOf(call),
        isAbandoned: () => call.cancelled,
        answer: (outcome) => answer(outcome, target),
      });
    } catch (error) {
      callback(invalidArgument(error instanceof Error ? error.message : String(error)));
    }
  };
