import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readSignatureHeaders, type MalformedReason, type RawHeaders } from './signature-headers.js';

/** How far the sender's clock may be off, in seconds, in both directions. */
export const WINDOW_SECONDS = 300;

/** A secret that counts right now. */
export interface LiveSecret {
  readonly id: string;
  /** As shown, prefix included: the compatibility scheme signs with these very characters. */
  readonly shown: string;
  /** Imported ones serve the compatibility scheme only. */
  readonly imported: boolean;
}

export interface Presented {
  readonly headers: RawHeaders;
  /** As received. */
  readonly body: Buffer;
}

/** Who may have signed. An agent that nobody knows has no secrets. */
export interface Signer {
  readonly secrets: readonly LiveSecret[];
  readonly legacyAllowed: boolean;
}

export type RefusedSignature =
  MalformedReason | 'unsigned' | 'legacy_forbidden' | 'outside_window' | 'no_secret' | 'wrong_signature';

export type Verdict =
  | {
      readonly kind: 'accepted';
      readonly scheme: 'native' | 'legacy';
      /** What makes the delivery the same one: SHA-256 over scheme, NUL and the sender's id or MAC, in hex. */
      readonly deliveryKey: string;
      readonly secretId: string;
      /** The sender's own id; the compatibility scheme has none. */
      readonly senderId: string | null;
    }
  | { readonly kind: 'refused'; readonly reason: RefusedSignature };

/** Stands in for the secret of an agent that has none, so that both cost the same. */
const DUMMY_KEY = Buffer.alloc(32, 0x5a);

/** Judges the bytes as received, before anything parses them. Pure: the clock comes in as unix seconds. */
export function verifyCallback(presented: Presented, signer: Signer, nowSeconds: number): Verdict {
  const headers = readSignatureHeaders(presented.headers);
  switch (headers.scheme) {
    case 'none':
      return refusedAfterWork(presented.body, 'unsigned');
    case 'malformed':
      return refusedAfterWork(presented.body, headers.reason);
    case 'native': {
      if (Math.abs(Math.floor(nowSeconds) - Number(headers.timestamp)) > WINDOW_SECONDS) {
        return refusedAfterWork(presented.body, 'outside_window');
      }
      const keys = signer.secrets
        .filter(({ imported }) => !imported)
        .map(({ id, shown }) => [id, keyOf(shown)] as const);
      const prefix = Buffer.from(`${headers.id}.${headers.timestamp}.`);
      const secretId = matching(keys, [prefix, presented.body], headers.macs);
      if (secretId === undefined) return refused(keys.length === 0 ? 'no_secret' : 'wrong_signature');
      return accepted('native', headers.id, secretId, headers.id);
    }
    case 'legacy': {
      if (!signer.legacyAllowed) return refusedAfterWork(presented.body, 'legacy_forbidden');
      const keys = signer.secrets.map(({ id, shown }) => [id, Buffer.from(shown)] as const);
      const secretId = matching(keys, [presented.body], [headers.mac]);
      if (secretId === undefined) return refused(keys.length === 0 ? 'no_secret' : 'wrong_signature');
      return accepted('legacy', headers.mac.toString('hex'), secretId, null);
    }
  }
}

/** The bytes behind `whsec_`. */
export function keyOf(shown: string): Buffer {
  return Buffer.from(shown.slice('whsec_'.length), 'base64');
}

/** Every secret is tried, whichever matches: how long it takes tells nothing about which one it was. */
function matching(
  keys: readonly (readonly [string, Buffer])[],
  content: readonly Buffer[],
  macs: readonly Buffer[],
): string | undefined {
  let found: string | undefined;
  for (const [id, key] of keys.length === 0 ? [['', DUMMY_KEY] as const] : keys) {
    const expected = macOver(key, content);
    for (const mac of macs) {
      if (timingSafeEqual(expected, mac) && id !== '') found ??= id;
    }
  }
  return found;
}

function macOver(key: Buffer, content: readonly Buffer[]): Buffer {
  const hmac = createHmac('sha256', key);
  for (const part of content) hmac.update(part);
  return hmac.digest();
}

function accepted(scheme: 'native' | 'legacy', identity: string, secretId: string, senderId: string | null): Verdict {
  const deliveryKey = createHash('sha256').update(`${scheme}\0${identity}`).digest('hex');
  return { kind: 'accepted', scheme, deliveryKey, secretId, senderId };
}

function refused(reason: RefusedSignature): Verdict {
  return { kind: 'refused', reason };
}

/** A request that is refused by its headers costs a MAC like every other one. */
function refusedAfterWork(body: Buffer, reason: RefusedSignature): Verdict {
  macOver(DUMMY_KEY, [body]);
  return refused(reason);
}
