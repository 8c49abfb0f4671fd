import type { Position } from './position.js';
import type { ProposedEvent, StoredEvent } from './stored-event.js';

/** Required on every append: there is no default, ever. */
export type ExpectedRevision = 'any' | 'no_stream' | 'stream_exists' | bigint;

export interface AppendResult {
  /** Revision of the last event written (or, for an idempotent repeat, of the last event that had been written). */
  readonly revision: bigint;
  readonly position: Position;
}

/** What a subscription hands on. Awaited one at a time: that is the back-pressure. */
export interface SubscriptionHandler {
  /** Events that arrived together, in log order; never empty. Unknown or unreadable ones come as {@link UnreadableEvent}. */
  events(batch: readonly LogEntry[]): Promise<void>;
  /** Everything up to here was looked at by the filter, and handed on where it matched. Comes after those events. */
  checkpoint?(position: Position): Promise<void>;
  /** A hint: the reader has reached the end once. */
  caughtUp?(): void;
}

/** An event whose type or version is not in the registry, or that does not decode or upcast. */
export interface UnreadableEvent {
  readonly unreadable: 'unknown-type' | 'malformed';
  readonly reason: string;
  readonly position: Position;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly createdAt: Date;
}

export type LogEntry = StoredEvent | UnreadableEvent;

export interface Subscription {
  /** Ends it; resolves when the handler is idle and the call is cancelled. */
  stop(): Promise<void>;
  /** Rejects when the loop ended for good (stream deleted, access denied, position refused); resolves on stop(). */
  readonly done: Promise<void>;
  /** Monotonic ms timestamp of the last sign of life (event, checkpoint, confirmation). */
  readonly lastSignAt: number;
}

export interface AppendOptions {
  /** Own timer around one attempt, ms. Default 5,000: the 6.2.1 client has none for batch appends. */
  readonly timeoutMs?: number;
  /** Attempts after unknown outcomes, with the same ids and expectation. Default 5. */
  readonly attempts?: number;
}

export interface LogFilter {
  /** Only streams whose name begins with one of these. */
  readonly streamPrefixes?: readonly string[];
  /** All streams but those that begin with one of these; system streams are always left out. */
  readonly withoutStreamPrefixes?: readonly string[];
}

/**
 * The one door to the log. Knows the URL, not the server behind it.
 *
 * Errors: `RevisionConflict` (decide again), `AppendRefused` (never retry), `OutcomeUnknown` (repeat with the same ids),
 * `StoreUnavailable` for reads. Guarantees: an append that resolved is durable; events of one append are adjacent.
 */
export abstract class EventStore {
  abstract append(
    stream: string,
    events: readonly ProposedEvent[],
    expected: ExpectedRevision,
    options?: AppendOptions,
  ): Promise<AppendResult>;

  /** Forwards from `from` (inclusive, default 0). A stream that does not exist is `undefined`, not an exception. */
  abstract readStream(
    stream: string,
    options?: { readonly from?: bigint; readonly max?: number },
  ): Promise<readonly LogEntry[] | undefined>;

  /** Backwards from the end. */
  abstract readStreamBackwards(
    stream: string,
    options: { readonly max: number; readonly from?: bigint },
  ): Promise<readonly LogEntry[] | undefined>;

  /** Forwards: strictly after `after`. Pages; stops at the end of the log. System events are left out. */
  abstract readAll(options: { readonly after: Position; readonly max?: number }): AsyncIterable<LogEntry>;

  /** Backwards: strictly before `before`, newest first. Pages; stops at the beginning. System events are left out. */
  abstract readAllBackwards(options: { readonly before: Position | 'end' }): AsyncIterable<LogEntry>;

  /** Position of the last event of the store (of any kind), asked from the store. Undefined: the log is empty. */
  abstract head(): Promise<Position | undefined>;

  /** Position of the last event that is not a system event and not in `withoutStreamPrefixes`, among the last few. */
  abstract recentPositions(options: { readonly max: number }): Promise<readonly Position[]>;

  /** Resumes for ever until stopped, with back-off. Starts strictly after `after`. */
  abstract subscribeAll(
    options: {
      readonly after: Position | 'end';
      readonly filter?: LogFilter;
      readonly name: string;
      readonly maxBatch?: number;
    },
    handler: SubscriptionHandler,
  ): Subscription;

  /** Sets `$maxAge` of a stream once (idempotent). Seconds. */
  abstract setMaxAge(stream: string, seconds: number): Promise<void>;

  /** Sets `$maxCount` of a stream once (idempotent): only so many of its last events can be read. */
  abstract setMaxCount(stream: string, events: number): Promise<void>;

  abstract close(): Promise<void>;
}

export function isReadable(entry: LogEntry): entry is StoredEvent {
  return !('unreadable' in entry);
}
