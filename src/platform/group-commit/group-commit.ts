interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects work while one flush is in flight and hands it on together: no timer, so a lone item is not delayed and a
 * busy stream forms large groups by itself.
 *
 * `flush` gets at least one item and at most `maxItems`, and returns one settled result per item, in order; when it
 * throws, every item of the group gets that error. Bounded: beyond `maxWaiting` items, `add` rejects with `overload()`.
 */
export class GroupCommit<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private running: Promise<void> | undefined;

  constructor(
    private readonly flush: (items: readonly Item[]) => Promise<readonly PromiseSettledResult<Result>[]>,
    private readonly options: {
      readonly maxItems: number;
      readonly maxWaiting: number;
      readonly overload: () => Error;
    },
  ) {}

  add(item: Item): Promise<Result> {
    if (this.waiting.length >= this.options.maxWaiting) return Promise.reject(this.options.overload());
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  private async run(): Promise<void> {
    // One turn of the event loop, so that requests which arrived together share the first flush.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0, this.options.maxItems);
      try {
        const results = await this.flush(group.map(({ item }) => item));
        group.forEach((waiting, index) => settle(waiting, results[index]));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.running = undefined;
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
