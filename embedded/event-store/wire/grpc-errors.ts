import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import type { ExpectedRevision } from '../writer/commands.js';

/** An error status with the trailers that the client requires for its kind. Trailer values are ASCII by rule of gRPC. */
const grpcError = (code: status, details: string, trailers: Readonly<Record<string, string>> = {}): ServiceError => {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return Object.assign(new Error(details), { code, details, metadata });
};

/** Percent-encodes what a trailer cannot hold. */
const ascii = (text: string): string => text.replaceAll(/[^\x20-\x24\x26-\x7e]+/g, (part) => encodeURIComponent(part));

const expectedOnTheWire = (expected: ExpectedRevision): string => {
  switch (expected) {
    case 'any':
      return '-2';
    case 'no_stream':
      return '-1';
    case 'stream_exists':
      return '-4';
    default:
      return BigInt.asIntN(64, expected).toString();
  }
};

export const streamDeleted = (stream: string): ServiceError =>
  grpcError(status.FAILED_PRECONDITION, `Stream '${ascii(stream)}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': ascii(stream),
  });

export const wrongExpectedVersion = (stream: string, expected: ExpectedRevision, current: number): ServiceError =>
  grpcError(status.FAILED_PRECONDITION, `Wrong expected version of stream '${ascii(stream)}'.`, {
    exception: 'wrong-expected-version',
    'stream-name': ascii(stream),
    'expected-version': expectedOnTheWire(expected),
    'actual-version': String(current),
  });

export const maximumAppendSizeExceeded = (maxBytes: number): ServiceError =>
  grpcError(status.INVALID_ARGUMENT, `The append is larger than ${maxBytes} bytes.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(maxBytes),
  });

export const missingMetadataProperty = (): ServiceError =>
  grpcError(status.INVALID_ARGUMENT, 'An event lacks its type or content-type.', {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });

export const invalidArgument = (reason: string): ServiceError => grpcError(status.INVALID_ARGUMENT, ascii(reason));
export const unavailable = (reason: string): ServiceError => grpcError(status.UNAVAILABLE, ascii(reason));
export const timedOut = (): ServiceError => grpcError(status.ABORTED, 'The write was too late.');
export const cancelled = (reason: string): ServiceError => grpcError(status.CANCELLED, reason);
export const dataLoss = (reason: string): ServiceError => grpcError(status.DATA_LOSS, ascii(reason));
export const internal = (reason: string): ServiceError => grpcError(status.INTERNAL, ascii(reason));
