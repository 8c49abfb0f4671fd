/**
 * How often a part may die. What served for a while and then died (a crash, the system's memory killer) is started again at
 * once; what dies three times a minute without having served is broken, and restarting hides that.
 */
export class RestartBudget {
  private failures: number[] = [];

  /** `now` in milliseconds of a monotonic clock. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** A part died after serving for `servedMs`. Gives the delay before the next start, or undefined: give up. */
  died(servedMs: number): number | undefined {
    if (servedMs >= settledMs) {
      this.failures = [];
      return delaysMs[0];
    }
    const now = this.now();
    this.failures = [...this.failures.filter((at) => now - at < windowMs), now];
    return delaysMs[this.failures.length];
  }
}

const settledMs = 2_000;
const windowMs = 60_000;
/** After no, one, two and three quick deaths; the fourth ends it. */
const delaysMs = [100, 250, 1_000, 3_000];
