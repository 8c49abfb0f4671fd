import { BlockList, isIP, isIPv4 } from 'node:net';
import type { IncomingMessage } from 'node:http';

/** An IPv4-mapped IPv6 address as the IPv4 address that it is; everything else unchanged. */
export function plainAddress(address: string): string {
  if (!address.startsWith('::ffff:')) return address;
  const mapped = address.slice(7);
  return isIPv4(mapped) ? mapped : address;
}

/**
 * Finds out who a request comes from. That is the socket, unless the socket is a trusted proxy: then the right-most
 * address of `x-forwarded-for` that is no trusted proxy, else `x-real-ip`. What a client wrote further left is ignored.
 */
export class ClientAddresses {
  private readonly trusted = new BlockList();
  private readonly trustsAnybody: boolean;

  /** `proxies`: addresses or CIDR ranges. Throws a sentence naming an entry that is neither. */
  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) this.trust(proxy);
    this.trustsAnybody = proxies.length > 0;
  }

  of(request: IncomingMessage): string {
    const peer = plainAddress(request.socket.remoteAddress ?? '0.0.0.0');
    if (!this.trustsAnybody || !this.isTrusted(peer)) return peer;
    return this.forwardedFor(request) ?? realIp(request) ?? peer;
  }

  private forwardedFor(request: IncomingMessage): string | undefined {
    const header = request.headers['x-forwarded-for'];
    const hops = (typeof header === 'string' ? header : '').split(',').map((hop) => plainAddress(hop.trim()));
    for (const hop of hops.toReversed()) {
      if (isIP(hop) === 0) return undefined;
      if (!this.isTrusted(hop)) return hop;
    }
    return undefined;
  }

  private isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.trusted.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }

  private trust(proxy: string): void {
    const [address = '', prefix] = proxy.split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? undefined : Number(prefix);
    if (version === 0 || (bits !== undefined && !(Number.isInteger(bits) && bits >= 0 && bits <= 128))) {
      throw new Error(`MC_TRUSTED_PROXIES: ${proxy} is neither an address nor a CIDR range`);
    }
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) this.trusted.addAddress(address, family);
    else this.trusted.addSubnet(address, bits, family);
  }
}

function realIp(request: IncomingMessage): string | undefined {
  const header = request.headers['x-real-ip'];
  const address = plainAddress(typeof header === 'string' ? header.trim() : '');
  return isIP(address) === 0 ? undefined : address;
}
