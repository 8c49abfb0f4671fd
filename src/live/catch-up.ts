import { PositionRefused } from '../platform/event-store/event-store.errors.js';
import type { EventStore, LogEntry } from '../platform/event-store/event-store.js';
import type { Position } from '../platform/event-store/position.js';
import { logPages, type LogPage } from '../platform/log-tail/log-pages.js';
import { TAIL_WITHOUT } from '../platform/log-tail/log-tail.js';
import type { Logger } from '../platform/telemetry/logger.js';
import type { FrameOf } from './frames/frame.js';
import type { LiveClient } from './live-client.js';
import { CHUNK_BYTES } from './ring-serving.js';
import { cursorBlock, eventBlock, namedEventBlock } from './sse-blocks.js';

/** Facts considered after which a listener that was shown nothing is sent its cursor. */
export const HIDDEN_LIMIT = 1_000;
/** A reader waits this long for a slow listener before it gives its place to another. */
const STALL_MS = 1_000;
/** A reader that has considered this many lets the next in the queue go on. */
const TURN_ENTRIES = 20_000;
const RETRY_MS = 500;

export interface CatchUpPorts {
  readonly store: EventStore;
  readonly frameOf: FrameOf;
  readonly idOf: (position: Position) => string;
  readonly logger: Logger;
  /** A listener is served from the ring when its cursor has reached this. */
  readonly floor: () => Position;
  /** The listener's cursor has reached the floor. */
  readonly arrived: (client: LiveClient) => void;
  /** The store does not take the listener's cursor as a position. */
  readonly refused: (client: LiveClient) => void;
  readonly wrote: (frames: number, bytes: number) => void;
  readonly considered: (entries: number) => void;
  readonly running: (count: number) => void;
}

/**
 * Serves listeners whose cursor lies below the ring's floor from the store, a bounded number at once, under the
 * back-pressure of each. A cursor moves only when what lies before it has been written.
 */
export class CatchUps {
  readonly #queue: LiveClient[] = [];
  readonly #queued = new Set<LiveClient>();
  #running = 0;

  constructor(
    private readonly ports: CatchUpPorts,
    private readonly atOnce = 8,
  ) {}

  get running(): number {
    return this.#running;
  }

  /** Puts a listener in the queue, unless it is there or being served. */
  enqueue(client: LiveClient): void {
    if (this.#queued.has(client) || !client.isOpen) return;
    this.#queued.add(client);
    this.#queue.push(client);
    this.#next();
  }

  #next(): void {
    while (this.#running < this.atOnce) {
      const client = this.#queue.shift();
      if (client === undefined) return;
      this.#running += 1;
      this.ports.running(this.#running);
      void this.#serve(client).finally(() => {
        this.#running -= 1;
        this.ports.running(this.#running);
        this.#next();
      });
    }
  }

  async #serve(client: LiveClient): Promise<void> {
    try {
      const outcome = await this.#read(client);
      this.#queued.delete(client);
      if (!client.isOpen) return;
      if (outcome === 'arrived') this.ports.arrived(client);
      else if (!client.isBlocked) this.enqueue(client);
    } catch (error) {
      this.#queued.delete(client);
      if (!client.isOpen) return;
      if (error instanceof PositionRefused) {
        this.ports.refused(client);
        return;
      }
      this.ports.logger.warn({ err: error }, 'a catch-up was interrupted; going on in a moment');
      setTimeout(() => this.enqueue(client), RETRY_MS).unref();
    }
  }

  async #read(client: LiveClient): Promise<'arrived' | 'later'> {
    const pages = logPages(this.ports.store, {
      after: client.cursor,
      until: this.ports.floor,
      withoutStreamPrefixes: TAIL_WITHOUT,
      name: 'catch-up',
      signal: client.signal,
    });
    let considered = 0;
    for await (const page of pages) {
      if (!(await this.#write(client, page))) return 'later';
      considered += page.entries.length;
      if (considered >= TURN_ENTRIES && this.#queue.length > 0) return 'later';
      await nextTurn();
    }
    return client.isOpen ? 'arrived' : 'later';
  }

  /** False when the listener stopped reading; its cursor then says how far it came. */
  async #write(client: LiveClient, page: LogPage): Promise<boolean> {
    let chunk = '';
    let frames = 0;
    let lastShown: Position | undefined;
    let hiddenAfter = 0;
    const flush = async (upTo: Position): Promise<boolean> => {
      client.cursor = upTo;
      if (chunk !== '') {
        client.write(chunk, lastShown, performance.now());
        this.ports.wrote(frames, Buffer.byteLength(chunk));
        chunk = '';
        frames = 0;
      }
      client.hidden += hiddenAfter;
      hiddenAfter = 0;
      if (client.hidden >= HIDDEN_LIMIT) {
        client.write(cursorBlock(this.ports.idOf(upTo)), upTo, performance.now());
      }
      return client.isOpen && (!client.isBlocked || (await client.drained(STALL_MS)));
    };
    this.ports.considered(page.entries.length);
    for (const entry of page.entries) {
      const block = this.#blockFor(client, entry);
      if (block === undefined) {
        hiddenAfter += 1;
        continue;
      }
      chunk += block;
      frames += 1;
      lastShown = entry.position;
      hiddenAfter = 0;
      if (chunk.length >= CHUNK_BYTES && !(await flush(entry.position))) return false;
    }
    return flush(page.upTo);
  }

  #blockFor(client: LiveClient, entry: LogEntry): string | undefined {
    const frame = this.ports.frameOf(entry);
    if (frame === undefined || !client.filter.shows(frame)) return undefined;
    const id = this.ports.idOf(frame.position);
    return client.filter.named ? namedEventBlock(id, frame.type, frame.json) : eventBlock(id, frame.json);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
