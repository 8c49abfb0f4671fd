type Wake = () => void;

/** Who sleeps until something is committed: readers of everything, and readers of single streams. */
export class CommitSignals {
  private readonly all = new Set<Wake>();
  private readonly streams = new Map<string, Set<Wake>>();

  /** Wakes at every commit. Returns the function that ends it. */
  onCommit(wake: Wake): () => void {
    this.all.add(wake);
    return () => this.all.delete(wake);
  }

  /** Wakes at commits that touch the stream. Returns the function that ends it. */
  onStream(name: string, wake: Wake): () => void {
    const wakes = this.streams.get(name) ?? new Set();
    this.streams.set(name, wakes.add(wake));
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.streams.get(name) === wakes) this.streams.delete(name);
    };
  }

  notify(streamNames: Iterable<string>): void {
    for (const wake of this.all) wake();
    if (this.streams.size === 0) return;
    for (const name of streamNames) {
      for (const wake of this.streams.get(name) ?? []) wake();
    }
  }
}
