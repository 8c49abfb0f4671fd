import {
  BACKWARDS,
  END,
  FORWARDS,
  START,
  type EventStoreDBClient,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client';
import { backoffMs, pause } from './backoff.js';
import { decode, positionOf } from './event-decoder.js';
import type { EventRegistry } from './event-registry.js';
import { PositionRefused, ReadRefused, StoreUnavailable } from './event-store.errors.js';
import type { LogEntry } from './event-store.js';
import { readOutcomeOf } from './outcome.js';
import { isAfter, type Position } from './position.js';
import { PulledStream } from './pulled-stream.js';

const ATTEMPTS = 4;
const FIRST_PAGE = 64;
const LARGEST_PAGE = 4_096;

export interface StoreReaderOptions {
  readonly client: EventStoreDBClient;
  readonly registry: EventRegistry;
  /** Silence of the server after which an attempt is given up, ms: a read has no limit in the client. */
  readonly timeoutMs: number;
}

/** Bounded reads, repeated a few times while the store is away: a read has no effect. */
export class StoreReader {
  readonly #options: StoreReaderOptions;

  constructor(options: StoreReaderOptions) {
    this.#options = options;
  }

  async streamForwards(stream: string, from: bigint, max: number | undefined): Promise<LogEntry[] | undefined> {
    return await this.#stream(stream, (client) =>
      client.readStream(stream, {
        direction: FORWARDS,
        fromRevision: from,
        ...(max !== undefined && { maxCount: max }),
      }),
    );
  }

  async streamBackwards(stream: string, from: bigint | undefined, max: number): Promise<LogEntry[] | undefined> {
    return await this.#stream(stream, (client) =>
      client.readStream(stream, { direction: BACKWARDS, fromRevision: from ?? END, maxCount: max }),
    );
  }

  /** Strictly after `after`. The server's start is inclusive and its read takes no filter: both are put right here. */
  async *allForwards(after: Position, max: number): AsyncGenerator<LogEntry, void, void> {
    let last = after;
    let left = max;
    let page = Math.max(FIRST_PAGE, Math.min(left + 1, LARGEST_PAGE));
    for (;;) {
      const from = last.commit < 0n ? START : { ...last };
      const events = await this.#all({ direction: FORWARDS, fromPosition: from, maxCount: page });
      for (const resolved of events) {
        const position = positionOf(resolved);
        if (!isAfter(position, last)) continue;
        last = position;
        const entry = decode(resolved, this.#options.registry);
        if (entry === undefined) continue;
        if (left-- <= 0) return;
        yield entry;
      }
      if (events.length < page || left <= 0) return;
      page = Math.min(page * 4, LARGEST_PAGE);
    }
  }

  /** Strictly before `before`, newest first. */
  async *allBackwards(before: Position | 'end'): AsyncGenerator<LogEntry, void, void> {
    let first = before;
    let page = FIRST_PAGE;
    for (;;) {
      if (first !== 'end' && first.commit < 0n) return;
      const from = first === 'end' ? END : { ...first };
      const events = await this.#all({ direction: BACKWARDS, fromPosition: from, maxCount: page });
      for (const resolved of events) {
        const position = positionOf(resolved);
        if (first !== 'end' && !isAfter(first, position)) continue;
        first = position;
        const entry = decode(resolved, this.#options.registry);
        if (entry !== undefined) yield entry;
      }
      if (events.length < page) return;
      page = Math.min(page * 4, LARGEST_PAGE);
    }
  }

  /** Position of the last event of any kind. */
  async head(): Promise<Position | undefined> {
    const [last] = await this.#all({ direction: BACKWARDS, fromPosition: END, maxCount: 1 });
    return last === undefined ? undefined : positionOf(last);
  }

  /** Positions of ours among the last `max` events of any kind, newest first. */
  async recentPositions(max: number): Promise<Position[]> {
    const events = await this.#all({ direction: BACKWARDS, fromPosition: END, maxCount: max });
    return events.filter((resolved) => decode(resolved, this.#options.registry) !== undefined).map(positionOf);
  }

  async #stream(
    stream: string,
    open: (client: EventStoreDBClient) => StreamingRead<ResolvedEvent>,
  ): Promise<LogEntry[] | undefined> {
    const events = await this.#retried(stream, open);
    return events
      ?.map((resolved) => decode(resolved, this.#options.registry))
      .filter((entry): entry is LogEntry => entry !== undefined);
  }

  async #all(options: Parameters<EventStoreDBClient['readAll']>[0]): Promise<ResolvedEvent[]> {
    return (await this.#retried('$all', (client) => client.readAll(options))) ?? [];
  }

  async #retried<T extends ResolvedEvent>(
    what: string,
    open: (client: EventStoreDBClient) => StreamingRead<T>,
  ): Promise<T[] | undefined> {
    let cause: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await pause(backoffMs(attempt, 50, 1_000));
      try {
        return await this.#collect(open(this.#options.client));
      } catch (error) {
        switch (readOutcomeOf(error)) {
          case 'missing':
            return undefined;
          case 'refused':
            throw new ReadRefused(`the store refused to read ${what}`, { cause: error });
          case 'position-refused':
            throw new PositionRefused(`the store refused the position to read ${what} from`, { cause: error });
          case 'unavailable':
            cause = error;
        }
      }
    }
    throw new StoreUnavailable(`could not read ${what}`, { cause });
  }

  /** Reads to the end, and always cancels: a read that is left alone stays open on the server. */
  async #collect<T extends ResolvedEvent>(read: StreamingRead<T>): Promise<T[]> {
    const pulled = new PulledStream<T>(read);
    const all: T[] = [];
    try {
      for (;;) {
        const items = pulled.take(LARGEST_PAGE);
        for (const item of items) all.push(item);
        if (items.length > 0) continue;
        const woken = await pulled.wait(this.#options.timeoutMs);
        if (woken === 'ended') return all;
        if (woken === 'silent') throw new Error(`silent for ${String(this.#options.timeoutMs)} ms`);
      }
    } finally {
      pulled.detach();
      read.cancel().catch(() => undefined);
    }
  }
}
