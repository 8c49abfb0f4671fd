import type { ServerResponse } from 'node:http';
import type { Principal } from '../platform/auth/principal.js';
import type { Position } from '../platform/event-store/position.js';
import type { StreamFilter } from './stream-filter.js';

export type DisconnectReason = 'client' | 'slow' | 'age' | 'revoked' | 'shutdown' | 'error';

/** `ahead`: waits until the tail of this process has come as far as the cursor. */
export type ClientState = 'live' | 'ahead' | 'catchup';

export interface ClientOptions {
  readonly principal: Principal;
  readonly filter: StreamFilter;
  /** Where the stream begins; it was the id of the first block. */
  readonly cursor: Position;
  readonly onReset: 'history' | 'head';
  /** Monotonic ms at which the stream ends for its age. */
  readonly endsAt: number;
}

/**
 * One listener: a cursor and a response. "Everything up to the cursor has been considered for this listener."
 * No queue: when a write is not taken at once, nothing more is written until `drain`.
 */
export class LiveClient {
  readonly principal: Principal;
  readonly filter: StreamFilter;
  readonly onReset: 'history' | 'head';
  readonly endsAt: number;
  readonly #abort = new AbortController();
  cursor: Position;
  state: ClientState = 'catchup';
  /** Sequence number of the next ring entry to consider, while live. */
  sequence = 0;
  /** Facts considered since the last id was sent. */
  hidden = 0;
  /** The id that the other side has, if its last block arrived. */
  sentCursor: Position;
  /** Monotonic ms. */
  sentCursorAt: number;
  beatAt: number;
  blockedSince: number | undefined;
  #ended: DisconnectReason | undefined;
  #onDrain: () => void = () => {};

  constructor(
    private readonly response: ServerResponse,
    options: ClientOptions,
    now: number,
  ) {
    this.principal = options.principal;
    this.filter = options.filter;
    this.cursor = options.cursor;
    this.onReset = options.onReset;
    this.endsAt = options.endsAt;
    this.sentCursor = options.cursor;
    this.sentCursorAt = now;
    this.beatAt = now;
  }

  /** Aborted when the stream has ended, for whatever reason. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  get isBlocked(): boolean {
    return this.blockedSince !== undefined;
  }

  /** `onDrain` after a blocked write was taken; `onClose` once, when the connection is gone. */
  listen(onDrain: () => void, onClose: (reason: DisconnectReason) => void): void {
    this.#onDrain = onDrain;
    this.response.on('drain', () => {
      this.blockedSince = undefined;
      if (this.isOpen) this.#onDrain();
    });
    this.response.on('error', () => this.destroy('error'));
    const closed = () => {
      this.#ended ??= 'client';
      this.#abort.abort();
      onClose(this.#ended);
    };
    if (this.response.closed) closed();
    else this.response.once('close', closed);
  }

  /** True when the blocked write was taken within the time. */
  async drained(withinMs: number): Promise<boolean> {
    if (!this.isBlocked || !this.isOpen) return this.isOpen;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.response.off('drain', done);
        this.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      this.response.once('drain', done);
      this.signal.addEventListener('abort', done, { once: true });
    });
    return this.isOpen && !this.isBlocked;
  }

  /** Whole blocks only. `cursor`: the last id in the chunk, if it has one. False: wait for the drain. */
  write(chunk: Buffer | string, cursor: Position | undefined, now: number): boolean {
    if (!this.isOpen) return false;
    const taken = this.response.write(chunk);
    if (cursor !== undefined) {
      this.sentCursor = cursor;
      this.sentCursorAt = now;
      this.hidden = 0;
    }
    if (!taken) this.blockedSince ??= now;
    return taken;
  }

  /** Ends after the block written last. Somebody who does not read is cut instead. */
  end(reason: DisconnectReason, farewell: string): void {
    if (!this.isOpen) return;
    this.#ended = reason;
    this.#abort.abort();
    if (this.isBlocked) {
      this.response.destroy();
      return;
    }
    this.response.end(farewell);
    setTimeout(() => this.response.destroy(), 1_000).unref();
  }

  destroy(reason: DisconnectReason): void {
    this.#ended ??= reason;
    this.#abort.abort();
    this.response.destroy();
  }
}
