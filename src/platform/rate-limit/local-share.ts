import type { BucketSize, Grant } from './bucket-ledger.js';

/** Unused tokens of a share lapse after this; the shared bucket has refilled by then anyway. */
const LAPSE_MS = 60_000;

/** What one process holds of one shared bucket. Times are monotonic milliseconds. */
export class LocalShare {
  lastUsedAt = 0;
  /** A draw that is under way; requests that find nothing wait for it. */
  pending: Promise<void> | undefined;
  private held = 0;
  private drawnAt = 0;
  private leftInLedger: number;
  private emptyUntil = 0;

  constructor(
    readonly bucket: string,
    readonly size: BucketSize,
  ) {
    this.leftInLedger = size.capacity;
  }

  /** How many tokens a process asks for at once: a tenth, so that two processes share fairly. */
  get slice(): number {
    return Math.max(1, Math.ceil(this.size.capacity / 10));
  }

  /** True when it is time to fetch more before somebody has to wait. */
  get isLow(): boolean {
    return this.size.capacity > 100 && this.held <= this.slice / 3 && this.pending === undefined;
  }

  /** Takes one held token, if there is one. */
  take(now: number): boolean {
    this.lastUsedAt = now;
    if (now - this.drawnAt > LAPSE_MS) this.held = 0;
    if (this.held < 1) return false;
    this.held -= 1;
    return true;
  }

  /** The shared bucket said that it is empty, and it still is. */
  isKnownEmpty(now: number): boolean {
    return now < this.emptyUntil;
  }

  accept(grant: Grant, now: number): void {
    this.held += grant.granted;
    this.leftInLedger = grant.left;
    this.drawnAt = now;
    if (grant.granted === 0) this.emptyUntil = now + ((1 - grant.left) / this.size.perSecond) * 1000;
  }

  /** The ledger is away: refill by ourselves, as if we were the only process. */
  refillAlone(now: number): void {
    const elapsed = Math.max(0, now - this.drawnAt) / 1000;
    const level = this.drawnAt === 0 ? this.size.capacity : this.held + elapsed * this.size.perSecond;
    this.held = Math.min(this.size.capacity, level);
    this.leftInLedger = 0;
    this.drawnAt = now;
    if (this.held < 1) this.emptyUntil = now + ((1 - this.held) / this.size.perSecond) * 1000;
  }

  get remaining(): number {
    return Math.max(0, Math.floor(this.held + this.leftInLedger));
  }

  /** Seconds until the bucket is full again. */
  get resetSeconds(): number {
    return Math.ceil((this.size.capacity - this.remaining) / this.size.perSecond);
  }

  retryAfterSeconds(now: number): number {
    return Math.max(1, Math.ceil((this.emptyUntil - now) / 1000));
  }
}
