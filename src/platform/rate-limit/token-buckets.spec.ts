import { describe, expect, it } from '@jest/globals';
import { BucketLedger, type Draw, type Grant } from './bucket-ledger.js';
import { TokenBuckets } from './token-buckets.js';

class LedgerOf extends BucketLedger {
  readonly draws: Draw[][] = [];

  constructor(private tokens: number) {
    super();
  }

  draw(draws: readonly Draw[]): Promise<readonly Grant[]> {
    this.draws.push([...draws]);
    return Promise.resolve(
      draws.map(({ wanted }) => {
        const granted = Math.min(wanted, this.tokens);
        this.tokens -= granted;
        return { granted, left: this.tokens };
      }),
    );
  }
}

class LedgerAway extends BucketLedger {
  asked = 0;

  draw(): Promise<never> {
    this.asked += 1;
    return Promise.reject(new Error('away'));
  }
}

const size = { capacity: 30, perSecond: 0.001 };

async function allowed(buckets: TokenBuckets, attempts: number, bucket = 'b'): Promise<number> {
  let count = 0;
  for (let i = 0; i < attempts; i += 1) if ((await buckets.take(bucket, size)).allowed) count += 1;
  return count;
}

describe('token buckets', () => {
  it('allow exactly what the ledger grants, a tenth at a time', async () => {
    const ledger = new LedgerOf(30);
    const buckets = new TokenBuckets(ledger);
    expect(await allowed(buckets, 50)).toBe(30);
    expect(ledger.draws.every(([draw]) => draw?.wanted === 3)).toBe(true);
    buckets.stop();
  });

  it('ask no more once the ledger said that the bucket is empty', async () => {
    const ledger = new LedgerOf(0);
    const buckets = new TokenBuckets(ledger);
    expect(await allowed(buckets, 20)).toBe(0);
    expect(ledger.draws).toHaveLength(1);
    buckets.stop();
  });

  it('gather what is asked at the same time into one statement', async () => {
    const ledger = new LedgerOf(1000);
    const buckets = new TokenBuckets(ledger);
    const names = Array.from({ length: 40 }, (_, i) => `bucket-${i % 20}`);
    const taken = await Promise.all(names.map(async (name) => buckets.take(name, size)));
    expect(taken.every((each) => each.allowed)).toBe(true);
    expect(ledger.draws.map((draws) => draws.length)).toEqual([20]);
    buckets.stop();
  });

  it('answer at once, without a promise, while a slice is held', async () => {
    const buckets = new TokenBuckets(new LedgerOf(30));
    await buckets.take('b', size);
    expect(buckets.take('b', size)).not.toBeInstanceOf(Promise);
    buckets.stop();
  });

  it.each([
    ['away', new LedgerAway()],
    ['not there at all', undefined],
  ])('count alone while the ledger is %s', async (_, ledger) => {
    const buckets = new TokenBuckets(ledger);
    expect(await allowed(buckets, 50)).toBe(30);
    expect(await allowed(buckets, 50, 'another')).toBe(30);
    if (ledger !== undefined) expect(ledger.asked).toBe(1);
    buckets.stop();
  });
});
