import type { EnvironmentKey } from '../config/config.js';
import type { Principal } from './principal.js';

/** Whether a credential that was good a while ago still is: asked for tickets, and for streams that stay open for hours. */
export abstract class CredentialStatus {
  /** Rejects when that cannot be told now. */
  abstract isActive(principal: Principal): Promise<boolean>;
}

/** The keys that the operator gave at start: they live as long as the process. */
export class EnvironmentCredentialStatus extends CredentialStatus {
  readonly #ids: ReadonlySet<string>;

  constructor(keys: readonly EnvironmentKey[]) {
    super();
    this.#ids = new Set(keys.map((key) => key.id));
  }

  isActive(principal: Principal): Promise<boolean> {
    return Promise.resolve(this.#ids.has(principal.credentialId));
  }
}
