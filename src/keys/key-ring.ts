import { isReadable, type EventStore, type LogEntry } from '../platform/event-store/event-store.js';
import { StoreUnavailable } from '../platform/event-store/event-store.errors.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import type { LogTail } from '../platform/log-tail/log-tail.js';
import type { Logger } from '../platform/telemetry/logger.js';
import { credentialIdOf, issuedKeyOf, type IssuedKey } from './issued-key.js';
import { keyringStream } from './keyring.decider.js';
import type { KeyringEvent } from './keys.events.js';

/** Times in ms. */
export interface KeyRingOptions {
  /** How long after its last proof the tail's word is taken. Default 5,000. */
  readonly trustMs?: number;
  /** A read of the stream that began at most so long ago counts as now. Default 500. */
  readonly readCountsMs?: number;
  /** How long what was known may still do for reads when nobody can be asked. Default 60,000. */
  readonly recentMs?: number;
}

const RETRY_MS = { first: 100, last: 2_000 };

/**
 * Every issued key of the installation, in memory: read once from stream `keyring-all`, then kept current by the tail of
 * the log. It always holds a prefix of the stream; an event that it cannot read stops it there, so that a revocation
 * which this version does not understand is not passed over.
 */
export class KeyRing {
  readonly #byId = new Map<number, IssuedKey>();
  readonly #byHash = new Map<string, number>();
  readonly #byAgent = new Map<number, Set<number>>();
  readonly #endListeners = new Set<(credentialId: string) => void>();
  readonly #loaded: Promise<void>;
  #markLoaded: () => void = () => {};
  #revision = -1n;
  /** The latest event of the stream that the tail has shown, taken in or not. */
  #seen = -1n;
  /** Read once since the tail knows where it begins, and nothing was missed since. */
  #isComplete = false;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isToldOf = false;
  #isStopped = false;

  constructor(
    private readonly store: EventStore,
    private readonly tail: LogTail,
    private readonly logger: Logger,
    private readonly options: KeyRingOptions = {},
  ) {
    this.#loaded = new Promise((resolve) => {
      this.#markLoaded = resolve;
    });
    tail.onBatch((entries) => this.#follow(entries));
  }

  /** Resolves when every key has been read for the first time. Never rejects. */
  get loaded(): Promise<void> {
    return this.#loaded;
  }

  start(): void {
    void this.tail.started.then(() => this.#load(RETRY_MS.first));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  /** True when memory can be trusted for "known", "revoked" and "unknown" alike. */
  isCurrent(): boolean {
    if (this.#isComplete && this.tail.isLive(this.options.trustMs ?? 5_000)) return true;
    return performance.now() - this.#readAt <= (this.options.readCountsMs ?? 500);
  }

  /** True when memory was current within the last minute: good enough for reads while nobody can be asked. */
  wasCurrentRecently(): boolean {
    const { recentMs = 60_000 } = this.options;
    if (this.#isComplete && this.tail.isLive(recentMs)) return true;
    return performance.now() - this.#readAt <= recentMs;
  }

  /** The key with this hash, whatever has become of it. */
  find(hash: string): IssuedKey | undefined {
    const keyId = this.#byHash.get(hash);
    return keyId === undefined ? undefined : this.#byId.get(keyId);
  }

  byId(keyId: number): IssuedKey | undefined {
    return this.#byId.get(keyId);
  }

  all(): Iterable<IssuedKey> {
    return this.#byId.values();
  }

  /** Told of every credential that was revoked, or whose agent was deleted. */
  onEnded(listener: (credentialId: string) => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  /** Reads what is new in the stream; the read begins after this call. Rejects with `StoreUnavailable`. */
  refresh(): Promise<void> {
    if (this.#reading === undefined) return this.#read();
    this.#next ??= this.#reading.then(noop, noop).then(() => {
      this.#next = undefined;
      return this.#read();
    });
    return this.#next;
  }

  #read(): Promise<void> {
    this.#reading = this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    const startedAt = performance.now();
    const isCovered = this.tail.beginning !== undefined;
    const entries = (await this.store.readStream(keyringStream, { from: this.#revision + 1n })) ?? [];
    for (const entry of entries) {
      if (!this.#take(entry)) throw new StoreUnavailable(`${keyringStream} holds what this version cannot read`);
    }
    this.#readAt = startedAt;
    if (!isCovered || this.#revision < this.#seen) return;
    this.#isComplete = true;
    this.#markLoaded();
  }

  async #load(retryMs: number): Promise<void> {
    if (this.#isStopped || this.#isComplete) return;
    try {
      await this.refresh();
      this.#isToldOf = false;
      if (!this.#isComplete) this.#loadIn(retryMs, RETRY_MS.first);
    } catch (error) {
      if (!this.#isToldOf)
        this.logger.error({ err: error }, 'the issued keys cannot be read: only environment keys work');
      this.#isToldOf = true;
      this.#loadIn(retryMs, Math.min(retryMs * 2, RETRY_MS.last));
    }
  }

  #loadIn(waitMs: number, retryMs: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#load(retryMs), waitMs).unref();
  }

  #follow(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.stream === keyringStream) {
        this.#seen = entry.revision;
        if (this.#take(entry)) continue;
        this.#isComplete = false;
        this.#loadIn(0, RETRY_MS.first);
      } else if (isReadable(entry) && entry.type === 'AgentRetired') {
        this.#endKeysOf((entry.data as { readonly agentId: number }).agentId);
      }
    }
  }

  /** False when the entry does not follow what is known, or cannot be read. */
  #take(entry: LogEntry): boolean {
    if (entry.revision <= this.#revision) return true;
    if (entry.revision !== this.#revision + 1n || !isReadable(entry)) return false;
    this.#revision = entry.revision;
    this.#apply(entry as StoredEvent<KeyringEvent>);
    return true;
  }

  #apply(event: StoredEvent<KeyringEvent>): void {
    if (isIssued(event)) {
      const key = issuedKeyOf(event);
      this.#byId.set(key.keyId, key);
      this.#byHash.set(key.hash, key.keyId);
      if (key.agentId === null) return;
      const own = this.#byAgent.get(key.agentId) ?? new Set();
      this.#byAgent.set(key.agentId, own.add(key.keyId));
    } else if (event.type === 'KeyRevoked') {
      const key = this.#byId.get(event.data.keyId);
      if (key === undefined) return;
      this.#byId.set(key.keyId, { ...key, revokedAt: new Date(event.metadata.recordedAt) });
      this.#end(key.keyId);
    }
  }

  #endKeysOf(agentId: number): void {
    for (const keyId of this.#byAgent.get(agentId) ?? []) this.#end(keyId);
  }

  #end(keyId: number): void {
    for (const listener of this.#endListeners) listener(credentialIdOf(keyId));
  }
}

function isIssued(
  event: StoredEvent<KeyringEvent>,
): event is StoredEvent<Extract<KeyringEvent, { type: 'KeyIssued' }>> {
  return event.type === 'KeyIssued';
}

function noop(): void {}
