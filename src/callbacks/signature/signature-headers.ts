/** Header names of the native scheme (Standard Webhooks). Lower case, as Node hands them out. */
export const nativeHeaders = {
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
} as const;

/** The compatibility scheme and its alias. */
export const legacyHeaders = ['x-webhook-signature', 'x-hub-signature-256'] as const;

const ID = /^[A-Za-z0-9_-]{1,256}$/;
const TIMESTAMP = /^(?:0|[1-9][0-9]{0,11})$/;
const NATIVE_MAC = /^[A-Za-z0-9+/]{43}=$/;
const LEGACY_MAC = /^(?:sha256=)?([0-9A-Fa-f]{64})$/;
const MAX_SIGNATURES = 16;

/** Header lines as they came: name, value, name, value… (`IncomingMessage.rawHeaders`). Joined values hide repeats. */
export type RawHeaders = readonly string[];

export type SignatureHeaders =
  | {
      readonly scheme: 'native';
      readonly id: string;
      /** The header's own text: the MAC is taken over it, not over a number made from it. */
      readonly timestamp: string;
      /** Candidates of 32 bytes, in order. */
      readonly macs: readonly Buffer[];
    }
  | { readonly scheme: 'legacy'; readonly mac: Buffer }
  | { readonly scheme: 'none' }
  | { readonly scheme: 'malformed'; readonly reason: MalformedReason };

export type MalformedReason =
  'repeated_header' | 'missing_header' | 'bad_id' | 'bad_timestamp' | 'too_many_signatures' | 'no_usable_signature';

/**
 * Which scheme the sender chose, and what its headers hold. Any native header makes the request native: whatever stands
 * beside it is ignored, so nobody can be talked down to the weaker scheme.
 */
export function readSignatureHeaders(raw: RawHeaders): SignatureHeaders {
  const values = valuesOf(raw);
  if (Object.values(nativeHeaders).some((name) => values.has(name))) return readNative(values);
  const found = legacyHeaders.flatMap((name) => values.get(name) ?? []);
  const [only] = found;
  if (only === undefined) return { scheme: 'none' };
  if (found.length > 1) return { scheme: 'malformed', reason: 'repeated_header' };
  const digits = LEGACY_MAC.exec(only)?.[1];
  if (digits === undefined) return { scheme: 'malformed', reason: 'no_usable_signature' };
  return { scheme: 'legacy', mac: Buffer.from(digits, 'hex') };
}

function readNative(values: ReadonlyMap<string, readonly string[]>): SignatureHeaders {
  const malformed = (reason: MalformedReason) => ({ scheme: 'malformed', reason }) as const;
  const given = Object.values(nativeHeaders).map((name) => values.get(name) ?? []);
  if (given.some((lines) => lines.length > 1)) return malformed('repeated_header');
  const [id, timestamp, signature] = given.map(([line]) => line);
  if (id === undefined || timestamp === undefined || signature === undefined) return malformed('missing_header');
  if (!ID.test(id)) return malformed('bad_id');
  if (!TIMESTAMP.test(timestamp)) return malformed('bad_timestamp');
  const entries = signature.split(' ', MAX_SIGNATURES + 1);
  if (entries.length > MAX_SIGNATURES) return malformed('too_many_signatures');
  const macs = entries.flatMap((entry) => macOf(entry) ?? []);
  return macs.length === 0 ? malformed('no_usable_signature') : { scheme: 'native', id, timestamp, macs };
}

/** 32 bytes of a `v1` entry in canonical base64; other versions and shapes are skipped. */
function macOf(entry: string): Buffer | undefined {
  if (!entry.startsWith('v1,')) return undefined;
  const text = entry.slice(3);
  if (!NATIVE_MAC.test(text)) return undefined;
  const mac = Buffer.from(text, 'base64');
  return mac.toString('base64') === text ? mac : undefined;
}

function valuesOf(raw: RawHeaders): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return values;
}
