import type { StoredRecord } from '../storage/record.js';
import type { ExpectedRevision, WriteOutcome } from '../writer/commands.js';
import { flagField, lengthField, message, varintField } from './protobuf-writer.js';

/** The answers of the node, as finished protobuf messages. */

const logPosition = (position: number): Buffer => message(varintField(1, position), varintField(2, position));

const anyOf = (typeName: string, ...fields: readonly Buffer[]): Buffer =>
  message(lengthField(1, `type.googleapis.com/event_store.client.${typeName}`), lengthField(2, ...fields));

const streamIdentifier = (stream: string): Buffer => lengthField(3, stream);

export const readAnswers = {
  confirmation: (subscriptionId: string): Buffer => lengthField(2, lengthField(1, subscriptionId)),
  checkpoint: (position: number): Buffer => lengthField(3, logPosition(position)),
  streamNotFound: (stream: string): Buffer => lengthField(4, lengthField(1, streamIdentifier(stream))),
  caughtUp: flagField(8),
};

const UUID_FIELD_BYTES = 40;

/** The stored event with its id as two 64-bit integers instead of text. */
const withStructuredId = (record: StoredRecord): Buffer => {
  const { id, event } = record;
  const structured = lengthField(1, varintField(1, id.readBigInt64BE(0)), varintField(2, id.readBigInt64BE(8)));
  return message(lengthField(1, structured), event.subarray(UUID_FIELD_BYTES));
};

/** A read event: `event` alone, or the link with its target, or a link whose target is gone. */
export const readEvent = (
  parts: { readonly event?: StoredRecord | undefined; readonly link?: StoredRecord | undefined },
  uuid: 'text' | 'structured',
): Buffer => {
  const { event, link } = parts;
  if (link === undefined && event !== undefined && uuid === 'text') return event.response;
  const original = link ?? event;
  const encode = uuid === 'text' ? (record: StoredRecord): Buffer => record.event : withStructuredId;
  const fields: Buffer[] = [];
  if (event !== undefined) fields.push(lengthField(1, encode(event)));
  if (link !== undefined) fields.push(lengthField(2, encode(link)));
  if (original !== undefined) fields.push(varintField(3, original.position));
  return lengthField(1, ...fields);
};

type Written = Extract<WriteOutcome, { kind: 'written' | 'nothing-to-write' }>;

const success = (outcome: Written): Buffer[] => {
  if (outcome.kind === 'written') {
    return [varintField(1, outcome.revision), lengthField(3, logPosition(outcome.position))];
  }
  return [outcome.revision < 0 ? flagField(2) : varintField(1, outcome.revision), flagField(4)];
};

export const appendAnswers = {
  success: (outcome: Written): Buffer => lengthField(1, ...success(outcome)),

  wrongVersion(expected: ExpectedRevision, current: number): Buffer {
    const fields = [current < 0 ? flagField(7) : varintField(6, current)];
    if (expected === 'any') fields.push(flagField(9));
    else if (expected === 'stream_exists') fields.push(flagField(10));
    else if (expected === 'no_stream') fields.push(flagField(11));
    else fields.push(varintField(8, expected));
    return lengthField(2, ...fields);
  },
};

/** A `google.rpc.Status` of the batch protocol: code, message, and the details that the client insists on. */
export interface BatchError {
  readonly code: number;
  readonly message: string;
  readonly details: Buffer;
}

export const batchErrors = {
  wrongVersion(expected: ExpectedRevision, current: number): BatchError {
    const fields = [current < 0 ? flagField(2) : varintField(1, current)];
    if (expected === 'any') fields.push(flagField(4));
    else if (expected === 'stream_exists') fields.push(flagField(5));
    else if (expected === 'no_stream') fields.push(flagField(6));
    else fields.push(varintField(3, expected));
    return { code: 6, message: 'Wrong expected version.', details: anyOf('WrongExpectedVersion', ...fields) };
  },
  streamDeleted: (stream: string): BatchError => ({
    code: 5,
    message: `Stream '${stream}' is deleted.`,
    details: anyOf('StreamDeleted', lengthField(1, streamIdentifier(stream))),
  }),
  timeout: { code: 4, message: 'The append was too late.', details: anyOf('Timeout') },
  tooLarge: (maxBytes: number): BatchError => ({
    code: 3,
    message: `The append is larger than ${maxBytes} bytes.`,
    details: anyOf('MaximumAppendSizeExceeded', varintField(1, maxBytes)),
  }),
  badRequest: (reason: string): BatchError => ({
    code: 3,
    message: reason,
    details: anyOf('BadRequest', lengthField(1, reason)),
  }),
  unknown: (reason: string): BatchError => ({ code: 2, message: reason, details: anyOf('Unknown') }),
};

export const batchAnswers = {
  success: (correlationId: string, stream: string, outcome: Written): Buffer =>
    message(uuidField(correlationId), lengthField(3, ...success(outcome)), lengthField(4, streamIdentifier(stream))),

  error: (correlationId: string, stream: string, { code, message: text, details }: BatchError): Buffer =>
    message(
      uuidField(correlationId),
      lengthField(2, varintField(1, code), lengthField(2, text), lengthField(3, details)),
      lengthField(4, streamIdentifier(stream)),
    ),
};

const uuidField = (text: string): Buffer => lengthField(1, lengthField(2, text));

export const deleteAnswer = (position: number): Buffer => lengthField(1, logPosition(position));

const LEADER = 8;

export const clusterInfo = (node: { id: string; host: string; port: number; nowMs: number }): Buffer =>
  lengthField(
    1,
    uuidField(node.id),
    varintField(2, BigInt(node.nowMs) * 10_000n),
    varintField(3, LEADER),
    varintField(4, 1),
    lengthField(5, lengthField(1, node.host), varintField(2, node.port)),
  );

export const supportedMethods = (
  version: string,
  methods: readonly { readonly service: string; readonly method: string; readonly features?: readonly string[] }[],
): Buffer =>
  message(
    ...methods.map(({ service, method, features = [] }) =>
      lengthField(
        1,
        lengthField(1, method),
        lengthField(2, service),
        ...features.map((feature) => lengthField(3, feature)),
      ),
    ),
    lengthField(2, version),
  );
