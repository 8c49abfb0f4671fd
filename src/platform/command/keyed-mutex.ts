/**
 * Runs work for one key one after the other, in order of arrival; different keys run side by side. Retries of the
 * decision loop then only meet other processes, and 64 callers on one stream cost 64 appends and no storm.
 */
export class KeyedMutex {
  private readonly tails = new Map<string, Promise<void>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key) ?? Promise.resolve();
    const result = before.then(work);
    const tail = result.then(noop, noop);
    this.tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    }
  }
}

function noop(): void {}
