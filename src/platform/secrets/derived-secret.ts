import { hkdfSync } from 'node:crypto';
import type { MasterKey } from '../config/config.js';

const MOST_KEPT = 20_000;

/**
 * Secrets that are needed in clear and stored nowhere: each is derived from a master key, its purpose, and what names it.
 * The same parts give the same secret in every process and after every restore.
 */
export class DerivedSecrets {
  private readonly known = new Map<string, string>();

  constructor(
    private readonly masterKeys: readonly MasterKey[],
    private readonly purpose: string,
  ) {}

  /** The master key that new secrets are derived from. */
  get masterKeyId(): string {
    return this.masterKeys[0]?.id ?? '';
  }

  /** `whsec_` and 32 bytes in base64; undefined when the master key is not configured any more. */
  shown(masterKeyId: string, ...parts: readonly string[]): string | undefined {
    const info = lengthPrefixed(this.purpose, ...parts);
    const name = `${masterKeyId} ${info}`;
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const bytes = this.bytes(masterKeyId, info);
    if (bytes === undefined) return undefined;
    const shown = `whsec_${bytes.toString('base64')}`;
    if (this.known.size >= MOST_KEPT) this.known.clear();
    this.known.set(name, shown);
    return shown;
  }

  /** 32 bytes for a key of our own; undefined when the master key is not configured any more. */
  key(masterKeyId: string, ...parts: readonly string[]): Buffer | undefined {
    return this.bytes(masterKeyId, lengthPrefixed(this.purpose, ...parts));
  }

  private bytes(masterKeyId: string, info: string): Buffer | undefined {
    const master = this.masterKeys.find(({ id }) => id === masterKeyId);
    return master === undefined ? undefined : Buffer.from(hkdfSync('sha256', master.value, Buffer.alloc(0), info, 32));
  }
}

function lengthPrefixed(purpose: string, ...parts: readonly string[]): string {
  return [purpose, ...parts].map((part) => `${part.length}:${part}`).join('');
}
