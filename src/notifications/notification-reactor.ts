import type { Registry } from 'prom-client';
import type { Clock } from '../platform/clock/clock.js';
import { RepeatingJob } from '../platform/clock/repeating-job.js';
import { backoffMs, pause } from '../platform/event-store/backoff.js';
import {
  AppendRefused,
  MalformedEvent,
  PositionRefused,
  RevisionConflict,
} from '../platform/event-store/event-store.errors.js';
import { isReadable, type EventStore, type LogEntry, type Subscription } from '../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, isAfter, type Position } from '../platform/event-store/position.js';
import type { ProposedEvent, StoredEvent } from '../platform/event-store/stored-event.js';
import type { Ids } from '../platform/ids/ids.js';
import type { Numbers } from '../platform/numbers/numbers.js';
import { ReactorMetrics } from '../platform/reactor/reactor-metrics.js';
import { ReactorPosition } from '../platform/reactor/reactor-position.js';
import type { Logger } from '../platform/telemetry/logger.js';
import { notificationsCausedBy, type CausedNotification } from './notification-causes.js';
import type { NotificationRaised } from './notifications.events.js';

const NAME = 'notifications';
/** Every event that may cause a notification lies in the stream of its task. */
const STREAMS = ['task-'] as const;

const BATCH = 256;
const CONCURRENCY = 16;
const ATTEMPTS_AT_REFUSED = 3;
const RETRY_MS = { first: 50, last: 5_000 };
/** At most so often, after work. */
const SAVE_EVERY_MS = 5_000;
/** When only the events of others passed by: saving is itself one of those. */
const SAVE_QUIET_EVERY_MS = 600_000;

/** Where a test may stop a reactor as a kill does. */
export type ReactorPoint = 'before-append' | 'after-append' | 'before-save' | 'after-save';

export interface NotificationReactorOptions {
  readonly store: EventStore;
  readonly numbers: Pick<Numbers, 'next'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly registry: Registry;
  /** How often the position is saved after work, ms. Default 5,000. */
  readonly saveEveryMs?: number;
  /** A test may throw or wait here. */
  readonly failpoint?: (point: ReactorPoint, cause?: string) => Promise<void>;
}

interface Raising {
  readonly cause: StoredEvent;
  readonly caused: CausedNotification;
}

/** Asked to stop in the middle of a batch. */
class Stopped extends Error {}

/**
 * Raises notifications from the log. What an event causes is a pure function of it, and the stream of a notification is
 * named after cause and recipient and must not exist yet: so any number of reactors may run, be killed anywhere and begin
 * again anywhere earlier, and each notification is raised exactly once. One recipient's are raised in the order of the log.
 */
export class NotificationReactor {
  private readonly position: ReactorPosition;
  private readonly metrics: ReactorMetrics;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private subscription: Subscription | undefined;
  private done: Position = BEFORE_EVERYTHING;
  private savedAt = performance.now();
  private hasWorked = false;
  private inHand: Date | undefined;
  private saving: RepeatingJob | undefined;

  constructor(private readonly options: NotificationReactorOptions) {
    this.position = new ReactorPosition(NAME, options);
    this.metrics = new ReactorMetrics(options.registry, NAME, () => this.lagSeconds());
  }

  /** Returns at once; the store may be away. */
  start(): void {
    this.running ??= this.run();
  }

  /** Ends after the appends under way, and says how far it came. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.subscription?.stop();
    await this.saving?.stop();
    if (this.hasWorked) await this.save();
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private lagSeconds(): number {
    return this.inHand === undefined
      ? 0
      : Math.max(0, (this.options.clock.now().getTime() - this.inHand.getTime()) / 1_000);
  }

  private async run(): Promise<void> {
    for (let attempt = 0; !this.isStopping; attempt += 1) {
      try {
        this.done = await this.position.load();
        void this.position.bound().catch((error: unknown) => {
          this.options.logger.warn({ err: error }, 'old positions of the reactor are kept; the next start tries again');
        });
        this.subscribe();
        this.saving = new RepeatingJob(
          this.options.saveEveryMs ?? SAVE_EVERY_MS,
          () => this.saveWhenWorthIt(),
          () => undefined,
        );
        return;
      } catch (error) {
        this.options.logger.warn({ err: error }, 'the notification reactor cannot reach the event store yet');
        await this.rest(attempt);
      }
    }
  }

  private subscribe(): void {
    const subscription = this.options.store.subscribeAll(
      { after: this.done, filter: { streamPrefixes: STREAMS }, name: NAME, maxBatch: BATCH },
      {
        events: (entries) => this.handle(entries),
        checkpoint: (position) => {
          // In catch-up a server may send (X, 0), which is no place to begin at.
          if (position.commit === position.prepare) this.advance(position);
          return Promise.resolve();
        },
      },
    );
    this.subscription = subscription;
    subscription.done.catch(async (error: unknown) => {
      if (this.isStopping) return;
      this.options.logger.error({ err: error }, 'the notification reactor lost the log; it goes on where it was');
      if (error instanceof PositionRefused) this.done = BEFORE_EVERYTHING;
      await pause(RETRY_MS.last, this.stopping.signal);
      if (!this.isStopping) this.subscribe();
    });
  }

  /** A whole batch is raised before the next one is taken. */
  private async handle(entries: readonly LogEntry[]): Promise<void> {
    this.inHand = entries[0]?.createdAt;
    const raising = entries.flatMap((entry) => this.causedBy(entry));
    if (raising.length > 0) {
      const queues = [...byRecipient(raising)];
      const worker = async () => {
        for (let queue = queues.shift(); queue !== undefined; queue = queues.shift()) {
          for (const one of queue) await this.raise(one);
        }
      };
      await Promise.all(Array.from({ length: Math.min(CONCURRENCY, queues.length) }, worker));
      this.hasWorked = true;
    }
    this.inHand = undefined;
    this.metrics.progressed();
    const last = entries.at(-1);
    if (last !== undefined) this.advance(last.position);
  }

