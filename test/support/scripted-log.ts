import {
  EventStore,
  type AppendResult,
  type ExpectedRevision,
  type LogEntry,
  type LogFilter,
  type Subscription,
  type SubscriptionHandler,
} from '../../src/platform/event-store/event-store.js';
import { PositionRefused, StoreUnavailable } from '../../src/platform/event-store/event-store.errors.js';
import { comparePositions, isAfter, type Position } from '../../src/platform/event-store/position.js';
import type { ProposedEvent } from '../../src/platform/event-store/stored-event.js';

/** Where a test may hold a reader of the {@link ScriptedLog}. */
export interface LogGates {
  /** Awaited before each batch of a subscription, with its name. */
  beforeBatch?: (name: string) => Promise<void>;
}

/**
 * A log whose readers a test can hold, fail and cut at every seam: for the pure specs of what follows a log. It says
 * nothing about a real store; those specs run against one.
 */
export class ScriptedLog extends EventStore {
  readonly entries: LogEntry[] = [];
  readonly gates: LogGates = {};
  /** Subscriptions open now, by name. */
  readonly open: string[] = [];
  isAway = false;
  refusedPosition: Position | undefined;
  checkpointEvery = 32;
  readonly #revisions = new Map<string, bigint>();
  readonly #wakers = new Set<() => void>();

  override append(
    stream: string,
    events: readonly ProposedEvent[],
    expected: ExpectedRevision = 'any',
  ): Promise<AppendResult> {
    if (expected !== 'any') return Promise.reject(new Error('the scripted log checks no revision'));
    for (const event of events) {
      const revision = (this.#revisions.get(stream) ?? -1n) + 1n;
      this.#revisions.set(stream, revision);
      const commit = BigInt(this.entries.length + 1) * 10n;
      this.entries.push({
        ...event,
        metadata: { ...event.metadata, schemaVersion: 1 },
        stream,
        revision,
        position: { commit, prepare: commit },
        createdAt: new Date(event.metadata.recordedAt),
      });
    }
    for (const wake of this.#wakers) wake();
    const last = this.entries.at(-1);
    if (last === undefined) return Promise.reject(new Error('nothing was appended'));
    return Promise.resolve({ revision: last.revision, position: last.position });
  }

  override readStream(stream: string, options: { readonly from?: bigint; readonly max?: number } = {}) {
    if (this.isAway) return Promise.reject(new StoreUnavailable('away'));
    const all = this.entries.filter((entry) => entry.stream === stream);
    if (all.length === 0) return Promise.resolve(undefined);
    const from = Number(options.from ?? 0n);
    return Promise.resolve(all.slice(from, options.max === undefined ? undefined : from + options.max));
  }

  override readStreamBackwards(stream: string, options: { readonly max: number; readonly from?: bigint }) {
    if (this.isAway) return Promise.reject(new StoreUnavailable('away'));
    const all = this.entries.filter((entry) => entry.stream === stream);
    if (all.length === 0) return Promise.resolve(undefined);
    const { from } = options;
    const upTo = from === undefined ? all : all.filter((entry) => entry.revision <= from);
    return Promise.resolve(upTo.toReversed().slice(0, options.max));
  }

  override async *readAll(options: { readonly after: Position; readonly max?: number }) {
    let given = 0;
    for (let index = this.#indexAfter(options.after); index < this.entries.length; index++) {
      if (this.isAway) throw new StoreUnavailable('away');
      this.#refuse(options.after);
      if (options.max !== undefined && given >= options.max) return;
      const entry = this.entries[index];
      if (entry === undefined) return;
      given += 1;
      await Promise.resolve();
      yield entry;
    }
    if (this.isAway) throw new StoreUnavailable('away');
    this.#refuse(options.after);
  }

  override async *readAllBackwards(options: { readonly before: Position | 'end' }) {
    const { before } = options;
    for (const entry of this.entries.toReversed()) {
      if (before !== 'end' && comparePositions(entry.position, before) >= 0) continue;
      await Promise.resolve();
      yield entry;
    }
  }

  override head() {
    if (this.isAway) return Promise.reject(new StoreUnavailable('away'));
    return Promise.resolve(this.entries.at(-1)?.position);
  }

  override recentPositions(options: { readonly max: number }) {
    if (this.isAway) return Promise.reject(new StoreUnavailable('away'));
    return Promise.resolve(
      this.entries
        .slice(-options.max)
        .toReversed()
        .map((entry) => entry.position),
    );
  }

  override subscribeAll(
    options: {
      readonly after: Position | 'end';
      readonly filter?: LogFilter;
      readonly name: string;
      readonly maxBatch?: number;
    },
    handler: SubscriptionHandler,
  ): Subscription {
    const life = { stopped: false };
    let lastSignAt = performance.now();
    let wake = () => {};
    this.open.push(options.name);
    const run = async () => {
      let index = options.after === 'end' ? this.entries.length : this.#indexAfter(options.after);
      if (options.after !== 'end') this.#refuse(options.after);
      let unsaid = 0;
      while (!life.stopped) {
        await this.gates.beforeBatch?.(options.name);
        if (life.stopped) return;
        if (this.isAway || index >= this.entries.length) {
          if (!this.isAway) handler.caughtUp?.();
          await new Promise<void>((resolve) => {
            wake = resolve;
            this.#wakers.add(resolve);
          });
          this.#wakers.delete(wake);
          continue;
        }
        const considered = this.entries.slice(index, index + (options.maxBatch ?? 500));
        index += considered.length;
        const batch = considered.filter((entry) => passes(entry.stream, options.filter));
        lastSignAt = performance.now();
        if (batch.length > 0) await handler.events(batch);
        unsaid += considered.length;
        const last = considered.at(-1);
        if (unsaid >= this.checkpointEvery && last !== undefined && !life.stopped) {
          unsaid = 0;
          await handler.checkpoint?.(last.position);
        }
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    };
    const done = run();
    done.catch(() => {});
    return {
      done,
      get lastSignAt() {
        return lastSignAt;
      },
      stop: () => {
        if (!life.stopped) this.open.splice(this.open.indexOf(options.name), 1);
        life.stopped = true;
        wake();
        return Promise.resolve();
      },
    };
  }

  override setMaxAge() {
    return Promise.resolve();
  }

  override setMaxCount() {
    return Promise.resolve();
  }

  override close() {
    return Promise.resolve();
  }

  /** Lets waiting readers look again, after `isAway` was set back. */
  comeBack(): void {
    this.isAway = false;
    for (const wake of this.#wakers) wake();
  }

  #indexAfter(position: Position): number {
    const index = this.entries.findIndex((entry) => isAfter(entry.position, position));
    return index === -1 ? this.entries.length : index;
  }

  #refuse(position: Position): void {
    if (this.refusedPosition !== undefined && comparePositions(position, this.refusedPosition) === 0) {
      throw new PositionRefused('no event boundary');
    }
  }
}

function passes(stream: string, filter: LogFilter | undefined): boolean {
  const { streamPrefixes = [], withoutStreamPrefixes = [] } = filter ?? {};
  if (withoutStreamPrefixes.some((prefix) => stream.startsWith(prefix))) return false;
  return streamPrefixes.length === 0 || streamPrefixes.some((prefix) => stream.startsWith(prefix));
}
