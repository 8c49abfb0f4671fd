/** How evenly: a tenth of a second's worth may go at once. */
const BURST_SECONDS = 0.1;

/** At most so many a second, spread evenly. Times are monotonic ms. */
export class Pace {
  private readonly spacingMs: number;
  private readonly burstMs: number;
  private due = 0;

  constructor(perSecond: number) {
    this.spacingMs = 1_000 / perSecond;
    this.burstMs = BURST_SECONDS * 1_000;
  }

  /** How long until the next one may go; 0: now. */
  waitMs(now: number): number {
    return Math.max(0, this.due - this.burstMs - now);
  }

  take(now: number): void {
    this.due = Math.max(this.due, now) + this.spacingMs;
  }
}
