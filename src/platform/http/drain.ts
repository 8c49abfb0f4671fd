const POLL_MS = 20;

/** Counts open requests, event streams included, so that a stop can wait for them. */
export class Drain {
  private open = 0;
  private draining = false;

  get isDraining(): boolean {
    return this.draining;
  }

  get openRequests(): number {
    return this.open;
  }

  begin(): void {
    this.open += 1;
  }

  readonly end = (): void => {
    this.open -= 1;
  };

  /** From now on new work is refused with 503. */
  start(): void {
    this.draining = true;
  }

  /** Resolves when nothing is open any more, or after `boundMs`. */
  async finished(boundMs: number): Promise<void> {
    const deadline = performance.now() + boundMs;
    while (this.open > 0 && performance.now() < deadline) {
      await new Promise((resolve) => {
        setTimeout(resolve, POLL_MS);
      });
    }
  }
}
