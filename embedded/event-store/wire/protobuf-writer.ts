/**
 * Protobuf as finished bytes: a field is a buffer, a message is the concatenation of its fields.
 * For answers that are small or rare; event records have a writer of their own (`storage/record-writer.ts`).
 */

const WIRE_VARINT = 0;
const WIRE_LENGTH = 2;

/** How many bytes `value` takes as a varint. `value` is a non-negative safe integer. */
export const varintSize = (value: number): number => {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
};

/** Writes a non-negative safe integer as a varint and returns the offset behind it. */
export const writeVarint = (target: Buffer, value: number, offset: number): number => {
  let rest = value;
  let at = offset;
  while (rest > 0x7fff_ffff) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
};

const bigVarint = (value: bigint): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
};

/** An integer field (`uint64`, `int64`, `uint32`, enum, bool). Negative values are written as their 64-bit complement. */
export const varintField = (field: number, value: number | bigint): Buffer => {
  const key = (field << 3) | WIRE_VARINT;
  if (typeof value === 'bigint' || value < 0) return Buffer.concat([Buffer.of(key), bigVarint(BigInt(value))]);
  const bytes = Buffer.allocUnsafe(1 + varintSize(value));
  bytes[0] = key;
  writeVarint(bytes, value, 1);
  return bytes;
};

/** A `string`, `bytes` or message field holding the given parts one after the other. Field numbers up to 15. */
export const lengthField = (field: number, ...parts: readonly (Uint8Array | string)[]): Buffer => {
  const chunks = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part));
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = Buffer.allocUnsafe(1 + varintSize(length) + length);
  bytes[0] = (field << 3) | WIRE_LENGTH;
  let at = writeVarint(bytes, length, 1);
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
};

/** An empty message as a field: a oneof member that only says "this one". */
export const flagField = (field: number): Buffer => lengthField(field);

export const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields);
