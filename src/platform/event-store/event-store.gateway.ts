import type { EventStoreDBClient } from '@eventstore/db-client';
import { AppendLanes } from './append-lanes.js';
import { backoffMs, pause } from './backoff.js';
import type { EventRegistry } from './event-registry.js';
import { AppendRefused, OutcomeUnknown, RevisionConflict, StoreUnavailable } from './event-store.errors.js';
import {
  EventStore,
  type AppendOptions,
  type AppendResult,
  type ExpectedRevision,
  type LogEntry,
  type Subscription,
  type SubscriptionHandler,
} from './event-store.js';
import { appendOutcomeOf } from './outcome.js';
import type { Position } from './position.js';
import { wireEventsOf } from './proposal.js';
import { closeClient, openClient } from './store-client.js';
import { silentLogger, type StoreLogger } from './store-logger.js';
import { StoreReader } from './store-reader.js';
import type { ProposedEvent } from './stored-event.js';
import { SubscriptionLoop } from './subscription-loop.js';

export interface GatewayOptions {
  /** `esdb://…` of a node or cluster. */
  readonly url: string;
  readonly registry: EventRegistry;
  readonly log?: StoreLogger;
  /** Silence of the server after which a read is given up, ms. Default 10,000. */
  readonly readTimeoutMs?: number;
  /** Silence after which a subscription asks whether it was forgotten, ms. Default 15,000. */
  readonly watchdogMs?: number;
}

type SubscribeOptions = Parameters<EventStore['subscribeAll']>[0];

const APPEND_TIMEOUT_MS = 5_000;
const APPEND_ATTEMPTS = 5;
const LARGEST_BATCH = 1_024;

/**
 * {@link EventStore} over the official client 6.2.1. What that client leaves to its caller (time limits, retries,
 * resubscription) and what it gets wrong is put right here and in the files beside, each where it says so.
 */
export class EventStoreGateway extends EventStore {
  readonly #options: GatewayOptions;
  readonly #log: StoreLogger;
  readonly #lanes: AppendLanes;
  /** Reads and subscriptions have a client object of their own: a drop there must not reject appends, nor the reverse. */
  readonly #readClient: EventStoreDBClient;
  readonly #reader: StoreReader;
  readonly #subscriptions = new Set<Subscription>();
  #closed = false;

