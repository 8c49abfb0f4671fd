/** What is used of a readable stream; the client's own types fit no newer `Readable`. */
export interface PullSource {
  read(): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/**
 * Pulls a read or a subscription of the client item by item, without a promise an item: `take` what is buffered, `wait`
 * for more. Nothing is lost between the two. An error is held back until what arrived before it has been taken.
 */
export class PulledStream<T> {
  readonly #source: PullSource;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #resume: (() => void) | undefined;
  #woken = false;

  constructor(source: PullSource) {
    this.#source = source;
    for (const [event, listener] of this.#listeners) source.on(event, listener);
  }

  /** What is buffered, in order, at most `max`; empty when nothing is. */
  take(max: number): T[] {
    const items: T[] = [];
    while (items.length < max) {
      const item = this.#source.read() as T | null;
      if (item === null) return items;
      items.push(item);
    }
    return items;
  }

  /**
   * Resolves when there may be something to take, somebody called `wake`, the source ended, or `timeoutMs` went by in
   * silence. Rejects with the error of the source. Call it only after `take` came back empty.
   */
  async wait(timeoutMs: number): Promise<'woken' | 'ended' | 'silent'> {
    let silent = false;
    if (!this.#woken && !this.#ended && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          silent = true;
          resolve();
        }, timeoutMs);
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resume = undefined;
    }
    if (this.#woken) {
      this.#woken = false;
      return 'woken';
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return silent ? 'silent' : 'ended';
  }

  /** Makes the pending or next `wait` come back at once. */
  readonly wake = (): void => {
    this.#woken = true;
    this.#resume?.();
  };

  /** Stops listening. Errors of a source that is being cancelled are of no interest, but must not end the process. */
  detach(): void {
    for (const [event, listener] of this.#listeners) this.#source.off(event, listener);
    this.#source.on('error', () => undefined);
    this.wake();
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#resume?.();
  };

  readonly #onError = (error: unknown): void => {
    this.#failure ??= { error };
    this.#resume?.();
  };

  readonly #listeners = [
    ['readable', this.wake],
    ['end', this.#onEnd],
    ['close', this.#onEnd],
    ['error', this.#onError],
  ] as const;
}
