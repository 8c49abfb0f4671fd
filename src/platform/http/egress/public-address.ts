import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Addresses of providers' machines that the registries call ordinary unicast. */
const PROVIDER_ADDRESSES = new Set(['168.63.129.16']);

/** A subnet in CIDR notation, read. */
export type Subnet = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Reads `10.0.0.0/8, fd00::/8`; a bare address stands for itself. Throws an `Error` naming the entry that is no subnet.
 */
export function readSubnets(text: string): readonly Subnet[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      try {
        if (entry.includes('/')) return ipaddr.parseCIDR(entry);
        const address = ipaddr.parse(entry);
        return [address, address.kind() === 'ipv4' ? 32 : 128];
      } catch {
        throw new Error(`${entry} is no subnet`);
      }
    });
}

/**
 * Whether a connection to this address leaves for the public internet, or is allowed on purpose. Takes the text of an
 * address that is about to be dialled, never a name. IPv4 inside of IPv6 is judged as the IPv4 that it is
 * (`::ffff:0:0/96`), or refused where the library takes it for unicast (`::/96`).
 */
export function mayBeDialled(text: string, allowed: readonly Subnet[], own: ReadonlySet<string>): boolean {
  if (isIP(text) === 0) return false;
  const address = ipaddr.process(text);
  if (allowed.some(([net, bits]) => net.kind() === address.kind() && address.match(net, bits))) return true;
  const plain = address.toString();
  if (PROVIDER_ADDRESSES.has(plain) || own.has(plain)) return false;
  return address.range() === 'unicast' && !isIpv4Compatible(address);
}

function isIpv4Compatible(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return (
    address.kind() === 'ipv6' &&
    address
      .toByteArray()
      .slice(0, 12)
      .every((byte) => byte === 0)
  );
}
