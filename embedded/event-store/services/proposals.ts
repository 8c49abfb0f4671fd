import type { EventToWrite } from '../storage/group-writer.js';
import { toUint64 } from '../wire/int64.js';
import type { ProposedMessage, StreamIdentifierMessage, TargetMessage } from '../wire/request-messages.js';
import { isEmptyUuid, uuidBytesOf } from '../wire/uuid.js';
import type { ExpectedRevision } from '../writer/commands.js';
import { MAX_STREAM_NAME_BYTES } from '../writer/stream-names.js';

/** What a request asks for cannot be: the reason, and whether it is the one that has an error type of its own. */
export class BadProposal extends Error {
  constructor(
    reason: string,
    readonly isMissingMetadata = false,
  ) {
    super(reason);
    this.name = 'BadProposal';
  }
}

export interface WriteTarget {
  readonly stream: string;
  readonly expected: ExpectedRevision;
}

/** @throws BadProposal */
export const streamNameOf = (identifier: StreamIdentifierMessage | null | undefined): string => {
  const bytes = identifier?.streamName;
  if (bytes === undefined || bytes.length === 0) throw new BadProposal('A stream name is required.');
  if (bytes.length > MAX_STREAM_NAME_BYTES) {
    throw new BadProposal(`A stream name is at most ${MAX_STREAM_NAME_BYTES} bytes long.`);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
};

/** @throws BadProposal */
export const writeTargetOf = (message: TargetMessage | null | undefined): WriteTarget => {
  const stream = streamNameOf(message?.streamIdentifier);
  switch (message?.expected) {
    case 'revision':
      return { stream, expected: toUint64(message.revision ?? { low: 0, high: 0 }) };
    case 'noStream':
      return { stream, expected: 'no_stream' };
    case 'any':
      return { stream, expected: 'any' };
    case 'streamExists':
      return { stream, expected: 'stream_exists' };
    default:
      throw new BadProposal('An expected revision is required.');
  }
};

/** @throws BadProposal */
export const eventOf = (message: ProposedMessage): EventToWrite => {
  const id = uuidBytesOf(message.id);
  if (id === undefined || isEmptyUuid(id)) throw new BadProposal('An event id is required.');
  const { type, 'content-type': contentType } = message.metadata;
  if (!type || !contentType) throw new BadProposal('An event lacks its type or content-type.', true);
  return { id, type, contentType, metadata: message.customMetadata, data: message.data };
};

/** What an event counts against the size limit of an append: data, custom metadata and twice its type. */
export const countedSize = (event: EventToWrite): number =>
  event.data.length + event.metadata.length + 2 * event.type.length;
