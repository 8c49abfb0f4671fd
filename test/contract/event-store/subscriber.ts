import type {
  AllStreamResolvedEvent,
  AllStreamSubscription,
  ResolvedEvent,
  StreamSubscription,
} from '@eventstore/db-client';
import { within } from '../../support/eventually.js';
import { original } from './reading.js';

/** Collects what a subscription delivers and lets a test wait for a condition on it. */
export class Subscriber {
  readonly events: (ResolvedEvent | AllStreamResolvedEvent)[] = [];
  caughtUpCount = 0;
  error: Error | undefined;
  ended = false;
  private confirmed = false;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly subscription: AllStreamSubscription | StreamSubscription,
    private readonly pace: () => Promise<void> = () => Promise.resolve(),
  ) {
    subscription.on('confirmation', () => this.note(() => (this.confirmed = true)));
    subscription.on('caughtUp', () => this.note(() => this.caughtUpCount++));
    subscription.on('error', (error) => this.note(() => (this.error ??= error)));
    subscription.on('end', () => this.note(() => (this.ended = true)));
    void this.consume();
  }

  /** Ids in the order of delivery, links by the id of the link. */
  get ids(): string[] {
    return this.events.map((resolved) => original(resolved as ResolvedEvent).id);
  }

  async until(awaited: string, condition: (subscriber: this) => boolean, boundMs = 15_000): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!condition(this) && this.error === undefined) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
    try {
      await within(awaited, reached, boundMs);
      if (!condition(this)) throw this.error ?? new Error('the condition does not hold any more');
    } catch (cause) {
      const state = `${this.events.length} events, ${this.caughtUpCount} caughtUp, error ${String(this.error)}`;
      throw new Error(`${awaited}: only ${state}`, { cause });
    }
  }

  untilConfirmed(): Promise<void> {
    return this.until('the confirmation', () => this.confirmed);
  }

  untilCaughtUp(): Promise<void> {
    return this.until('caughtUp', () => this.caughtUpCount > 0);
  }

  untilCount(count: number): Promise<void> {
    return this.until(`${count} events`, () => this.events.length >= count);
  }

  async stop(): Promise<void> {
    await this.subscription.unsubscribe();
  }

  private note(change: () => void): void {
    change();
    for (const look of this.waiting) look();
  }

  private async consume(): Promise<void> {
    try {
      for await (const resolved of this.subscription) {
        this.note(() => this.events.push(resolved));
        await this.pace();
      }
    } catch (error) {
      this.note(() => (this.error ??= error instanceof Error ? error : new Error(String(error))));
    }
  }
}
