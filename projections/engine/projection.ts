import type { LogEntry } from '../../src/platform/event-store/event-store.js';
import type { DomainEvent, StoredEvent } from '../../src/platform/event-store/stored-event.js';
import type { ProjectionName } from '../../src/platform/read-models/consistency.js';
import type { SqlTransaction } from './sql.js';

/** A union of events as the log holds them, so that `type` tells the shape of `data`. */
export type Stored<E extends DomainEvent> = E extends DomainEvent ? StoredEvent<E> : never;

/**
 * What happens to an event that cannot be projected after its retries: `halt` stops the projection at it (money),
 * `park-key` sets it and every later event of its key aside in order, `skip` sets only it aside.
 */
export type FailurePolicy = 'halt' | 'park-key' | 'skip';

/** One table of a projection, and the stable name (a view) that queries and people use for it. */
export interface TableOf {
  readonly view: string;
  /** Column names that order a dump completely. */
  readonly key: readonly string[];
  /** Columns that a rebuild need not reproduce (database clocks); `all`: none of the table. */
  readonly volatile?: readonly string[] | 'all';
}

export interface ProjectionTables {
  /** The tables of the projection; the physical name of version N is `<view>_vN`. */
  readonly list: readonly TableOf[];
  /** DDL of the tables, without indexes that a bulk load is better off without. */
  create(version: number): string;
  /** The indexes that are made after the load. Must be repeatable (`if not exists`). */
  index(version: number): string;
}

/** What a batch comes down to: at most one change a key, ready to be written. */
export interface FoldedBatch {
  /** True: there may be work for {@link Projection.background} after it. */
  readonly wakesBackground: boolean;
  write(transaction: SqlTransaction, version: number): Promise<void>;
}

/**
 * Work on the projection's own tables that no single event carries, such as pricing old rows anew. The worker runs it
 * between two batches in chunks, each a transaction of its own under the same fence, so that nobody else ever writes
 * these tables. It begins after every start of a worker, and after a batch that wakes it.
 */
export interface BackgroundWork<Changes> {
  /** Does one chunk of bounded size. True: call again. Where it stands must be in the tables: it may be cut off after any chunk. */
  chunk(transaction: SqlTransaction, version: number): Promise<boolean>;
  /** Pure: whether these changes may leave something to do. */
  isWokenBy(changes: Changes): boolean;
}

/** Events that a rebuild takes before all others, so that it need not correct what it has folded. */
export interface Prelude<E extends DomainEvent> {
  readonly stream: string;
  /** Called once, when the tables of a version have just been made. The same events come again in their place in the log. */
  write(transaction: SqlTransaction, events: readonly Stored<E>[], version: number): Promise<void>;
}

/** A projection as the engine runs it. Make one with {@link defineProjection}. */
export interface Projection {
  readonly name: ProjectionName;
  readonly policy: FailurePolicy;
  /** The event types that it folds; everything else passes by. */
  readonly handles: ReadonlySet<string>;
  readonly tables: ProjectionTables;
  /**
   * Least time between two commits, ms. A quiet projection commits at once; a busy one gathers what comes meanwhile, since
   * a commit and the wake-up of everybody who waits cost the same for one event as for many. Default 10.
   */
  readonly lingerMs: number;
  /** True: its rows depend on clocks or on events with retention, so a rebuild is not compared. */
  readonly volatile: boolean;
  /** What `park-key` sets aside together. Must not fail for an unreadable entry. */
  /** Undefined: it has none. */
  readonly background: ((transaction: SqlTransaction, version: number) => Promise<boolean>) | undefined;
  readonly prelude: Prelude<DomainEvent> | undefined;
  keyOf(entry: LogEntry): string;
  fold(events: readonly StoredEvent[]): FoldedBatch;
}

/**
 * The parts that a projection brings. `fold` is pure: the same events give the same changes, whatever the clock; the
 * tables must come out the same for every way to cut the log into batches.
 */
export interface ProjectionParts<E extends DomainEvent, Changes> {
  readonly name: ProjectionName;
  readonly policy: FailurePolicy;
  readonly handles: readonly E['type'][];
  readonly tables: ProjectionTables;
  readonly lingerMs?: number;
  readonly volatile?: boolean;
  readonly background?: BackgroundWork<Changes>;
  readonly prelude?: Prelude<E>;
  keyOf(entry: LogEntry): string;
  fold(events: readonly Stored<E>[]): Changes;
  write(transaction: SqlTransaction, changes: Changes, version: number): Promise<void>;
}

const DEFAULT_LINGER_MS = 10;

/** Ties fold and writer together, so that a list of projections needs no common type of changes. */
export function defineProjection<E extends DomainEvent, Changes>(parts: ProjectionParts<E, Changes>): Projection {
  const { background, prelude } = parts;
  return {
    name: parts.name,
    policy: parts.policy,
    handles: new Set<string>(parts.handles),
    tables: parts.tables,
    lingerMs: parts.lingerMs ?? DEFAULT_LINGER_MS,
    volatile: parts.volatile ?? false,
    background: background && ((transaction, version) => background.chunk(transaction, version)),
    prelude: prelude && {
      stream: prelude.stream,
      write: (transaction, events, version) =>
        prelude.write(transaction, events as unknown as readonly Stored<E>[], version),
    },
    keyOf: (entry) => parts.keyOf(entry),
    fold: (events) => {
      // The engine hands on only types in `handles`, which are the types of E.
      const changes = parts.fold(events as unknown as readonly Stored<E>[]);
      return {
        wakesBackground: background?.isWokenBy(changes) ?? false,
        write: (transaction, version) => parts.write(transaction, changes, version),
      };
    },
  };
}

/** Name of the physical table behind a view. */
export function tableName(view: string, version: number): string {
  return `${view}_v${version}`;
}
