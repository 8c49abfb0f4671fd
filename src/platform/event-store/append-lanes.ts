import { performance } from 'node:perf_hooks';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { appendOutcomeOf } from './outcome.js';
import { closeClient, openClient } from './store-client.js';

/**
 * A client object holds at most this many unsettled appends. Its batch stream buffers 16 messages; what queues behind
 * them is rejected inside the client, where nobody can catch it, when the connection drops: an unhandled rejection,
 * which ends the process.
 */
const APPENDS_PER_LANE = 15;

/** Unknown outcomes, each of an attempt that began after the one before, after which a client object is replaced. */
const UNKNOWNS_BEFORE_REPLACEMENT = 3;

interface Lane {
  readonly client: EventStoreDBClient;
  unsettled: number;
  unknownsInARow: number;
  lastUnknownAt: number;
  retired: boolean;
}

export interface LanesOptions {
  readonly url: string;
  /** Most client objects; beyond `15 * maxLanes` unsettled appends the next ones wait. Default 16. */
  readonly maxLanes?: number;
  readonly onReplaced?: () => void;
}

/** What came of a call through a lane before the time was up. */
export type LaneOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'silent' };

/**
 * Hands appends to as few client objects as keep each within its bound. All of them share one connection. A client
 * object that brings unknown outcomes only is thrown away: some of its failures are cached for ever.
 *
 * Throwing one away rejects what the others have under way, too (the client keeps one table of pending appends for all):
 * those outcomes are unknown, their appends are repeated, and such a wave counts as one unknown a lane, not as many.
 */
export class AppendLanes {
  readonly #options: LanesOptions;
  readonly #lanes: Lane[] = [];
  readonly #waiting: ((lane: Lane) => void)[] = [];
  #closed = false;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** Runs one call on a lane with a time limit, which includes waiting for a free place. Never rejects. */
  async run<T>(timeoutMs: number, call: (client: EventStoreDBClient) => Promise<T>): Promise<LaneOutcome<T>> {
    if (this.#closed) return { kind: 'failed', error: new Error('the store gateway is closed') };
    return await new Promise<LaneOutcome<T>>((resolve) => {
      const startedAt = performance.now();
      let lane: Lane | undefined;
      const start = (granted: Lane): void => {
        lane = granted;
        granted.unsettled++;
        call(granted.client).then(
          (value) => settle(granted, { kind: 'done', value }),
          (error: unknown) => settle(granted, { kind: 'failed', error }),
        );
      };
      const settle = (granted: Lane, outcome: LaneOutcome<T>): void => {
        clearTimeout(timer);
        this.#release(granted);
        this.#judge(granted, startedAt, outcome);
        resolve(outcome);
      };
      const timer = setTimeout(() => {
        if (lane === undefined) this.#waiting.splice(this.#waiting.indexOf(start), 1);
        else this.#judge(lane, startedAt, { kind: 'silent' });
        resolve({ kind: 'silent' });
      }, timeoutMs);
      const free = this.#freeLane();
      if (free === undefined) this.#waiting.push(start);
      else start(free);
    });
  }

  /** Ends all lanes. Calls under way are rejected or time out. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#lanes.splice(0).map((lane) => this.#retire(lane)));
  }

  #freeLane(): Lane | undefined {
    for (const lane of this.#lanes) if (lane.unsettled < APPENDS_PER_LANE) return lane;
    if (this.#closed || this.#lanes.length >= (this.#options.maxLanes ?? 16)) return undefined;
    const client = openClient(this.#options.url);
    const lane = { client, unsettled: 0, unknownsInARow: 0, lastUnknownAt: -Infinity, retired: false };
    this.#lanes.push(lane);
    return lane;
  }

  /** An abandoned append keeps its place until the client settles it or is thrown away. */
  #release(lane: Lane): void {
    lane.unsettled--;
    if (!lane.retired) this.#admit(lane);
  }

  #admit(lane: Lane): void {
    while (lane.unsettled < APPENDS_PER_LANE) {
      const start = this.#waiting.shift();
      if (start === undefined) return;
      start(lane);
    }
  }

  #judge(lane: Lane, startedAt: number, outcome: LaneOutcome<unknown>): void {
    if (lane.retired) return;
    if (outcome.kind === 'done' || (outcome.kind === 'failed' && appendOutcomeOf(outcome.error).kind !== 'unknown')) {
      lane.unknownsInARow = 0;
      return;
    }
    if (startedAt <= lane.lastUnknownAt) return;
    lane.lastUnknownAt = performance.now();
    lane.unknownsInARow++;
    if (lane.unknownsInARow >= UNKNOWNS_BEFORE_REPLACEMENT) this.#replace(lane);
  }

  #replace(lane: Lane): void {
    this.#lanes.splice(this.#lanes.indexOf(lane), 1);
    this.#options.onReplaced?.();
    void this.#retire(lane);
    const next = this.#freeLane();
    if (next !== undefined) this.#admit(next);
  }

  async #retire(lane: Lane): Promise<void> {
    lane.retired = true;
    await closeClient(lane.client);
  }
}
