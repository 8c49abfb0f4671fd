import { isIPv4, isIPv6 } from 'node:net';

/** The network of an address: `bits` is a multiple of 8 for IPv4 and of 16 for IPv6. Unreadable: `unknown`. */
export function networkOf(address: string, bits: { readonly v4: 8 | 16 | 24 | 32; readonly v6: 48 | 64 }): string {
  if (isIPv4(address)) {
    const kept = address.split('.').slice(0, bits.v4 / 8);
    return bits.v4 === 32 ? address : `${[...kept, ...zeros(4 - kept.length)].join('.')}/${bits.v4}`;
  }
  if (!isIPv6(address)) return 'unknown';
  return `${groupsOf(address)
    .slice(0, bits.v6 / 16)
    .join(':')}::/${bits.v6}`;
}

function zeros(count: number): string[] {
  return Array.from({ length: count }, () => '0');
}

/** The eight groups of an IPv6 address, without leading zeros; a zone or a dotted tail counts as what it stands for. */
function groupsOf(address: string): string[] {
  const [plain = ''] = address.toLowerCase().split('%');
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...zeros(missing), ...right].map((group) => group.replace(/^0+(?=.)/, ''));
}
