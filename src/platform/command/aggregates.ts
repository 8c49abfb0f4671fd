import type { Position } from '../event-store/position.js';
import { EventStore, isReadable, type LogEntry } from '../event-store/event-store.js';
import { type Moment, streamAsOf } from '../event-store/past.js';
import { StoreUnavailable } from '../event-store/event-store.errors.js';
import type { DomainEvent, ProposedMetadata, StoredEvent } from '../event-store/stored-event.js';

/** A stream folded up to `revision`; -1 when it has no events yet. */
export interface Loaded<State> {
  readonly state: State;
  readonly revision: bigint;
  /** Workspace of the first event; undefined when there is none. */
  readonly workspaceId: number | undefined;
  /** Position of the last folded event. */
  readonly position: Position | undefined;
  /** When the first and the last folded event were recorded. */
  readonly firstAt: Date | undefined;
  readonly lastAt: Date | undefined;
}

export interface Reloaded<State, E extends DomainEvent> {
  readonly loaded: Loaded<State>;
  readonly history: readonly StoredEvent<E>[];
}

/** How one kind of stream is folded. */
export interface Fold<State, E extends DomainEvent> {
  readonly initialState: State;
  readonly evolve: (state: State, event: E) => State;
  /** Types whose event alone decides the state after it: what lies before the last one is not read. */
  readonly beginsAnewWith?: ReadonlySet<E['type']>;
}

/** What a fold needs of an event: one from the log, or one that this process has just appended. */
export type AppliedEvent<E extends DomainEvent = DomainEvent> = Pick<
  StoredEvent<E>,
  'stream' | 'revision' | 'position' | 'type' | 'data'
> & { readonly metadata: ProposedMetadata };

/** Says whether the in-process tail of the log can be trusted right now. */
export interface TailState {
  isLive(): boolean;
}

const MAX_CACHED = 20_000;
const BACKWARDS_PAGE = 20;

/**
 * Folded streams of one kind, in memory. The process's tail keeps them current; while the tail has not proved itself
 * live every load goes to the store. A stale entry can never corrupt anything: the expected revision of the append
 * refuses it and the caller loads afresh.
 */
export class Aggregates<State, E extends DomainEvent> {
  private readonly cached = new Map<string, Loaded<State>>();
  /** Highest revision that the tail showed while a load of the same stream was under way. */
  private readonly loading = new Map<string, { seen: bigint; loads: number }>();

  constructor(
    private readonly store: EventStore,
    private readonly tail: TailState,
    private readonly fold: Fold<State, E>,
    private readonly maxCached = MAX_CACHED,
  ) {}

  /** The state as this process knows it, from memory when the tail is live. */
  async load(stream: string): Promise<Loaded<State>> {
    const known = this.cached.get(stream);
    if (known !== undefined && this.tail.isLive()) return known;
    return this.reload(stream);
  }

  /**
   * Takes a stream for empty without asking the store: for ids that this process has just been given. Being wrong costs
   * one refused append.
   */
  assumeNew(stream: string): void {
    if (!this.cached.has(stream)) this.keep(stream, foldAll(this.fold, []));
  }

  /** What memory holds, however old it is. */
  peek(stream: string): Loaded<State> | undefined {
    return this.cached.get(stream);
  }

  /** The events of the stream in order; with `beginsAnewWith` only from the last event on that begins anew. */
  async history(stream: string): Promise<readonly StoredEvent<E>[]> {
    const { beginsAnewWith } = this.fold;
    if (beginsAnewWith !== undefined) return this.historySince(stream, beginsAnewWith);
    const entries = await this.store.readStream(stream);
    return (entries ?? []).map((entry) => readable<E>(entry, stream));
  }

  /** As {@link history}, of what was there at some moment. */
  async historyAsOf(stream: string, wasThere: Moment): Promise<readonly StoredEvent<E>[]> {
    const { beginsAnewWith } = this.fold;
    if (beginsAnewWith === undefined) return (await this.history(stream)).filter(wasThere);
    const newestFirst: StoredEvent<E>[] = [];
    for await (const page of streamAsOf(this.store, stream, wasThere, BACKWARDS_PAGE)) {
      for (const entry of page) {
        newestFirst.push(readable<E>(entry, stream));
        if (beginsAnewWith.has(entry.type)) return newestFirst.toReversed();
      }
    }
    return newestFirst.toReversed();
  }

