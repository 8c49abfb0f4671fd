/** A wait that something else can cut short. One waiter at a time. */
export class Wakeable {
  private wakeNow: (() => void) | undefined;

  /** Waits until woken, or for `ms` at most. */
  async wait(ms?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wakeNow = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.wakeNow = undefined;
  }

  wake(): void {
    this.wakeNow?.();
  }
}

/** Waits between attempts: doubles from `first`, up to `last`, with jitter so that processes do not march in step. */
export class BackOff {
  private attempt = 0;

  constructor(
    private readonly first = 50,
    private readonly last = 2_000,
  ) {}

  next(): number {
    const ceiling = Math.min(this.first * 2 ** this.attempt, this.last);
    this.attempt = Math.min(this.attempt + 1, 16);
    return ceiling / 2 + Math.random() * (ceiling / 2);
  }

  reset(): void {
    this.attempt = 0;
  }
}
