import { isIP } from 'node:net';

const LOOPBACK_NAMES = ['localhost', 'ip6-localhost'];

/**
 * Guards against DNS rebinding: a web page that made its own name point here still sends that name. Without a list,
 * loopback names, the host we listen on and plain addresses are allowed (an address cannot be rebound). A list allows
 * exactly its names; `.example.org` also allows what lies below it, `*` allows everything. Ports do not matter.
 */
export class AllowedHosts {
  private readonly names: ReadonlySet<string>;
  private readonly suffixes: readonly string[];
  private readonly everything: boolean;
  private readonly addresses: boolean;
  private lastAllowed = '';

  constructor(listed: readonly string[], listenHost: string) {
    const names = (listed.length === 0 ? [...LOOPBACK_NAMES, listenHost] : listed).map((name) => name.toLowerCase());
    this.everything = names.includes('*');
    this.addresses = listed.length === 0;
    this.suffixes = names.filter((name) => name.startsWith('.'));
    this.names = new Set([...names, ...this.suffixes.map((suffix) => suffix.slice(1))]);
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
    if (this.everything || this.names.has(name)) return true;
    if (this.addresses && isIP(name) !== 0) return true;
    return this.suffixes.some((suffix) => name.endsWith(suffix));
  }
}

/** The host of a `Host` header in lower case, without port and brackets; undefined when it is no host. */
function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@,[\]\\]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
