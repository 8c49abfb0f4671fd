import { setTimeout as pause } from 'node:timers/promises';

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects work while one flush is in flight and hands it on together. A lone item is flushed at once; while items come
 * side by side (the last group had more than one), the next flush waits `gatherMs`, so that callers who were answered
 * together and come back together share it.
 *
 * `flush` gets at least one item and at most `maxItems`, and returns one settled result per item, in order; when it
 * throws, every item of the group gets that error. Bounded: beyond `maxWaiting` items, `add` rejects with `overload()`.
 */
export class GroupCommit<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private isFlushing = false;
  private lastGroup = 0;
  private readonly idlers: (() => void)[] = [];

  constructor(
    private readonly flush: (items: readonly Item[]) => Promise<readonly PromiseSettledResult<Result>[]>,
    private readonly options: {
      readonly maxItems: number;
      /** Default 0. */
      readonly gatherMs?: number;
      readonly maxWaiting: number;
      readonly overload: () => Error;
    },
  ) {}

  add(item: Item): Promise<Result> {
    if (this.waiting.length >= this.options.maxWaiting) return Promise.reject(this.options.overload());
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.isFlushing) void this.run();
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async idle(): Promise<void> {
    if (!this.isFlushing) return;
    await new Promise<void>((resolve) => {
      this.idlers.push(resolve);
    });
  }

  /** Never rejects. It counts itself out in the same turn in which it finds nothing waiting: an item added then starts anew. */
  private async run(): Promise<void> {
    this.isFlushing = true;
    const { gatherMs = 0 } = this.options;
    // One turn of the event loop, so that requests which arrived together share the first flush.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) {
      if (gatherMs > 0 && this.lastGroup > 1 && this.waiting.length < this.options.maxItems) await pause(gatherMs);
      const group = this.waiting.splice(0, this.options.maxItems);
      this.lastGroup = group.length;
      try {
        const results = await this.flush(group.map(({ item }) => item));
        group.forEach((waiting, index) => settle(waiting, results[index]));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.isFlushing = false;
    for (const resolve of this.idlers.splice(0)) resolve();
  }
}

function settle<Result>(
  { resolve, reject }: Waiting<unknown, Result>,
  result: PromiseSettledResult<Result> | undefined,
): void {
  if (result === undefined) reject(new Error('a flush answered fewer results than it was given items'));
  else if (result.status === 'fulfilled') resolve(result.value);
  else reject(result.reason);
}
