import type { IncomingHttpHeaders } from 'node:http';

const SCHEME = /^(?:bearer|apikey|token) +/i;

/** What the key headers of a request amount to. */
export type PresentedKey =
  | { readonly kind: 'none' }
  | { readonly kind: 'key'; readonly key: string }
  /** Two different keys, or a header sent twice: nobody knows which one is meant. */
  | { readonly kind: 'conflicting' };

const NONE: PresentedKey = { kind: 'none' };
const CONFLICTING: PresentedKey = { kind: 'conflicting' };

/**
 * The key in `x-api-key` or `Authorization: Bearer|ApiKey|Token`. The server joins repeated headers with ", ", so a
 * comma followed by a blank means that a header came twice. Other schemes (a proxy's Basic, say) are no key.
 */
export function presentedKey(headers: IncomingHttpHeaders): PresentedKey {
  const apiKey = headers['x-api-key'] as string | undefined;
  const { authorization } = headers;
  if (authorization === undefined) return apiKey === undefined ? NONE : single(apiKey);
  const scheme = SCHEME.exec(authorization);
  if (scheme === null) return apiKey === undefined ? NONE : single(apiKey);
  const bearer = authorization.slice(scheme[0].length);
  if (apiKey !== undefined && apiKey !== bearer) return CONFLICTING;
  return single(bearer);
}

function single(key: string): PresentedKey {
  return key.includes(', ') ? CONFLICTING : { kind: 'key', key };
}

const KEY_IN_QUERY = /[?&](?:api_key|apikey|api-key|x-api-key|access_token|token)(?:=|&|$)/i;

/** True when the query carries a key under one of the usual names: URLs are logged, so it is refused, right or wrong. */
export function hasKeyInQuery(url: string): boolean {
  const start = url.indexOf('?');
  if (start === -1) return false;
  const query = url.slice(start);
  return KEY_IN_QUERY.test(query) || (query.includes('%') && KEY_IN_QUERY.test(decoded(query)));
}

function decoded(query: string): string {
  return query.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