  constructor(options: GatewayOptions) {
    super();
    const { url, registry, log = silentLogger } = options;
    this.#options = options;
    this.#log = log;
    this.#lanes = new AppendLanes({
      url,
      onReplaced: () => log.warn({}, 'appends got no clear answer: replaced a client of the event store'),
    });
    this.#readClient = openClient(url);
    this.#reader = new StoreReader({
      client: this.#readClient,
      registry,
      timeoutMs: options.readTimeoutMs ?? 10_000,
    });
  }

  override async append(
    stream: string,
    events: readonly ProposedEvent[],
    expected: ExpectedRevision,
    options: AppendOptions = {},
  ): Promise<AppendResult> {
    const wire = wireEventsOf(stream, events, expected, this.#options.registry);
    const { revision, position } = await this.#repeated(stream, expected, options, async (client) => {
      const result = await client.appendToStream(stream, wire, { expectedRevision: expected });
      return { revision: result.nextExpectedRevision, position: result.position };
    });
    return { revision, position: position ?? (await this.#positionIn(stream, revision)) };
  }

  override async readStream(
    stream: string,
    options: { readonly from?: bigint; readonly max?: number } = {},
  ): Promise<readonly LogEntry[] | undefined> {
    return await this.#reader.streamForwards(stream, options.from ?? 0n, options.max);
  }

  override async readStreamBackwards(
    stream: string,
    options: { readonly max: number; readonly from?: bigint },
  ): Promise<readonly LogEntry[] | undefined> {
    return await this.#reader.streamBackwards(stream, options.from, options.max);
  }

  override readAll(options: { readonly after: Position; readonly max?: number }): AsyncIterable<LogEntry> {
    return this.#reader.allForwards(options.after, options.max ?? Number.MAX_SAFE_INTEGER);
  }

  override readAllBackwards(options: { readonly before: Position | 'end' }): AsyncIterable<LogEntry> {
    return this.#reader.allBackwards(options.before);
  }

  override async head(): Promise<Position | undefined> {
    return await this.#reader.head();
  }

  override async recentPositions(options: { readonly max: number }): Promise<readonly Position[]> {
    return await this.#reader.recentPositions(options.max);
  }

  override subscribeAll(options: SubscribeOptions, handler: SubscriptionHandler): Subscription {
    if (this.#closed) throw new StoreUnavailable('the store gateway is closed');
    const subscription = new SubscriptionLoop(
      {
        name: options.name,
        after: options.after,
        filter: options.filter,
        maxBatch: options.maxBatch ?? LARGEST_BATCH,
        watchdogMs: this.#options.watchdogMs ?? 15_000,
        registry: this.#options.registry,
        log: this.#log,
        client: this.#readClient,
        head: async () => await this.head(),
        readAll: (range) => this.readAll(range),
      },
      handler,
    );
    this.#subscriptions.add(subscription);
    const forget = (): void => void this.#subscriptions.delete(subscription);
    subscription.done.then(forget, forget);
    return subscription;
  }

  override async setMaxAge(stream: string, seconds: number): Promise<void> {
    await this.#setRetention(stream, 'maxAge', seconds);
  }

  override async setMaxCount(stream: string, events: number): Promise<void> {
    await this.#setRetention(stream, 'maxCount', events);
  }

  override async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscriptions].map(async (subscription) => await subscription.stop()));
    await Promise.all([this.#lanes.close(), closeClient(this.#readClient)]);
  }

  /** Other keys of the stream's metadata stay as they are. */
  async #setRetention(stream: string, key: 'maxAge' | 'maxCount', value: number): Promise<void> {
    await this.#repeated(`$$${stream}`, 'any', {}, async (client) => {
      const { metadata } = await client.getStreamMetadata(stream);
      if (metadata?.[key] === value) return;
      await client.setStreamMetadata(stream, { ...metadata, [key]: value }, { expectedRevision: 'any' });
    });
  }

  /** Makes one write until its outcome is known, a bounded number of times; the write must be safe to repeat as it is. */
  async #repeated<T>(
    stream: string,
    expected: ExpectedRevision,
    options: AppendOptions,
    write: (client: EventStoreDBClient) => Promise<T>,
  ): Promise<T> {
    const { timeoutMs = APPEND_TIMEOUT_MS, attempts = APPEND_ATTEMPTS } = options;
    let cause: unknown;
    for (let attempt = 0; attempt < attempts && !this.#closed; attempt++) {
      if (attempt > 0) await pause(backoffMs(attempt, 50, 2_000));
      const outcome = await this.#lanes.run(timeoutMs, write);
      if (outcome.kind === 'done') return outcome.value;
      cause = outcome.kind === 'failed' ? outcome.error : new Error(`no answer within ${String(timeoutMs)} ms`);
      if (outcome.kind === 'failed') throwIfKnown(stream, expected, outcome.error);
      this.#log.warn({ stream, attempt, cause: String(cause) }, 'the outcome of an append is unknown');
    }
    throw new OutcomeUnknown(stream, { cause });
  }

  /** For servers that leave the position out of their answer. */
  async #positionIn(stream: string, revision: bigint): Promise<Position> {
    const [entry] = (await this.readStream(stream, { from: revision, max: 1 })) ?? [];
    if (entry === undefined) throw new OutcomeUnknown(stream);
    return entry.position;
  }
}

function throwIfKnown(stream: string, expected: ExpectedRevision, error: unknown): void {
  const outcome = appendOutcomeOf(error);
  if (outcome.kind === 'conflict') throw new RevisionConflict(stream, expected, outcome.actual);
  if (outcome.kind === 'refused') throw new AppendRefused(stream, outcome.reason, { cause: error });
}