  private causedBy(entry: LogEntry): readonly Raising[] {
    if (!isReadable(entry)) {
      this.metrics.count('unreadable');
      const { stream, revision, type, reason } = entry;
      this.options.logger.warn({ stream, revision: String(revision), type, reason }, 'an event cannot be read here');
      return [];
    }
    try {
      return notificationsCausedBy(entry).map((caused) => ({ cause: entry, caused }));
    } catch (error) {
      this.skip(entry, error);
      return [];
    }
  }

  private async raise({ cause, caused }: Raising): Promise<void> {
    let event: ProposedEvent<NotificationRaised> | undefined;
    let refusals = 0;
    for (let attempt = 0; ; attempt += 1) {
      if (this.isStopping) throw new Stopped();
      try {
        event ??= this.proposed(cause, caused, await this.options.numbers.next('notification'));
        await this.options.failpoint?.('before-append', cause.id);
        await this.options.store.append(caused.stream, [event], 'no_stream');
        await this.options.failpoint?.('after-append', cause.id);
        this.metrics.count('recorded');
        return;
      } catch (error) {
        if (error instanceof RevisionConflict) {
          this.metrics.count('already');
          return;
        }
        if (error instanceof AppendRefused || error instanceof MalformedEvent) {
          refusals += 1;
          if (refusals === ATTEMPTS_AT_REFUSED) {
            this.skip(cause, error);
            return;
          }
        } else if (attempt === 0) {
          this.options.logger.warn({ err: error }, 'a notification cannot be raised now; trying again');
        }
        await this.rest(attempt);
      }
    }
  }

  private proposed(
    cause: StoredEvent,
    { uuid, data }: CausedNotification,
    notificationId: number,
  ): ProposedEvent<NotificationRaised> {
    const { workspaceId, correlationId, occurredAt, traceparent } = cause.metadata;
    return {
      id: uuid,
      type: 'NotificationRaised',
      data: { notificationId, ...data },
      metadata: {
        workspaceId,
        correlationId,
        causationId: cause.id,
        actor: { kind: 'system', id: NAME, name: NAME },
        occurredAt,
        recordedAt: this.options.clock.now().toISOString(),
        ...(traceparent === undefined ? {} : { traceparent }),
      },
    };
  }

  private skip(cause: StoredEvent, error: unknown): void {
    this.metrics.count('skipped');
    const { id, stream, type, revision } = cause;
    this.options.logger.error(
      { err: error, cause: id, stream, type, revision: String(revision) },
      'a notification cannot be raised and is left out',
    );
  }

  private advance(position: Position): void {
    if (isAfter(position, this.done)) this.done = position;
  }

  private async saveWhenWorthIt(): Promise<void> {
    const isDue = this.hasWorked || performance.now() - this.savedAt >= SAVE_QUIET_EVERY_MS;
    if (isDue && isAfter(this.done, BEFORE_EVERYTHING)) await this.save();
  }

  /** Never rejects: what is not saved is done again, in vain. */
  private async save(): Promise<void> {
    const position = this.done;
    this.savedAt = performance.now();
    this.hasWorked = false;
    try {
      await this.options.failpoint?.('before-save');
      await this.position.save(position);
      await this.options.failpoint?.('after-save');
    } catch (error) {
      this.hasWorked = true;
      this.options.logger.warn({ err: error }, 'the position of the notification reactor was not saved');
    }
  }

  private rest(attempt: number): Promise<void> {
    return pause(backoffMs(attempt, RETRY_MS.first, RETRY_MS.last), this.stopping.signal);
  }
}

/** Each recipient's in the order of the log. */
function byRecipient(raising: readonly Raising[]): Iterable<Raising[]> {
  const queues = new Map<string, Raising[]>();
  for (const one of raising) {
    const { recipient, recipientAgentId } = one.caused.data;
    const key = `${one.cause.metadata.workspaceId} ${recipientAgentId ?? recipient}`;
    const queue = queues.get(key);
    if (queue === undefined) queues.set(key, [one]);
    else queue.push(one);
  }
  return queues.values();
}
