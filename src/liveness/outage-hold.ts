/**
 * When silence may be held against agents. While the service itself could not hear them it may not: after a start, and
 * after every outage of the API, the store or the database, one full timeout must pass before the first expiry.
 */
export class OutageHold {
  private holdUntilMs: number;

  /** Times are monotonic milliseconds. */
  constructor(
    nowMs: number,
    private readonly timeoutMs: number,
  ) {
    this.holdUntilMs = nowMs + timeoutMs;
  }

  /** The service could not hear agents just now. */
  outage(nowMs: number): void {
    this.holdUntilMs = nowMs + this.timeoutMs;
  }

  allows(nowMs: number): boolean {
    return nowMs >= this.holdUntilMs;
  }
}
