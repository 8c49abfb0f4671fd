/** How many streams there are, per credential and in the process. */
export class StreamSlots {
  readonly #perCredential = new Map<string, number>();
  #all = 0;

  constructor(private readonly limits: { readonly perCredential: number; readonly perProcess: number }) {}

  get taken(): number {
    return this.#all;
  }

  /** Gives back the way to release the slot (once; a repeat does nothing); undefined when there is none left. */
  take(credentialId: string): (() => void) | undefined {
    const own = this.#perCredential.get(credentialId) ?? 0;
    if (own >= this.limits.perCredential || this.#all >= this.limits.perProcess) return undefined;
    this.#perCredential.set(credentialId, own + 1);
    this.#all += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#all -= 1;
      const left = (this.#perCredential.get(credentialId) ?? 1) - 1;
      if (left === 0) this.#perCredential.delete(credentialId);
      else this.#perCredential.set(credentialId, left);
    };
  }
}
