/**
 * When silence may be held against agents. While the service itself could not hear them it may not: after a start, and
 * after every outage of the API, the store or the database, one full timeout must pass before the first expiry.
 */
export class OutageHold {
  /** Times are monotonic milliseconds. */
  constructor(private hearingSinceMs: number) {}

  /** The service could not hear agents just now. */
  outage(nowMs: number): void {
    this.hearingSinceMs = nowMs;
  }

  /** Whether agents could be heard for as long as they may be silent. */
  allows(nowMs: number, timeoutSeconds: number): boolean {
    return this.heardSeconds(nowMs) >= timeoutSeconds;
  }

  /** For how long agents could be heard without a break. */
  heardSeconds(nowMs: number): number {
    return (nowMs - this.hearingSinceMs) / 1_000;
  }
}
