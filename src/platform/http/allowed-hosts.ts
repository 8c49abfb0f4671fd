import { isIP } from 'node:net';

const EVERY_ADDRESS = ['0.0.0.0', '::'];

/**
 * Guards against DNS rebinding: a web page that made its own name point here still sends that name. Exactly the listed
 * names are allowed; `.example.org` also allows what lies below it, `*` everything. A list that names the unspecified
 * address (we listen everywhere and nobody said under which name) allows every plain address: none can be rebound.
 * Ports do not matter.
 */
export class AllowedHosts {
  private readonly names: ReadonlySet<string>;
  private readonly suffixes: readonly string[];
  private readonly addresses: boolean;
  private lastAllowed: string | undefined;

  constructor(listed: readonly string[]) {
    const names = listed.map((name) => name.toLowerCase().replace(/^\[(.*)\]$/, '$1'));
    this.suffixes = names.filter((name) => name.startsWith('.'));
    this.names = new Set([...names, ...this.suffixes.map((suffix) => suffix.slice(1))]);
    this.addresses = EVERY_ADDRESS.some((address) => this.names.has(address));
  }

  /** `header`: the value of `Host`. */
  allows(header: string): boolean {
    if (header === this.lastAllowed) return true;
    const name = hostName(header);
    const allowed = name !== undefined && this.allowsName(name);
    if (allowed) this.lastAllowed = header;
    return allowed;
  }

  private allowsName(name: string): boolean {
    if (this.names.has('*') || this.names.has(name)) return true;
    if (this.addresses && isIP(name) !== 0) return true;
    return this.suffixes.some((suffix) => name.endsWith(suffix));
  }
}

/** The host of a `Host` header in lower case, without port and brackets; undefined when it is no host. */
function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@,[\]\\]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
