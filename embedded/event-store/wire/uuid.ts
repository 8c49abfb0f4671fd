import type { UuidMessage } from './request-messages.js';
import { toInt64 } from './int64.js';

export const UUID_BYTES = 16;

const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** The 16 bytes of a UUID in either spelling of the wire, or undefined when it is missing or is none. */
export const uuidBytesOf = (message: UuidMessage | null | undefined): Buffer | undefined => {
  if (message?.value === 'text' && typeof message.text === 'string') {
    return uuidPattern.test(message.text) ? Buffer.from(message.text.replaceAll('-', ''), 'hex') : undefined;
  }
  if (message?.value === 'structured' && message.structured) {
    const bytes = Buffer.allocUnsafe(UUID_BYTES);
    bytes.writeBigInt64BE(toInt64(message.structured.msb), 0);
    bytes.writeBigInt64BE(toInt64(message.structured.lsb), 8);
    return bytes;
  }
  return undefined;
};

/** The lower-case text form of the 16 bytes at `offset`. */
export const uuidTextOf = (bytes: Buffer, offset = 0): string => {
  const hex = bytes.toString('hex', offset, offset + UUID_BYTES);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

/** The empty UUID is not an identity. */
export const isEmptyUuid = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
