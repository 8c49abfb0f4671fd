import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ISSUED = /^mc[ak]_[0-9A-Za-z]{36}$/;
const VISIBLE = /^[\x21-\x7e]{1,512}$/;

/**
 * Could this text be a key at all? False: refuse without any look-up. A key that begins like an issued one (`mca_`,
 * `mck_`) must have its shape and checksum; environment keys are free visible ASCII, 1 to 512 characters.
 */
export function isKeyShaped(key: string): boolean {
  if (!VISIBLE.test(key)) return false;
  if (!key.startsWith('mca_') && !key.startsWith('mck_')) return true;
  return ISSUED.test(key) && key.slice(34) === keyChecksum(key.slice(0, 34));
}

/** Digits of entropy in an issued key: 178 bits. */
const RANDOM_DIGITS = 30;
/** Bytes from here on are dropped, or the first letters of the alphabet would come more often. */
const UNBIASED_BELOW = 248;
/** How many bytes {@link keyFrom} needs so that enough of them are left: fewer has never happened and never will. */
export const KEY_BYTES = 80;

/** A key of the given kind made of uniformly distributed bytes, {@link KEY_BYTES} or more: 40 characters. */
export function keyFrom(prefix: 'mca_' | 'mck_', bytes: Uint8Array): string {
  const digits = [...bytes].filter((byte) => byte < UNBIASED_BELOW).slice(0, RANDOM_DIGITS);
  if (digits.length < RANDOM_DIGITS) throw new Error('too few bytes to make a key of');
  const key = prefix + digits.map((byte) => ALPHABET.charAt(byte % 62)).join('');
  return key + keyChecksum(key);
}

/** CRC-32 (zlib) of the text as six base62 digits, most significant first. */
export function keyChecksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < 6; i += 1) {
    digits = ALPHABET.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
