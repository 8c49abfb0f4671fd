/** A token bucket: it holds at most `capacity` and refills evenly. */
export interface BucketSize {
  readonly capacity: number;
  readonly perSecond: number;
}

export interface Draw extends BucketSize {
  readonly bucket: string;
  /** Whole tokens, at most `capacity`. */
  readonly wanted: number;
}

export interface Grant {
  /** Whole tokens, 0 to `wanted`. */
  readonly granted: number;
  /** What the shared bucket holds now. */
  readonly left: number;
}

/** The buckets that all processes of an installation share. */
export abstract class BucketLedger {
  /** One answer a draw, in the same order. Rejects when the ledger is away; then nothing is known to be taken. */
  abstract draw(draws: readonly Draw[]): Promise<readonly Grant[]>;
}
