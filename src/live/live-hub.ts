import type { Principal } from '../platform/auth/principal.js';
import type { Clock } from '../platform/clock/clock.js';
import type { EventStore, LogEntry } from '../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, isAfter, type Position } from '../platform/event-store/position.js';
import type { LogGeneration } from '../platform/event-store/log-generation.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { LogTail } from '../platform/log-tail/log-tail.js';
import type { Logger } from '../platform/telemetry/logger.js';
import { CatchUps, HIDDEN_LIMIT } from './catch-up.js';
import { FrameRing, ringEntry, type RingSize } from './frame-ring.js';
import type { FrameOf } from './frames/frame.js';
import type { DisconnectReason, LiveClient } from './live-client.js';
import type { LiveMetrics } from './live-metrics.js';
import { serveFromRing, type RingServing } from './ring-serving.js';
import {
  CLOSED_BLOCK,
  cursorBlock,
  heartbeatBlock,
  reconnectSoonMs,
  resetBlock,
  retryBlock,
  type ResetReason,
} from './sse-blocks.js';

export interface LiveHubPorts {
  readonly tail: LogTail;
  readonly store: EventStore;
  readonly generation: LogGeneration;
  readonly frameOf: FrameOf;
  readonly clock: Clock;
  readonly metrics: LiveMetrics;
  readonly logger: Logger;
  /** False: the credential was revoked. Asked per credential about once a minute; a rejection leaves the streams open. */
  readonly isStillValid: (principal: Principal) => Promise<boolean>;
}

/** Times in ms. */
export interface LiveHubOptions {
  readonly ring?: RingSize;
  readonly catchUpsAtOnce?: number;
  readonly heartbeatMs?: number;
  readonly cursorMs?: number;
  readonly slowMs?: number;
  readonly credentialCheckMs?: number;
  readonly sweepMs?: number;
}

/** Listeners served in one turn of the event loop: a thousand writes must not delay the commands of others. */
const SLICE = 250;
/** Chunks for one listener in one go. */
const CHUNKS = 8;

/**
 * All listeners of the process. One ring, no queue per listener: serving one means to write what the ring (or the store)
 * holds after its cursor. There is no moment of registration, so there is no seam where an event could be lost or doubled.
 */
export class LiveHub {
  readonly #ring: FrameRing;
  readonly #catchUps: CatchUps;
  readonly #clients = new Set<LiveClient>();
  readonly #idleWaiters = new Set<() => void>();
  readonly #checkedAt = new Map<string, number>();
  readonly #idOf: (position: Position) => string;
  #leaveTail: () => void = () => {};
  #sweeper: NodeJS.Timeout | undefined;
  #hasBegun = false;
  #passIsPlanned = false;
  #lastPassAt = -Infinity;
  #isDraining = false;

