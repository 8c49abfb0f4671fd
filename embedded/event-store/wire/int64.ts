import type { Int64Halves } from './request-messages.js';

export const toUint64 = ({ low, high }: Int64Halves): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

export const toInt64 = ({ low, high }: Int64Halves): bigint => (BigInt(high | 0) << 32n) | BigInt(low >>> 0);

/**
 * A revision or position of the wire as a number of this node. All that this node ever assigns is a safe integer,
 * so anything larger is only "beyond the end" and becomes Infinity.
 */
export const toOrdinal = ({ low, high }: Int64Halves): number => {
  const value = (high >>> 0) * 0x1_0000_0000 + (low >>> 0);
  return value > Number.MAX_SAFE_INTEGER ? Infinity : value;
};
