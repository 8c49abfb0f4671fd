import type { EventStore, LogEntry, LogFilter } from '../event-store/event-store.js';
import { comparePositions, isAfter, type Position } from '../event-store/position.js';
import { quietStretchAfter } from './quiet-stretch.js';

/** A step of a reader: all events in (previous `upTo`, `upTo`] that the filter lets pass. May be empty. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Always the position of an event, or where the reading began. */
  readonly upTo: Position;
}

export interface LogPagesOptions {
  readonly after: Position;
  /** Asked after every page: the reading ends when it has reached this. */
  readonly until: () => Position;
  readonly withoutStreamPrefixes: readonly string[];
  /** For the gateway's logs and metrics. */
  readonly name: string;
  readonly maxBatch?: number;
  readonly signal?: AbortSignal;
}

/** Silence after which the log itself is asked what comes next. */
const QUIET_MS = 200;
const LOOK_OVER = 4_096;

/**
 * History as pages, filtered on the server, under back-pressure: the next page is fetched while the present one is in
 * work, and no further. Ends at `until`, on `signal`, or when the consumer leaves the loop; the subscription ends with it.
 *
 * Errors: `PositionRefused` when the store does not take `after`; `StoreUnavailable` when the log could not be asked
 * in a silence. While the store is away in between, it waits.
 */
export async function* logPages(store: EventStore, options: LogPagesOptions): AsyncGenerator<LogPage, void, void> {
  let upTo = options.after;
  if (!isAfter(options.until(), upTo)) return;
  const filter: LogFilter = { withoutStreamPrefixes: options.withoutStreamPrefixes };
  const inbox = new Inbox();
  const subscription = store.subscribeAll(
    { after: options.after, filter, name: options.name, maxBatch: options.maxBatch ?? 512 },
    {
      events: (batch) => inbox.put({ entries: batch, upTo: batch.at(-1)?.position ?? upTo }),
      checkpoint: (position) =>
        position.commit === position.prepare ? inbox.put({ entries: [], upTo: position }) : Promise.resolve(),
    },
  );
  subscription.done.catch((error: unknown) => inbox.fail(error));
  const abort = () => inbox.close();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    while (options.signal?.aborted !== true && isAfter(options.until(), upTo)) {
      const page = await inbox.take(QUIET_MS);
      if (page === 'closed') return;
      if (page === 'quiet') {
        const stretch = await quietStretchAfter(store, upTo, options.withoutStreamPrefixes, LOOK_OVER);
        if (!isAfter(stretch.upTo, upTo)) continue;
        upTo = stretch.upTo;
        yield { entries: [], upTo };
        continue;
      }
      if (!isAfter(page.upTo, upTo)) continue;
      const from = upTo;
      upTo = page.upTo;
      yield { entries: page.entries.filter((entry) => comparePositions(entry.position, from) > 0), upTo };
    }
  } finally {
    options.signal?.removeEventListener('abort', abort);
    inbox.close();
    await subscription.stop();
  }
}

/** A hand-over of one page: `put` resolves when the page was taken, which is the back-pressure of the subscription. */
class Inbox {
  #page: LogPage | undefined;
  #taken: () => void = () => {};
  #wake: () => void = () => {};
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  put(page: LogPage): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#page = page;
    return new Promise((resolve) => {
      this.#taken = resolve;
      this.#wake();
    });
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#page = undefined;
    this.#taken();
    this.#wake();
  }

  async take(patienceMs: number): Promise<LogPage | 'quiet' | 'closed'> {
    if (this.#page === undefined && this.#failure === undefined && !this.#closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patienceMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = () => {};
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#closed) return 'closed';
    const page = this.#page;
    if (page === undefined) return 'quiet';
    this.#page = undefined;
    this.#taken();
    return page;
  }
}
