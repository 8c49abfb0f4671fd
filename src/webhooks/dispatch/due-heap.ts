/** Things by the instant at which they are due; the earliest comes out first. */
export class DueHeap<T> {
  private readonly heap: { readonly at: number; readonly item: T }[] = [];

  get size(): number {
    return this.heap.length;
  }

  /** When the earliest is due. */
  get next(): number | undefined {
    return this.heap[0]?.at;
  }

  put(at: number, item: T): void {
    this.heap.push({ at, item });
    let index = this.heap.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.atOf(parent) <= at) break;
      this.swap(index, parent);
      index = parent;
    }
  }

  /** The earliest, when it is due by `now`. */
  takeDue(now: number): T | undefined {
    const [first] = this.heap;
    if (first === undefined || first.at > now) return undefined;
    const last = this.heap.pop();
    if (last !== undefined && this.heap.length > 0) {
      this.heap[0] = last;
      this.sink();
    }
    return first.item;
  }

  private sink(): void {
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const least = this.atOf(left + 1) < this.atOf(left) ? left + 1 : left;
      if (this.atOf(least) >= this.atOf(index)) return;
      this.swap(index, least);
      index = least;
    }
  }

  private atOf(index: number): number {
    return this.heap[index]?.at ?? Infinity;
  }

  private swap(one: number, other: number): void {
    const [a, b] = [this.heap[one], this.heap[other]];
    if (a === undefined || b === undefined) return;
    this.heap[one] = b;
    this.heap[other] = a;
  }
}
