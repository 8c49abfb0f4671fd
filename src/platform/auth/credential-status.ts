import type { Principal } from './principal.js';

/** Whether a credential that was good a while ago still is: asked for tickets, and for streams that stay open for hours. */
export abstract class CredentialStatus {
  /** Rejects when that cannot be told now. */
  abstract isActive(principal: Principal): Promise<boolean>;

  /** Told of every credential that ends before its time, as soon as this process learns it. Gives back the way to leave. */
  abstract onEnded(listener: (credentialId: string) => void): () => void;
}
