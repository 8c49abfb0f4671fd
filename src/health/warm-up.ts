/** Resolves when a part of this process has reached what it stands on for the first time. Never rejects. */
export type FirstContact = Promise<unknown>;

/**
 * The first moments of a process: it listens, but has not reached the event store and the read models yet, so it would
 * answer 503 to what it serves a moment later. It is not ready until then. A part that is really away must not keep the
 * process out of service for ever: after the bound, in ms, it counts as started, and the checks tell what is missing.
 */
export class WarmUp {
  #over = false;
  readonly #end: Promise<void>;

  constructor(contacts: readonly FirstContact[], boundMs: number) {
    this.#end = new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#over = true;
        resolve();
      };
      const timer = setTimeout(end, boundMs).unref();
      void Promise.all(contacts).then(end);
    });
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Resolves when it is over. */
  end(): Promise<void> {
    return this.#end;
  }
}