  constructor(
    private readonly ports: LiveHubPorts,
    private readonly options: LiveHubOptions = {},
  ) {
    const { metrics } = ports;
    this.#idOf = (position) => positionText(position, ports.generation.current);
    this.#ring = new FrameRing(options.ring);
    this.#catchUps = new CatchUps(
      {
        store: ports.store,
        frameOf: ports.frameOf,
        idOf: this.#idOf,
        logger: ports.logger,
        floor: () => this.#ring.floor,
        arrived: (client) => this.#place(client),
        refused: (client) => this.#startAgain(client),
        wrote: (frames, bytes) => this.#count(frames, bytes),
        considered: (entries) => metrics.eventsConsidered.inc(entries),
        running: (count) => metrics.catchUpsRunning.set(count),
      },
      options.catchUpsAtOnce,
    );
  }

  get floor(): Position {
    return this.#ring.floor;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  get catchUpsRunning(): number {
    return this.#catchUps.running;
  }

  /** Before the tail starts, or any time later: the ring then begins at the tail's position of that moment. */
  start(): void {
    const { tail } = this.ports;
    if (tail.beginning !== undefined) this.#begin(tail.position);
    this.#leaveTail = tail.onBatch((entries, upTo) => this.#take(entries, upTo));
    void tail.started.then(() => this.#begin(tail.beginning));
    this.#sweeper = setInterval(() => this.#sweep(), this.options.sweepMs ?? 1_000);
    this.#sweeper.unref();
  }

  /** Takes over a listener whose first block has been written. It is served until its connection ends. */
  join(client: LiveClient, onLeave: () => void): void {
    this.#clients.add(client);
    client.listen(
      () => this.#resume(client),
      (reason) => {
        this.#leave(client, reason);
        onLeave();
      },
    );
    if (!client.isOpen) return;
    if (this.#isDraining) client.end('shutdown', this.#farewell());
    else this.#place(client);
  }

  /** The frame that says "there may be a gap". `cursor` is where the stream goes on. */
  resetBlockFor(reason: ResetReason, cursor: Position, named: boolean): string {
    this.ports.metrics.resets.inc({ reason });
    return resetBlock({
      id: this.#idOf(cursor),
      reason,
      earliest: this.#idOf(BEFORE_EVERYTHING),
      head: this.#idOf(this.ports.tail.position),
      timestamp: this.ports.clock.now().getTime(),
      named,
    });
  }

  /** Ends all streams of a credential at once, with a last comment: it was revoked, expired or logged out. */
  closeStreamsOf(credentialId: string): void {
    for (const client of this.#clients) {
      if (client.principal.credentialId === credentialId) client.end('revoked', CLOSED_BLOCK);
    }
  }

  /** Tells every listener when to come back and ends it after its block; cuts who has not gone after `withinMs`. */
  async drain(withinMs = 3_000): Promise<void> {
    this.#isDraining = true;
    for (const client of this.#clients) client.end('shutdown', this.#farewell());
    if (this.#clients.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#idleWaiters.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    for (const client of this.#clients) client.destroy('shutdown');
    clearInterval(this.#sweeper);
    this.#leaveTail();
  }

  #begin(at: Position | undefined): void {
    if (this.#hasBegun || at === undefined) return;
    this.#hasBegun = true;
    this.#ring.begin(at);
  }

  #take(entries: readonly LogEntry[], upTo: Position): void {
    this.#begin(this.ports.tail.beginning);
    const frames = entries.flatMap((entry) => this.ports.frameOf(entry) ?? []);
    this.#ring.add(
      frames.map((frame) => ringEntry(frame, this.#idOf)),
      upTo,
    );
    if (this.#clients.size > 0) this.#planPass();
  }

  /** One write per listener and tick: at once after silence, and the rarer the more listeners there are. */
  #planPass(): void {
    if (this.#passIsPlanned) return;
    this.#passIsPlanned = true;
    const tickMs = Math.min(100, Math.max(10, this.#clients.size / 50));
    const waitMs = this.#lastPassAt + tickMs - performance.now();
    const run = () => void this.#pass();
    if (waitMs <= 0) setImmediate(run);
    else setTimeout(run, waitMs);
  }

  async #pass(): Promise<void> {
    this.#passIsPlanned = false;
    this.#lastPassAt = performance.now();
    const shared = new Map<string, RingServing>();
    let served = 0;
    for (const client of this.#clients) {
      this.#serve(client, shared);
      served += 1;
      if (served % SLICE === 0) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    }
  }

  /** Decides from the cursor alone who serves a listener: ring, store, or nobody yet. */
  #place(client: LiveClient): void {
    if (!client.isOpen) return;
    if (isAfter(this.#ring.floor, client.cursor)) {
      client.state = 'catchup';
      this.#catchUps.enqueue(client);
    } else if (isAfter(client.cursor, this.#ring.considered)) {
      client.state = 'ahead';
    } else {
      client.state = 'live';
      client.sequence = this.#ring.sequenceAfter(client.cursor);
      this.#serve(client, new Map());
    }
  }

  #resume(client: LiveClient): void {
    if (client.state === 'catchup') this.#catchUps.enqueue(client);
    else this.#serve(client, new Map());
  }

  #serve(client: LiveClient, shared: Map<string, RingServing>): void {
    if (client.state === 'catchup' || client.isBlocked || !client.isOpen) return;
    try {
      if (client.state === 'ahead') {
        if (!isAfter(client.cursor, this.#ring.considered)) this.#place(client);
        return;
      }
      for (let chunks = 0; chunks < CHUNKS; chunks++) {
        if (client.sequence < this.#ring.first) {
          this.#place(client);
          return;
        }
        if (client.sequence === this.#ring.next) {
          client.cursor = this.#ring.considered;
          return;
        }
        if (!this.#serveChunk(client, shared)) return;
      }
      this.#planPass();
    } catch (error) {
      this.ports.logger.error({ err: error }, 'serving an event stream failed');
      client.destroy('error');
    }
  }

  /** False when the listener must be waited for. */
  #serveChunk(client: LiveClient, shared: Map<string, RingServing>): boolean {
    const group = `${client.sequence} ${client.filter.key}`;
    let serving = shared.get(group);
    if (serving === undefined) {
      serving = serveFromRing(this.#ring, client.filter, client.sequence);
      shared.set(group, serving);
      this.#observeDelivery(serving);
    }
    const { chunk, lastShown } = serving;
    this.ports.metrics.eventsConsidered.inc(serving.looked);
    client.sequence = serving.next;
    client.cursor = serving.considered;
    if (chunk !== undefined) {
      client.write(chunk, lastShown, performance.now());
      this.#count(serving.frames, chunk.length);
    }
    client.hidden += serving.hiddenAfter;
    if (client.hidden >= HIDDEN_LIMIT) this.#writeCursor(client);
    return client.isOpen && !client.isBlocked;
  }

  #observeDelivery({ recordedAtMs }: RingServing): void {
    if (recordedAtMs === undefined) return;
    this.ports.metrics.deliverySeconds.observe(Math.max(0, this.ports.clock.now().getTime() - recordedAtMs) / 1000);
  }

  #writeCursor(client: LiveClient): void {
    const block = cursorBlock(this.#idOf(client.cursor));
    client.write(block, client.cursor, performance.now());
    this.#count(0, block.length);
  }

  /** The store refused the cursor as a position: say so, and begin again. */
  #startAgain(client: LiveClient): void {
    client.cursor = client.onReset === 'head' ? this.ports.tail.position : BEFORE_EVERYTHING;
    const block = this.resetBlockFor('unknown', client.cursor, client.filter.named);
    client.write(block, client.cursor, performance.now());
    this.#count(0, block.length);
    this.#place(client);
  }

  #sweep(): void {
    const now = performance.now();
    const wallClock = this.ports.clock.now();
    const states = { live: 0, catchup: 0, blocked: 0 };
    for (const client of this.#clients) {
      states[client.isBlocked ? 'blocked' : client.state === 'catchup' ? 'catchup' : 'live'] += 1;
      this.#look(client, now, wallClock);
    }
    for (const [state, count] of Object.entries(states)) this.ports.metrics.clients.set({ state }, count);
    const oldest = this.#ring.oldestRecordedAtMs;
    this.ports.metrics.ringFloorAge.set(oldest === undefined ? 0 : (wallClock.getTime() - oldest) / 1000);
    this.#checkCredentials(now);
  }

  #look(client: LiveClient, now: number, wallClock: Date): void {
    const { expiresAt } = client.principal;
    if (expiresAt !== undefined && wallClock >= expiresAt) {
      client.end('revoked', CLOSED_BLOCK);
    } else if (now >= client.endsAt) {
      client.end('age', retryBlock(reconnectSoonMs(Math.random)));
    } else if (client.blockedSince !== undefined) {
      if (now - client.blockedSince >= (this.options.slowMs ?? 30_000)) client.destroy('slow');
    } else if (now - client.beatAt >= (this.options.heartbeatMs ?? 30_000)) {
      this.#beat(client, now);
    } else if (client.hidden > 0 && now - client.sentCursorAt >= (this.options.cursorMs ?? 5_000)) {
      this.#writeCursor(client);
    }
  }

  #beat(client: LiveClient, now: number): void {
    client.beatAt = now;
    if (client.state === 'live' && client.sequence === this.#ring.next) client.cursor = this.#ring.considered;
    const moved = isAfter(client.cursor, client.sentCursor) ? client.cursor : undefined;
    const block = heartbeatBlock(moved === undefined ? undefined : this.#idOf(moved));
    client.write(block, moved, now);
    this.#count(0, block.length);
  }

  #checkCredentials(now: number): void {
    const seen = new Set<string>();
    for (const client of this.#clients) {
      const { credentialId } = client.principal;
      if (seen.has(credentialId)) continue;
      seen.add(credentialId);
      const checkedAt = this.#checkedAt.get(credentialId);
      if (checkedAt === undefined) this.#checkedAt.set(credentialId, now);
      else if (now - checkedAt >= (this.options.credentialCheckMs ?? 60_000)) {
        this.#checkedAt.set(credentialId, now);
        void this.#checkCredential(client);
      }
    }
    for (const credentialId of this.#checkedAt.keys()) {
      if (!seen.has(credentialId)) this.#checkedAt.delete(credentialId);
    }
  }

  async #checkCredential(client: LiveClient): Promise<void> {
    try {
      if (!(await this.ports.isStillValid(client.principal))) this.closeStreamsOf(client.principal.credentialId);
    } catch (error) {
      this.ports.logger.warn({ err: error }, 'a credential could not be checked again; its streams stay open');
    }
  }

  #leave(client: LiveClient, reason: DisconnectReason): void {
    if (!this.#clients.delete(client)) return;
    this.ports.metrics.disconnects.inc({ reason });
    if (this.#clients.size > 0) return;
    for (const resolve of this.#idleWaiters) resolve();
    this.#idleWaiters.clear();
  }

  #count(frames: number, bytes: number): void {
    const { metrics } = this.ports;
    metrics.writes.inc();
    metrics.bytes.inc(bytes);
    if (frames > 0) metrics.eventsWritten.inc(frames);
  }

  #farewell(): string {
    return retryBlock(reconnectSoonMs(Math.random));
  }
}
