import type { BucketLedger, BucketSize } from './bucket-ledger.js';
import { LocalShare } from './local-share.js';

const DRAW_TIMEOUT_MS = 250;
const ALONE_FOR_MS = 5_000;
const SWEEP_EVERY_MS = 60_000;
const FORGET_AFTER_MS = 120_000;

/** A decision and the share it was taken from. */
export interface Taken {
  readonly allowed: boolean;
  readonly share: LocalShare;
}

/**
 * Token buckets shared by all processes. The hot path takes from a slice that this process holds in memory; when the
 * slice is empty it draws from the ledger, many buckets in one statement, and never more than one statement at a time.
 * With the ledger away each process goes on alone for 5 s at a time.
 */
export class TokenBuckets {
  private readonly shares = new Map<string, LocalShare>();
  private queue: LocalShare[] = [];
  private flushing: Promise<void> | undefined;
  private aloneUntil = 0;
  private readonly sweeper: NodeJS.Timeout;

  /** Without a ledger every process counts for itself. */
  constructor(private readonly ledger: BucketLedger | undefined) {
    this.sweeper = setInterval(() => this.sweep(performance.now()), SWEEP_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.sweeper);
  }

  /** Takes one token. A promise only when the ledger must be asked first. */
  take(bucket: string, size: BucketSize): Taken | Promise<Taken> {
    const now = performance.now();
    const share = this.shareOf(bucket, size);
    if (share.take(now)) {
      if (share.isLow && !this.isAlone(now)) void this.draw(share);
      return { allowed: true, share };
    }
    if (share.isKnownEmpty(now)) return { allowed: false, share };
    if (this.isAlone(now)) return this.takeAlone(share, now);
    return this.draw(share).then(() => this.takeAfterDraw(share));
  }

  private takeAfterDraw(share: LocalShare): Taken {
    const now = performance.now();
    if (share.take(now)) return { allowed: true, share };
    return this.isAlone(now) ? this.takeAlone(share, now) : { allowed: false, share };
  }

  private takeAlone(share: LocalShare, now: number): Taken {
    share.refillAlone(now);
    return { allowed: share.take(now), share };
  }

  private isAlone(now: number): boolean {
    return this.ledger === undefined || now < this.aloneUntil;
  }

  private shareOf(bucket: string, size: BucketSize): LocalShare {
    const known = this.shares.get(bucket);
    if (known !== undefined) return known;
    const share = new LocalShare(bucket, size);
    this.shares.set(bucket, share);
    return share;
  }

  /** Joins the next statement. Never rejects. */
  private draw(share: LocalShare): Promise<void> {
    if (share.pending !== undefined) return share.pending;
    this.queue.push(share);
    share.pending = this.nextFlush();
    return share.pending;
  }

  private nextFlush(): Promise<void> {
    this.flushing ??= new Promise<void>((resolve) => {
      setImmediate(resolve);
    }).then(() => this.flush());
    return this.flushing;
  }

  private async flush(): Promise<void> {
    const shares = this.queue;
    this.queue = [];
    this.flushing = undefined;
    try {
      const draws = shares.map(({ bucket, size, slice }) => ({ bucket, ...size, wanted: slice }));
      const grants = (await bounded(this.ledger?.draw(draws))) ?? [];
      const now = performance.now();
      shares.forEach((share, index) => share.accept(grants[index] ?? { granted: 0, left: 0 }, now));
    } catch {
      this.aloneUntil = performance.now() + ALONE_FOR_MS;
    } finally {
      for (const share of shares) share.pending = undefined;
    }
  }

  private sweep(now: number): void {
    for (const [bucket, share] of this.shares) {
      if (now - share.lastUsedAt > FORGET_AFTER_MS) this.shares.delete(bucket);
    }
  }
}

async function bounded<T>(work: Promise<T> | undefined): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the bucket ledger did not answer in time')), DRAW_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
