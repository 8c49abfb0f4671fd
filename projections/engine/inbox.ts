import { isReadable, type LogEntry } from '../../src/platform/event-store/event-store.js';
import { isAfter, type Position } from '../../src/platform/event-store/position.js';
import type { Checkpoint } from './checkpoint.js';

/** An event that waits to be folded, with its number among all that the reader has passed. */
export interface Item {
  readonly entry: LogEntry;
  readonly ordinal: number;
}

/** How many events of an offer were not kept: of other projections, and of types that this program does not know. */
export interface LeftOut {
  readonly ignored: number;
  readonly unknown: number;
}

/**
 * What a worker was offered and has not taken yet: the events that its projection handles, in the order of the log, and
 * how far the log was read for it.
 */
export class Inbox {
  private items: Item[] = [];
  private position: Position = { commit: -1n, prepare: -1n };
  private ordinal = 0;
  private waiters: (() => void)[] = [];

  /** `keepsUnknown`: also events of types that nobody here knows, so that they stop whoever may not skip them. */
  constructor(
    private readonly handles: ReadonlySet<string>,
    private readonly keepsUnknown: boolean,
  ) {}

  /** Reading begins after this checkpoint. */
  beginAfter({ position, ordinal }: Checkpoint): void {
    this.position = position;
    this.ordinal = ordinal;
  }

  /** Keeps what is handled of what was not read before. */
  offer(entries: readonly LogEntry[]): LeftOut {
    let ignored = 0;
    let unknown = 0;
    for (const entry of entries) {
      if (!isAfter(entry.position, this.position)) continue;
      this.ordinal += 1;
      if (!isReadable(entry) && entry.unreadable === 'unknown-type') {
        unknown += 1;
        if (!this.keepsUnknown) continue;
      } else if (!this.handles.has(entry.type)) {
        ignored += 1;
        continue;
      }
      this.items.push({ entry, ordinal: this.ordinal });
    }
    const last = entries.at(-1);
    if (last !== undefined) this.passed(last.position);
    return { ignored, unknown };
  }

  /** Everything up to here has been offered. */
  passed(position: Position): void {
    if (isAfter(position, this.position)) this.position = position;
  }

  /** How far the log was read. */
  get read(): Checkpoint {
    return { position: this.position, ordinal: this.ordinal };
  }

  get size(): number {
    return this.items.length;
  }

  get oldest(): Item | undefined {
    return this.items[0];
  }

  /** The oldest ones, at most so many. */
  take(limit: number): readonly Item[] {
    const taken = this.items.length <= limit ? this.items : this.items.slice(0, limit);
    this.items = taken === this.items ? [] : this.items.slice(limit);
    return taken;
  }

  /** Undefined: there is room for more. Otherwise resolves with the next {@link makeRoom}. */
  room(limit: number): Promise<void> | undefined {
    if (this.items.length < limit) return undefined;
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** Lets go whoever waits for room. */
  makeRoom(): void {
    const { waiters } = this;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Forgets what waits, for good. */
  empty(): void {
    this.items = [];
    this.makeRoom();
  }
}
