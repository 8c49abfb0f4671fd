import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../http/errors.js';
import type { KeyDirectory, KeyRecord } from './key-directory.js';
import { isKeyShaped } from './key-format.js';
import { keyHash } from './key-hash.js';
import { presentedKey } from './presented-key.js';
import type { Principal } from './principal.js';

/** What the key headers proved. */
export type Authentication =
  | { readonly kind: 'principal'; readonly principal: Principal }
  | { readonly kind: 'anonymous' }
  /** A key was sent and does not count, whatever the reason. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'conflicting' }
  /** `x-agent-name` cannot be a name. */
  | { readonly kind: 'misattributed' };

const ANONYMOUS: Authentication = { kind: 'anonymous' };
const REFUSED: Authentication = { kind: 'refused' };
const CONFLICTING: Authentication = { kind: 'conflicting' };
const MISATTRIBUTED: Authentication = { kind: 'misattributed' };
const UNFIT_FOR_A_NAME = /[\p{Cc}\ufffd]/u;

/**
 * Turns key headers into a principal. One keyed hash and one look-up in memory (one more for each older master key that is
 * still configured, and only when the newest finds nothing): no I/O while the log is followed, no comparison of secrets.
 */
export class Authenticator {
  constructor(
    private readonly directory: KeyDirectory,
    /** Newest first. */
    private readonly peppers: readonly Buffer[],
  ) {}

  /** A promise only when the directory must ask the log; it rejects with a 503 when nobody can tell now. */
  authenticate(headers: IncomingHttpHeaders, isRead: boolean): Authentication | Promise<Authentication> {
    const presented = presentedKey(headers);
    if (presented.kind === 'none') return ANONYMOUS;
    if (presented.kind === 'conflicting') return CONFLICTING;
    if (!isKeyShaped(presented.key)) return REFUSED;
    const attribution = headers['x-agent-name'] as string | undefined;
    const found = this.look(presented.key, isRead);
    return found instanceof Promise
      ? found.then((record) => authenticated(record, attribution))
      : authenticated(found, attribution);
  }

  private look(key: string, isRead: boolean, at = 0): KeyRecord | undefined | Promise<KeyRecord | undefined> {
    const pepper = this.peppers[at];
    if (pepper === undefined) return undefined;
    const found = this.directory.find(keyHash(key, pepper), isRead);
    if (found instanceof Promise) return found.then((record) => record ?? this.look(key, isRead, at + 1));
    return found ?? this.look(key, isRead, at + 1);
  }
}

function authenticated(record: KeyRecord | undefined, attribution: string | undefined): Authentication {
  if (record === undefined) return REFUSED;
  if (attribution === undefined) return { kind: 'principal', principal: record.principal };
  return attributed(record, agentNameOf(attribution));
}

function attributed(record: KeyRecord, name: string | undefined): Authentication {
  if (name === undefined) return MISATTRIBUTED;
  if (record.agentName !== undefined && record.agentName !== name) return REFUSED;
  return { kind: 'principal', principal: { ...record.principal, attributedTo: name } };
}

/** Header bytes arrive as Latin-1; names are UTF-8. */
function agentNameOf(header: string): string | undefined {
  const name = Buffer.from(header, 'latin1').toString('utf8').trim().normalize('NFC');
  const fits = name.length > 0 && name.length <= 200 && !UNFIT_FOR_A_NAME.test(name);
  return fits ? name : undefined;
}

export const unauthenticated = () => new Refusal(401, 'Authentication required');
