import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  START,
  streamNameFilter,
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  type EventStoreDBClient,
} from '@eventstore/db-client';
import { backoffMs, pause } from './backoff.js';
import { decode, isEndMarker, positionOf } from './event-decoder.js';
import type { EventRegistry } from './event-registry.js';
import { PositionRefused, ReadRefused } from './event-store.errors.js';
import type { LogEntry, LogFilter, Subscription, SubscriptionHandler } from './event-store.js';
import { passesFilter, wireFilterOf } from './log-filter.js';
import { readOutcomeOf } from './outcome.js';
import { BEFORE_EVERYTHING, isAfter, laterOf, type Position } from './position.js';
import { PulledStream } from './pulled-stream.js';
import type { StoreLogger } from './store-logger.js';

/** Events that the client reads ahead while the handler works. */
const READ_AHEAD = 1_024;
/** A checkpoint after every 4 x 32 events that the filter has considered. */
const SEARCH_WINDOW = 32;
const WINDOWS_PER_CHECKPOINT = 4;
/** Hidden events that a silence is looked through for: far more than a checkpoint is apart. */
const LOOK_OVER = 1_024;

export interface SubscriptionLoopOptions {
  readonly name: string;
  readonly after: Position | 'end';
  readonly filter?: LogFilter | undefined;
  readonly maxBatch: number;
  /** Silence after which the store's head is asked for, ms. */
  readonly watchdogMs: number;
  readonly registry: EventRegistry;
  readonly log: StoreLogger;
  readonly client: EventStoreDBClient;
  /** The store's head; rejects when it cannot be asked. */
  readonly head: () => Promise<Position | undefined>;
  /** At most `max` events of the log strictly after a position, system events left out. */
  readonly readAll: (options: { readonly after: Position; readonly max: number }) => AsyncIterable<LogEntry>;
}

/** The handler threw: not the store's fault, and no reason to try again. */
class HandlerFailed extends Error {}

/**
 * One subscription to $all that goes on for ever: it subscribes again after what was handed on last, whether the server
 * failed, closed quietly or just went silent.
 */
export class SubscriptionLoop implements Subscription {
  readonly done: Promise<void>;
  readonly #options: SubscriptionLoopOptions;
  readonly #handler: SubscriptionHandler;
  readonly #stopping = new AbortController();
  #last: Position | undefined;
  #lastSignAt = performance.now();
  #failuresInARow = 0;
  /** Where the store's head was when silence last made us look: up to there nothing is missing, or was asked for again. */
  #suspectedAt: Position = BEFORE_EVERYTHING;
  #pulled: PulledStream<AllStreamResolvedEvent> | undefined;

  constructor(options: SubscriptionLoopOptions, handler: SubscriptionHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#last = options.after === 'end' ? undefined : options.after;
    this.done = this.#run();
    this.done.catch(() => undefined);
  }

