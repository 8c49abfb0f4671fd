import { Injectable } from '@nestjs/common';
import { CausedFacts, type CausingFact } from '../platform/command/caused-facts.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { laterOf, type Position } from '../platform/event-store/position.js';
import type { Actor } from '../platform/event-store/stored-event.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { notificationsCausedBy } from './notification-causes.js';

/** Notifications that were raised before anybody asked for them. */
const REMEMBERED = 10_000;
/** After so long the log is asked: the notification may be older than what this process has seen. */
const ASK_AFTER_MS = 300;

const PREFIX = 'notification-';

/**
 * Which notifications have been raised, as this process sees the log go by: the answer to a command is given when those
 * that its events cause are there.
 */
@Injectable()
export class RaisedNotifications extends CausedFacts {
  override readonly shownBy = ['notifications'] as const;
  private readonly seen = new Map<string, Position>();
  private readonly waiting = new Map<string, Set<(at: Position) => void>>();

  constructor(
    private readonly store: EventStore,
    tail: LogTail,
  ) {
    super();
    tail.onBatch((entries) => {
      for (const { stream, position } of entries) {
        if (stream.startsWith(PREFIX)) this.note(stream, position);
      }
    });
  }

  override async recorded(
    causes: readonly CausingFact[],
    actor: Actor,
    timeoutMs: number,
  ): Promise<Position | 'none' | 'late'> {
    const streams = causes.flatMap(({ eventId, event }) =>
      notificationsCausedBy({ ...event, id: eventId, metadata: { actor } }).map(({ stream }) => stream),
    );
    if (streams.length === 0) return 'none';
    const positions = await Promise.all(streams.map((stream) => this.raised(stream, timeoutMs)));
    return positions.reduce((latest, each) => (latest === 'late' || each === 'late' ? 'late' : laterOf(latest, each)));
  }

  private raised(stream: string, timeoutMs: number): Promise<Position | 'late'> {
    const known = this.seen.get(stream);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const settle = (at: Position | 'late') => {
        clearTimeout(asking);
        clearTimeout(ending);
        this.forget(stream, settle);
        resolve(at);
      };
      const asking = setTimeout(() => void this.ask(stream), Math.min(ASK_AFTER_MS, timeoutMs / 2));
      const ending = setTimeout(() => settle('late'), timeoutMs);
      const others = this.waiting.get(stream);
      if (others === undefined) this.waiting.set(stream, new Set([settle]));
      else others.add(settle);
    });
  }

  private async ask(stream: string): Promise<void> {
    const [entry] = (await this.store.readStream(stream, { max: 1 }).catch(() => undefined)) ?? [];
    if (entry !== undefined) this.note(stream, entry.position);
  }

  private note(stream: string, position: Position): void {
    this.seen.set(stream, position);
    if (this.seen.size > REMEMBERED) {
      const oldest = this.seen.keys().next();
      if (oldest.done !== true) this.seen.delete(oldest.value);
    }
    for (const settle of this.waiting.get(stream) ?? []) settle(position);
  }

  private forget(stream: string, settle: (at: Position) => void): void {
    const waiters = this.waiting.get(stream);
    waiters?.delete(settle);
    if (waiters?.size === 0) this.waiting.delete(stream);
  }
}
