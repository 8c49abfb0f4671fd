import type { EnvironmentKey } from '../config/config.js';
import type { Principal } from './principal.js';

/** A key that this process knows. */
export interface KeyRecord {
  /** What a request with this key is, before attribution. */
  readonly principal: Principal;
  /** The name of the key's agent, for a per-agent key. */
  readonly agentName?: string;
}

/** All keys of the installation in memory, by the hash of the key. */
export abstract class KeyDirectory {
  /**
   * Undefined: unknown, expired or revoked; the caller cannot tell which. A promise only when memory alone cannot tell
   * now; it rejects with a 503 when the log cannot either. `isRead`: the request changes nothing, so that what was known
   * a while ago may do.
   */
  abstract find(hash: string, isRead: boolean): KeyRecord | undefined | Promise<KeyRecord | undefined>;
}

/** The keys that the operator gave at start. They change only by a restart. */
export class EnvironmentKeyDirectory extends KeyDirectory {
  private readonly byHash: ReadonlyMap<string, KeyRecord>;

  constructor(keys: readonly EnvironmentKey[]) {
    super();
    this.byHash = new Map(keys.map((key) => [key.hash, { principal: principalOf(key) }]));
  }

  find(hash: string): KeyRecord | undefined {
    return this.byHash.get(hash);
  }
}

/** What a request with an environment key is. */
export function principalOf(key: EnvironmentKey): Principal {
  return {
    credentialId: key.id,
    via: 'header',
    role: key.role,
    scopes: [],
    workspaceId: key.workspaceId,
    actor: { kind: 'key', id: key.id, name: key.name },
  };
}
