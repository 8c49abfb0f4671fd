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

/** Turns key headers into a principal. One keyed hash and one look-up in memory: no I/O, no comparison of secrets. */
export class Authenticator {
  constructor(
    private readonly directory: KeyDirectory,
    private readonly pepper: Buffer,
  ) {}

  authenticate(headers: IncomingHttpHeaders): Authentication {
    const presented = presentedKey(headers);
    if (presented.kind === 'none') return ANONYMOUS;
    if (presented.kind === 'conflicting') return CONFLICTING;
    if (!isKeyShaped(presented.key)) return REFUSED;
    const record = this.directory.find(keyHash(presented.key, this.pepper));
    if (record === undefined) return REFUSED;
    const attribution = headers['x-agent-name'] as string | undefined;
    if (attribution === undefined) return { kind: 'principal', principal: record.principal };
    return attributed(record, agentNameOf(attribution));
  }
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
