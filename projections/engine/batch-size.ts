const SMALLEST = 100;
const LARGEST = 5_000;
const START = 500;
const FAST_MS = 100;
const SLOW_MS = 400;

/** How many events go into one transaction: doubles while full batches are fast, halves when they are slow. */
export class BatchSize {
  private size: number;

  /** `forced` fixes it, for tests that cut the log in different ways. */
  constructor(private readonly forced?: number) {
    this.size = forced ?? START;
  }

  get current(): number {
    return this.size;
  }

  /** Tells how a batch of `events` went, in ms. */
  took(events: number, ms: number): void {
    if (this.forced !== undefined) return;
    if (ms > SLOW_MS) this.size = Math.max(SMALLEST, Math.floor(this.size / 2));
    else if (ms < FAST_MS && events >= this.size) this.size = Math.min(LARGEST, this.size * 2);
  }
}
