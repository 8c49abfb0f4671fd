import { randomInt } from 'node:crypto';
import type { Clock } from '../platform/clock/clock.js';
import type { EventStore } from '../platform/event-store/event-store.js';
import { platformEvent } from '../platform/event-store/platform-event.js';
import type { Ids } from '../platform/ids/ids.js';
import type { Logger } from '../platform/telemetry/logger.js';
import type { KeysUsed } from './keys.events.js';

const SHARDS = 4;
const EVERY_MS = 60_000;
/** The first use after a quiet minute shows soon. */
const SOON_MS = 1_000;
const MOST_PER_EVENT = 2_000;
export const KEY_USE_RETENTION_SECONDS = 90 * 86_400;

export const keyUseStreams: readonly string[] = Array.from({ length: SHARDS }, (_, shard) => `keyuse-${shard}`);

export interface KeyUsesPorts {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** When each credential was last seen by this process; told to the log at most once a minute, and not while nobody comes. */
export class KeyUses {
  private readonly stream = `keyuse-${randomInt(SHARDS)}`;
  private seen = new Map<string, Date>();
  private flushedAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly ports: KeyUsesPorts) {}

  note(credentialId: string): void {
    this.seen.set(credentialId, this.ports.clock.now());
    if (this.timer === undefined && !this.isStopped) this.plan();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.flushing;
    await this.flush({ timeoutMs: 1_000, attempts: 1 });
  }

  private plan(): void {
    const waitMs = Math.max(SOON_MS, this.flushedAt + EVERY_MS - performance.now());
    this.timer = setTimeout(() => {
      this.flushing = this.flush().finally(() => {
        this.timer = undefined;
        if (this.seen.size > 0 && !this.isStopped) this.plan();
      });
    }, waitMs).unref();
  }

  /** Never rejects: what could not be written waits for the next minute. */
  private async flush(options: { readonly timeoutMs?: number; readonly attempts?: number } = {}): Promise<void> {
    if (this.seen.size === 0) return;
    const { seen } = this;
    this.seen = new Map();
    this.flushedAt = performance.now();
    const uses = [...seen].map(([credentialId, at]) => ({ credentialId, at: at.toISOString() }));
    try {
      for (let from = 0; from < uses.length; from += MOST_PER_EVENT) {
        const data = { uses: uses.slice(from, from + MOST_PER_EVENT) };
        const event = platformEvent<KeysUsed>({ type: 'KeysUsed', data }, this.ports);
        await this.ports.store.append(this.stream, [event], 'any', options);
      }
    } catch (error) {
      this.ports.logger.warn({ err: error }, 'the last uses of keys could not be recorded yet');
      for (const [credentialId, at] of seen) if (!this.seen.has(credentialId)) this.seen.set(credentialId, at);
    }
  }
}
