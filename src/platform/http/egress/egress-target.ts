import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { mayBeDialled, type Subnet } from './public-address.js';

/** Ports of stores and caches that no webhook receiver listens on. */
const NEVER = new Set([2113, 5432, 6379, 9200, 11_211, 27_017]);

/** Why a URL is not called. `unresolved` may pass: the name can be there a minute later. */
export type EgressRefusal = 'bad_url' | 'bad_scheme' | 'userinfo' | 'bad_port' | 'not_public' | 'unresolved';

/** A URL whose address was checked: exactly this address is dialled. */
export interface EgressTarget {
  readonly url: URL;
  readonly address: string;
  readonly port: number;
  /** The name for TLS and `Host`; undefined when the URL holds an address. */
  readonly name: string | undefined;
}

export type EgressCheck =
  | { readonly kind: 'target'; readonly target: EgressTarget }
  | { readonly kind: 'refused'; readonly reason: EgressRefusal };

/** A name's addresses, IPv4 and IPv6. Empty or rejected: it has none now. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export interface EgressRules {
  /** `http:` is allowed beside `https:`. */
  readonly plainAllowed: boolean;
  /** Subnets that are allowed although they are not public. */
  readonly allowed: readonly Subnet[];
  /** Ports on which this installation itself listens. */
  readonly ownPorts: ReadonlySet<number>;
  readonly resolve: Resolve;
}

/** Resolves with a client of our own: `dns.lookup` would occupy the few threads that files and hashing need. */
export function dnsResolve(): Resolve {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  return async (name) => {
    const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    return found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  };
}

/** What can be said of a URL without asking for its addresses. */
export function readTarget(text: string, rules: Pick<EgressRules, 'plainAllowed' | 'ownPorts'>): URL | EgressRefusal {
  if (!URL.canParse(text)) return 'bad_url';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && rules.plainAllowed)) return 'bad_scheme';
  if (url.username !== '' || url.password !== '') return 'userinfo';
  const port = portOf(url);
  const usual = port === 80 || port === 443 || port >= 1_024;
  return usual && !NEVER.has(port) && !rules.ownPorts.has(port) ? url : 'bad_port';
}

/**
 * Where a request to this URL would go, checked address by address: one bad one among many refuses all. The name is
 * resolved once, and what was checked is what is dialled, so an answer that changes in between changes nothing.
 */
export async function checkTarget(text: string, rules: EgressRules): Promise<EgressCheck> {
  const url = readTarget(text, rules);
  if (typeof url === 'string') return { kind: 'refused', reason: url };
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const literal = isIP(host) !== 0;
  const addresses = literal ? [host] : await rules.resolve(withoutFinalDot(host)).catch(() => []);
  const [first] = addresses;
  if (first === undefined) return { kind: 'refused', reason: 'unresolved' };
  if (!addresses.every((address) => mayBeDialled(address, rules.allowed, ownAddresses()))) {
    return { kind: 'refused', reason: 'not_public' };
  }
  const target = { url, address: first, port: portOf(url), name: literal ? undefined : host };
  return { kind: 'target', target };
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function withoutFinalDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** Asking the kernel for them takes longer than the rest of a check. */
const OWN_ADDRESSES_KEPT_MS = 1_000;
let own: { readonly at: number; readonly addresses: ReadonlySet<string> } | undefined;

function ownAddresses(): ReadonlySet<string> {
  const now = performance.now();
  if (own !== undefined && now - own.at < OWN_ADDRESSES_KEPT_MS) return own.addresses;
  const found = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  own = {
    at: now,
    addresses: new Set(found.map(({ address }) => ipaddr.process(address.replace(/%.*$/, '')).toString())),
  };
  return own.addresses;
}
