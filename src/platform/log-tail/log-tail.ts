import type { EventStore, LogEntry, Subscription } from '../event-store/event-store.js';
import { BEFORE_EVERYTHING, comparePositions, isAfter, type Position } from '../event-store/position.js';
import type { Logger } from '../telemetry/logger.js';
import { quietStretchAfter } from './quiet-stretch.js';

/** Streams that the tails of the api processes leave out: raw evidence that no listener and no decision needs. */
export const TAIL_WITHOUT = ['heartbeat-'] as const;

/**
 * Told of every batch, synchronously and in log order. `upTo`: everything up to here has been handed out, `entries`
 * included; `entries` may be empty when only left-out events passed. Must not throw: it is logged, and the others are served.
 */
export type TailListener = (entries: readonly LogEntry[], upTo: Position) => void;

export interface LogTailOptions {
  /** How many events before the head the tail begins. Default 4,096. */
  readonly behindHead?: number;
  /** How often it proves that it is live, ms. Default 1,000. */
  readonly proveEveryMs?: number;
  /** How long an event that the log holds may be missing before the subscription is replaced, ms. Default 10,000. */
  readonly stalledAfterMs?: number;
}

interface Waiter {
  readonly position: Position;
  readonly settle: (reached: boolean) => void;
}

/** How many left-out events one proof reads over at most; the next one goes on from there. */
const LOOK_OVER = 4_096;
/** How long a proof lets the subscription come by itself before it reads. */
const PATIENCE_MS = 250;
const RETRY_MS = { first: 100, last: 5_000 };

/**
 * The one `$all` subscription of an api process, shared by all that follow the log inside it: the event streams, caches,
 * key tables. Without system events and without {@link TAIL_WITHOUT}.
 *
 * Guarantees: in order, each event once per process life, no gap, across restarts of the store; nothing about how fast.
 * {@link position} only ever is the position of an event, never a checkpoint pair, so that it may be given to clients.
 */
export class LogTail {
  readonly #listeners = new Set<TailListener>();
  readonly #waiters = new Set<Waiter>();
  readonly #started: Promise<void>;
  #markStarted: () => void = () => {};
  #beginning: Position | undefined;
  #position: Position = BEFORE_EVERYTHING;
  #lastEntry: Position | undefined;
  #provenAt: number | undefined;
  #subscription: Subscription | undefined;
  #proof: Promise<void> | undefined;
  #nextProof: NodeJS.Timeout | undefined;
  #running = false;
  #storeState: 'answers' | 'is away' = 'answers';
  #stopped = false;