  get lastSignAt(): number {
    return this.#lastSignAt;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#pulled?.wake();
    await this.done.catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (!this.#stopped()) {
      let reason = 'the server ended it';
      try {
        reason = await this.#subscribeOnce();
      } catch (error) {
        if (error instanceof HandlerFailed) throw error.cause;
        this.#throwIfFinal(error);
        reason = error instanceof Error ? error.message : String(error);
      }
      if (this.#stopped()) return;
      const waitMs = backoffMs(this.#failuresInARow, 50, 5_000);
      this.#failuresInARow++;
      this.#options.log.warn({ subscription: this.#options.name, reason, waitMs }, 'subscription dropped, will resume');
      await pause(waitMs, this.#stopping.signal);
    }
  }

  /** Runs one subscription until it drops; resolves with why. */
  async #subscribeOnce(): Promise<string> {
    this.#last ??= (await this.#options.head()) ?? BEFORE_EVERYTHING;
    if (this.#stopped()) return 'stopped';
    const feed: Feed = { checkpoint: undefined, caughtUp: false };
    const subscription = this.#open(this.#last, feed);
    const pulled = new PulledStream<AllStreamResolvedEvent>(subscription);
    this.#pulled = pulled;
    try {
      return await this.#pump(pulled, feed);
    } finally {
      pulled.detach();
      this.#pulled = undefined;
      await cancelled(subscription);
    }
  }

  #open(after: Position, feed: Feed): AllStreamSubscription {
    const options = {
      maxSearchWindow: SEARCH_WINDOW,
      checkpointInterval: WINDOWS_PER_CHECKPOINT,
      // Called by the client, and awaited there: it must neither throw nor wait.
      checkpointReached: (_: unknown, position: Position) => {
        this.#sign();
        if (isEndMarker(position)) return;
        feed.checkpoint = position;
        this.#pulled?.wake();
      },
    };
    const wire = wireFilterOf(this.#options.filter);
    const filter =
      'prefixes' in wire ? streamNameFilter({ ...options, ...wire }) : streamNameFilter({ ...options, ...wire });
    const subscription = this.#options.client.subscribeToAll(
      { fromPosition: after.commit < 0n ? START : { ...after }, filter },
      { highWaterMark: READ_AHEAD },
    );
    subscription.on('confirmation', () => this.#sign());
    subscription.on('caughtUp', () => {
      this.#sign();
      feed.caughtUp = true;
      this.#pulled?.wake();
    });
    return subscription;
  }

  async #pump(pulled: PulledStream<AllStreamResolvedEvent>, feed: Feed): Promise<string> {
    for (;;) {
      if (this.#stopped()) return 'stopped';
      const items = pulled.take(this.#options.maxBatch);
      if (items.length > 0) {
        this.#sign();
        await this.#handOn(items);
        continue;
      }
      await this.#applyHints(feed);
      const woken = await pulled.wait(this.#options.watchdogMs);
      if (woken === 'ended') return 'the server ended it quietly';
      // What arrives in the same turn of the event loop goes on together: large batches in catch-up, no delay when live.
      if (woken === 'woken') await nextTurn();
      if (woken === 'silent' && (await this.#hasStalled())) return 'silent while the log moved on';
    }
  }

  async #handOn(items: readonly AllStreamResolvedEvent[]): Promise<void> {
    const batch: LogEntry[] = [];
    let last = this.#last ?? BEFORE_EVERYTHING;
    for (const item of items) {
      const position = positionOf(item);
      if (!isAfter(position, last)) continue;
      last = position;
      const entry = decode(item, this.#options.registry);
      if (entry !== undefined) batch.push(entry);
    }
    if (batch.length > 0) await this.#handle(() => this.#handler.events(batch));
    this.#last = last;
    this.#failuresInARow = 0;
  }

  /**
   * Checkpoints and "caught up" run ahead of events that are still buffered in the client. They count only here, when
   * everything that arrived before them has been handed on.
   */
  async #applyHints(feed: Feed): Promise<void> {
    const { checkpoint, caughtUp } = feed;
    feed.checkpoint = undefined;
    feed.caughtUp = false;
    if (checkpoint !== undefined && isAfter(checkpoint, this.#last ?? BEFORE_EVERYTHING)) {
      await this.#handle(async () => await this.#handler.checkpoint?.(checkpoint));
      this.#last = checkpoint;
    }
    if (caughtUp) {
      this.#failuresInARow = 0;
      await this.#handle(async () => this.#handler.caughtUp?.());
    }
  }

  async #handle(call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      throw new HandlerFailed('the handler of a subscription failed', { cause: error });
    }
  }

  /** Silent although the log holds an event that it should have handed on. A move that the filter hides is none. */
  async #hasStalled(): Promise<boolean> {
    const head = await this.#options.head();
    const last = this.#last ?? BEFORE_EVERYTHING;
    const lookedUpTo = laterOf(last, this.#suspectedAt);
    if (head === undefined || !isAfter(head, lookedUpTo) || !(await this.#holdsMore(lookedUpTo, head))) {
      this.#sign();
      if (head !== undefined) this.#suspectedAt = laterOf(head, this.#suspectedAt);
      return false;
    }
    this.#suspectedAt = head;
    return true;
  }

  async #holdsMore(after: Position, upTo: Position): Promise<boolean> {
    let looked = 0;
    for await (const { stream, position } of this.#options.readAll({ after, max: LOOK_OVER })) {
      if (isAfter(position, upTo)) return false;
      if (passesFilter(this.#options.filter, stream)) return true;
      looked += 1;
    }
    return looked === LOOK_OVER;
  }

  #throwIfFinal(error: unknown): void {
    const { name } = this.#options;
    const outcome = readOutcomeOf(error);
    if (outcome === 'position-refused') {
      throw new PositionRefused(`${name}: the store refused the position; is it another database?`, { cause: error });
    }
    if (outcome === 'refused') throw new ReadRefused(`${name}: the store refused the subscription`, { cause: error });
  }

  #sign(): void {
    this.#lastSignAt = performance.now();
  }

  #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }
}

/** What the client told us beside events, not yet due. */
interface Feed {
  checkpoint: Position | undefined;
  caughtUp: boolean;
}

/** Cancels the call; leaving it alone would keep it open on the server. */
async function cancelled(subscription: AllStreamSubscription): Promise<void> {
  const limit = new Promise((resolve) => setTimeout(resolve, 1_000).unref());
  await Promise.race([subscription.unsubscribe().catch(() => undefined), limit]);
}