  private async historySince(stream: string, types: ReadonlySet<string>): Promise<readonly StoredEvent<E>[]> {
    const newestFirst: StoredEvent<E>[] = [];
    for (;;) {
      const last = newestFirst.at(-1);
      if (last !== undefined && (last.revision === 0n || types.has(last.type))) break;
      const from = last === undefined ? {} : { from: last.revision - 1n };
      const page = (await this.store.readStreamBackwards(stream, { max: BACKWARDS_PAGE, ...from })) ?? [];
      if (page.length === 0) break;
      for (const entry of page) {
        newestFirst.push(readable<E>(entry, stream));
        if (types.has(entry.type)) break;
      }
    }
    return newestFirst.toReversed();
  }

  async reload(stream: string): Promise<Loaded<State>> {
    return (await this.reloadWithHistory(stream)).loaded;
  }

  /** The state from the store together with the events that it was folded from. */
  async reloadWithHistory(stream: string): Promise<Reloaded<State, E>> {
    const watch = this.loading.get(stream) ?? { seen: -1n, loads: 0 };
    watch.loads += 1;
    this.loading.set(stream, watch);
    try {
      for (;;) {
        const history = await this.history(stream);
        const loaded = foldAll(this.fold, history);
        if (loaded.revision >= watch.seen) {
          this.keep(stream, loaded);
          return { loaded, history };
        }
      }
    } finally {
      watch.loads -= 1;
      if (watch.loads === 0) this.loading.delete(stream);
    }
  }

  /** Takes in events that this process appended or that its tail delivered. Out of step: the entry is dropped. */
  apply(event: AppliedEvent): void {
    const watch = this.loading.get(event.stream);
    if (watch !== undefined && event.revision > watch.seen) watch.seen = event.revision;
    const known = this.cached.get(event.stream);
    if (known === undefined || event.revision <= known.revision) return;
    if (event.revision === known.revision + 1n)
      this.cached.set(event.stream, next(this.fold, known, event as AppliedEvent<E>));
    else this.cached.delete(event.stream);
  }

  /** As {@link apply}; a stream that begins is kept from its first event on, so that nobody need load it. */
  follow(event: AppliedEvent): void {
    this.apply(event);
    if (event.revision !== 0n || this.cached.has(event.stream)) return;
    this.keep(event.stream, next(this.fold, foldAll(this.fold, []), event as AppliedEvent<E>));
  }

  /** Forgets a stream, e.g. after an append whose outcome nobody knows. */
  forget(stream: string): void {
    this.cached.delete(stream);
  }

  private keep(stream: string, loaded: Loaded<State>): void {
    const known = this.cached.get(stream);
    if (known !== undefined && known.revision > loaded.revision) return;
    this.cached.delete(stream);
    this.cached.set(stream, loaded);
    if (this.cached.size > this.maxCached) {
      const oldest = this.cached.keys().next();
      if (oldest.done !== true) this.cached.delete(oldest.value);
    }
  }
}

/** Folds events in order from the initial state. */
export function foldAll<State, E extends DomainEvent>(
  fold: Fold<State, E>,
  events: readonly StoredEvent<E>[],
): Loaded<State> {
  let loaded: Loaded<State> = {
    state: fold.initialState,
    revision: -1n,
    workspaceId: undefined,
    position: undefined,
    firstAt: undefined,
    lastAt: undefined,
  };
  for (const event of events) loaded = next(fold, loaded, event);
  return loaded;
}

function next<State, E extends DomainEvent>(
  fold: Fold<State, E>,
  before: Loaded<State>,
  event: AppliedEvent<E>,
): Loaded<State> {
  const recordedAt = new Date(event.metadata.recordedAt);
  return {
    state: fold.evolve(before.state, { type: event.type, data: event.data } as E),
    revision: event.revision,
    workspaceId: before.workspaceId ?? event.metadata.workspaceId,
    position: event.position,
    firstAt: before.firstAt ?? recordedAt,
    lastAt: recordedAt,
  };
}

function readable<E extends DomainEvent>(entry: LogEntry, stream: string): StoredEvent<E> {
  if (isReadable(entry)) return entry as StoredEvent<E>;
  throw new StoreUnavailable(`${stream} holds an event that this version cannot read: ${entry.type} (${entry.reason})`);
}
