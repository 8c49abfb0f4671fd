import { hkdfSync, randomBytes } from 'node:crypto';
import { KEY_BYTES, keyFrom } from '../platform/auth/key-format.js';
import { keyHash, keyPepper } from '../platform/auth/key-hash.js';
import type { CommandContext } from '../platform/command/command-context.js';
import type { MasterKey } from '../platform/config/config.js';

export type KeyPrefix = 'mca_' | 'mck_';

/** A key in clear, on its way into the one answer that shows it. */
export interface MintedKey {
  readonly key: string;
  readonly hash: string;
  readonly masterKeyId: string;
}

interface Die {
  readonly id: string;
  readonly secret: Buffer;
  readonly pepper: Buffer;
}

/**
 * Makes keys. Without an `Idempotency-Key` a key is 178 random bits. With one it is derived from the master key and the
 * id of the command, so that a repeat of the request can be answered with the same key although nothing kept it.
 */
export class KeyMint {
  private readonly dies: readonly Die[];

  constructor(masterKeys: readonly MasterKey[]) {
    this.dies = masterKeys.map(({ id, value }) => ({ id, secret: value, pepper: keyPepper(value) }));
  }

  mint(context: CommandContext, prefix: KeyPrefix): MintedKey {
    const [newest] = this.dies;
    if (newest === undefined) throw new Error('there is no master key to issue keys under');
    const key = context.keyed ? derived(newest, context, prefix) : keyFrom(prefix, randomBytes(KEY_BYTES));
    return { key, hash: keyHash(key, newest.pepper), masterKeyId: newest.id };
  }

  /** The key that this very command issued, if one of the configured master keys gives it. */
  mintedBefore(context: CommandContext, prefix: KeyPrefix, hash: string): string | undefined {
    if (!context.keyed) return undefined;
    return this.dies
      .map((die) => ({ key: derived(die, context, prefix), pepper: die.pepper }))
      .find(({ key, pepper }) => keyHash(key, pepper) === hash)?.key;
  }
}

function derived({ secret }: Die, { workspaceId, commandId }: CommandContext, prefix: KeyPrefix): string {
  const parts = [prefix, String(workspaceId), commandId].map((part) => `${part.length}:${part}`).join('');
  return keyFrom(
    prefix,
    Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `mc/issued-key/v1${parts}`, KEY_BYTES)),
  );
}