  constructor(
    private readonly store: EventStore,
    private readonly logger: Logger,
    private readonly options: LogTailOptions = {},
  ) {
    this.#started = new Promise((resolve) => {
      this.#markStarted = resolve;
    });
  }

  /** Everything up to here has been handed to the listeners (or is left out). */
  get position(): Position {
    return this.#position;
  }

  /** The tail hands out what lies after this; undefined until it knows where to begin. */
  get beginning(): Position | undefined {
    return this.#beginning;
  }

  /** The last event handed out in this process's life. */
  get lastEntryPosition(): Position | undefined {
    return this.#lastEntry;
  }

  /** Resolves when the tail knows where it begins, that is when the store was reached for the first time. */
  get started(): Promise<void> {
    return this.#started;
  }

  /** Everything after {@link position} of this moment reaches the listener. Gives back the way to leave. */
  onBatch(listener: TailListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins, a few thousand events before the head, and goes on until {@link stop}, however often the store goes away. */
  start(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    void this.#run();
  }

  /**
   * True when, at some moment within the last `maxSilenceMs`, everything that the store's log held had been handed out.
   * Cheap: a proof runs every second by itself.
   */
  isLive(maxSilenceMs: number): boolean {
    return this.#provenAt !== undefined && performance.now() - this.#provenAt <= maxSilenceMs;
  }

  /** True as soon as {@link position} has reached `position`; false after `timeoutMs`, or when the tail stops. */
  async waitFor(position: Position, timeoutMs: number): Promise<boolean> {
    if (!isAfter(position, this.#position)) return true;
    if (this.#stopped) return false;
    return new Promise((resolve) => {
      const settle = (reached: boolean) => {
        clearTimeout(timer);
        clearTimeout(nudge);
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      const waiter: Waiter = { position, settle };
      const timer = setTimeout(() => settle(!isAfter(position, this.#position)), timeoutMs);
      // The awaited position may be a left-out event's: then only asking the log gets the tail past it.
      const nudge = setTimeout(() => void this.#prove(), Math.min(50, timeoutMs / 2));
      this.#waiters.add(waiter);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#nextProof);
    for (const waiter of this.#waiters) waiter.settle(false);
    await this.#subscription?.stop();
    await this.#proof;
  }

  async #run(): Promise<void> {
    for (let delay = RETRY_MS.first; !this.#stopped; delay = Math.min(delay * 2, RETRY_MS.last)) {
      try {
        this.#beginning ??= await this.#chooseBeginning();
        if (this.#stopped) return;
        this.#subscribe();
        this.#markStarted();
        this.#scheduleProof(0);
        return;
      } catch (error) {
        this.logger.warn({ err: error }, 'the log tail cannot reach the event store yet');
        await pause(delay);
      }
    }
  }

  async #chooseBeginning(): Promise<Position> {
    const recent = await this.store.recentPositions({ max: this.options.behindHead ?? 4_096 });
    const earliest = recent.reduce<Position | undefined>(
      (least, each) => (least === undefined || comparePositions(each, least) < 0 ? each : least),
      undefined,
    );
    this.#position = earliest ?? BEFORE_EVERYTHING;
    return this.#position;
  }

  #subscribe(): void {
    const subscription = this.store.subscribeAll(
      { after: this.#position, filter: { withoutStreamPrefixes: TAIL_WITHOUT }, name: 'log-tail', maxBatch: 512 },
      {
        events: (batch) => {
          if (this.#subscription === subscription) this.#take(batch);
          return Promise.resolve();
        },
        checkpoint: (position) => {
          // In catch-up a server may send (X, 0), which is no event's position: nobody may be given it as a cursor.
          if (this.#subscription === subscription && position.commit === position.prepare) this.#advance([], position);
          return Promise.resolve();
        },
        caughtUp: () => this.#scheduleProof(0),
      },
    );
    this.#subscription = subscription;
    subscription.done.catch((error: unknown) => {
      if (this.#stopped || this.#subscription !== subscription) return;
      this.logger.error({ err: error }, 'the log tail was refused by the event store; trying again');
      setTimeout(() => {
        if (!this.#stopped && this.#subscription === subscription) this.#subscribe();
      }, RETRY_MS.last).unref();
    });
  }

  #take(batch: readonly LogEntry[]): void {
    const fresh = batch.filter((entry) => isAfter(entry.position, this.#position));
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#lastEntry = last.position;
    this.#advance(fresh, last.position);
  }

  #advance(entries: readonly LogEntry[], upTo: Position): void {
    if (!isAfter(upTo, this.#position)) return;
    this.#position = upTo;
    for (const listener of this.#listeners) {
      try {
        listener(entries, upTo);
      } catch (error) {
        this.logger.error({ err: error }, 'a listener of the log tail failed');
      }
    }
    for (const waiter of this.#waiters) {
      if (!isAfter(waiter.position, upTo)) waiter.settle(true);
    }
  }

  #scheduleProof(inMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#nextProof);
    this.#nextProof = setTimeout(() => {
      void this.#prove().then(() => this.#scheduleProof(this.options.proveEveryMs ?? 1_000));
    }, inMs).unref();
  }

  /** One proof at a time; never rejects. */
  #prove(): Promise<void> {
    if (this.#stopped || this.#subscription === undefined) return Promise.resolve();
    this.#proof ??= this.#proveOnce()
      .then(
        () => this.#note('answers', undefined),
        (error: unknown) => this.#note('is away', error),
      )
      .finally(() => {
        this.#proof = undefined;
      });
    return this.#proof;
  }

  /** A line per change, not one a second. */
  #note(state: 'answers' | 'is away', error: unknown): void {
    if (state === this.#storeState) return;
    this.#storeState = state;
    if (state === 'is away') this.logger.warn({ err: error }, 'the log tail cannot ask the event store');
    else this.logger.info({}, 'the log tail can ask the event store again');
  }

  async #proveOnce(): Promise<void> {
    const askedAt = performance.now();
    const head = await this.store.head();
    if (head === undefined || !isAfter(head, this.#position) || (await this.#passes(head, PATIENCE_MS))) {
      this.#provenAt = askedAt;
      return;
    }
    const subscription = this.#subscription;
    const stretch = await quietStretchAfter(this.store, this.#position, TAIL_WITHOUT, LOOK_OVER);
    this.#advance([], stretch.upTo);
    if (stretch.next === undefined) {
      if (stretch.reachedEnd) this.#provenAt = askedAt;
      return;
    }
    if (await this.#passes(stretch.next, this.options.stalledAfterMs ?? 10_000)) return;
    if (this.#stopped || this.#subscription !== subscription) return;
    this.logger.warn({}, 'the log tail missed an event that the log holds: subscribing again');
    this.#subscription = undefined;
    await subscription?.stop();
    this.#subscribe();
  }

  /** As {@link waitFor}, without asking the log in between. */
  async #passes(position: Position, timeoutMs: number): Promise<boolean> {
    if (!isAfter(position, this.#position)) return true;
    return new Promise((resolve) => {
      const settle = (reached: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      const waiter: Waiter = { position, settle };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.#waiters.add(waiter);
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
