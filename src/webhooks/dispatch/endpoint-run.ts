import { backoffMs, pause } from '../../platform/event-store/backoff.js';
import { PositionRefused } from '../../platform/event-store/event-store.errors.js';
import type { LogEntry } from '../../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, isAfter, laterOf, type Position } from '../../platform/event-store/position.js';
import type { ProposedEvent } from '../../platform/event-store/stored-event.js';
import { logPages } from '../../platform/log-tail/log-pages.js';
import type { DeliveryEvent, DeliveryIdentity } from '../deliveries.events.js';
import { placeOf } from '../log-place.js';
import { nextAttemptAt } from '../retry-schedule.js';
import { factOf, type WebhookFact } from '../webhook-facts.js';
import { bodyOf, deliveryIdOf } from '../webhook-message.js';
import type { DeliveryRecord } from './delivery-records.js';
import { DispatchMark, type SavedOpen } from './dispatch-mark.js';
import type { DispatchTools } from './dispatch-tools.js';
import type { EndpointHealth } from './endpoint-health.js';
import type { EndpointView } from './endpoint-view.js';
import { WITHOUT_FACTS } from './facts-of-log.js';
import { OpenDeliveries, type OpenDelivery } from './open-deliveries.js';
import type { OutcomeLog } from './outcome-log.js';
import type { Pace } from './pace.js';
import type { Sent } from './webhook-sender.js';

/** Calls to a receiver at a time. */
const MOST_UNANSWERED = 8;
/** In flight, or answered and not yet written down: as many may be sent once more after a crash. */
const WINDOW = 32;
const LOOKUPS = 16;
/** Facts that are taken from a page before what is due is begun. */
const STRETCH = 64;
const RETRY_MS = { first: 50, last: 5_000 };
const QUIET_SAVE_MS = 600_000;
const PATIENCE_MS = 400;
const SOON_MS = 250;
const UNWRITTEN_AGAIN_MS = 60_000;

export interface RunSource {
  /** `live`, or the id of a replay. */
  readonly id: string;
  /** The name under which the run sends a fact; undefined: it does not. */
  readonly nameFor: (fact: WebhookFact) => string | undefined;
  /** Where a run without a mark begins. */
  readonly after: Position;
  /** How far it reads at this moment. */
  readonly until: () => Position;
  /** A replay ends there. */
  readonly endsAt: Position | undefined;
  /** Nobody can have worked on it before this process. */
  readonly isNew: boolean;
  /** Called once, before anything else. */
  readonly prepare?: () => Promise<void>;
  /** A delivery that needs nothing more. */
  readonly isDone: (record: DeliveryRecord, deliveryId: string) => boolean;
}

/**
 * One pass over the log for one endpoint: takes the facts that match, and brings each to its end. All that it remembers
 * can be read again from the log, so it may be killed anywhere; what was in flight then is sent once more, with the same id
 * and the same bytes.
 */
export class EndpointRun {
  readonly open: OpenDeliveries;
  private cursor: Position;
  private isReading = true;
  private inFlight = 0;
  private unanswered = 0;
  private readonly stopping = new AbortController();
  private readonly mark: DispatchMark;
  private reading: Promise<void> = Promise.resolve();
  private readonly sending = new Set<Promise<void>>();
  private madeRoom: () => void = () => {};
  private timer: NodeJS.Timeout | undefined;
  private isDirty = false;
  private savedAt = performance.now();
  private savedCursor: Position = BEFORE_EVERYTHING;
  private skippedUpTo: Position;
  private isRestored = false;

  constructor(
    private readonly view: EndpointView,
    private readonly health: EndpointHealth,
    private readonly pace: Pace,
    private readonly outcomes: OutcomeLog,
    private readonly source: RunSource,
    private readonly tools: DispatchTools,
    private readonly told: {
      /** The run has nothing left to do, ever. */
      readonly onEnd: () => void;
      readonly onWritten: (event: DeliveryEvent) => void;
    },
  ) {
    this.open = new OpenDeliveries(view.state.order);
    this.cursor = source.after;
    this.skippedUpTo = view.skippedUpTo;
    this.mark = new DispatchMark(view.webhookId, source.id, tools);
  }

  start(): void {
    this.reading = this.catchUp();
  }

  /** Nothing new is begun; what is in flight is written down, or left to the next start. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    this.madeRoom();
    await this.reading;
    // Receivers may take their time; what they are not waited for is sent once more by the next start.
    await Promise.race([Promise.all(this.sending), pause(PATIENCE_MS)]);
    if (this.isDirty) await this.save();
  }

  /** The shared reader came to this fact; `upTo` where there is none for this run. */
  offer(position: Position, fact: WebhookFact | undefined): void {
    if (this.isReading || this.isStopped || !isAfter(position, this.cursor)) return;
    const name = fact === undefined ? undefined : this.source.nameFor(fact);
    if (fact !== undefined && name !== undefined) {
      if (this.open.isFull) {
        this.isReading = true;
        this.start();
        return;
      }
      this.take(fact, name);
    }
    this.cursor = position;
  }

  /** An outcome of this endpoint that another run, process or person brought about. */
  heard(event: DeliveryEvent): void {
    const item = this.open.resting(event.data.deliveryId);
    if (item === undefined) return;
    const record = this.outcomes.recordAfter(event, this.source.id);
    item.attempts = Math.max(item.attempts, record.attempts);
    if (!this.source.isDone(record, item.deliveryId)) return;
    this.finish(item);
    this.pump();
  }

  /** Somebody skipped what is pending, or the endpoint was enabled again. */
  stateChanged(): void {
    const { skippedUpTo } = this.view;
    if (this.source.id === 'live' && isAfter(skippedUpTo, this.skippedUpTo)) this.open.hurry();
    this.skippedUpTo = skippedUpTo;
    this.pump();
  }

  /** Begins whatever may begin now. */
  pump(): void {
    if (this.isStopped || !this.health.isSending) return;
    const now = this.tools.clock.now().getTime();
    while (this.unanswered < MOST_UNANSWERED && this.inFlight < WINDOW) {
      const due = this.open.nextDue;
      if (due === undefined) break;
      const wait = due > now ? due - now : this.pace.waitMs(performance.now());
      if (wait > 0) {
        this.pumpIn(wait);
        return;
      }
      const item = this.open.next(now);
      if (item === undefined) break;
      if (!this.isSkipped(item)) this.pace.take(performance.now());
      this.inFlight += 1;
      const work = this.bring(item).finally(() => {
        this.inFlight -= 1;
        this.sending.delete(work);
        if (this.open.hasRoom) this.madeRoom();
        this.pump();
        this.endIfDone();
      });
      this.sending.add(work);
    }
  }

  /** What is due later is begun by the ticks of the dispatcher, which see a clock that was moved. */
  private pumpIn(ms: number): void {
    if (ms > SOON_MS) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.pump();
    }, Math.ceil(ms));
  }

  async saveWhenWorthIt(): Promise<void> {
    const isQuietDue =
      performance.now() - this.savedAt >= QUIET_SAVE_MS && isAfter(this.cursor, this.savedCursor) && !this.isReading;
    if (this.isDirty || isQuietDue) await this.save();
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async save(): Promise<void> {
    this.isDirty = false;
    this.savedAt = performance.now();
    this.savedCursor = this.cursor;
    try {
      await this.mark.save(this.cursor, this.open, this.outcomes.revision);
    } catch (error) {
      this.isDirty = true;
      this.tools.logger.warn({ err: error, webhookId: this.view.webhookId }, 'the mark of a webhook was not saved');
    }
  }

  private async catchUp(): Promise<void> {
    for (let attempt = 0; !this.isStopped; attempt += 1) {
      try {
        if (!this.isRestored) await this.restore();
        this.isRestored = true;
        await this.readOn();
        return;
      } catch (error) {
        if (this.isStopped) return;
        this.tools.logger.warn({ err: error, webhookId: this.view.webhookId }, 'a webhook cannot read the log now');
        if (error instanceof PositionRefused) this.cursor = this.source.after;
        await pause(backoffMs(attempt, RETRY_MS.first, RETRY_MS.last), this.stopping.signal);
      }
    }
  }

  private async restore(): Promise<void> {
    await this.source.prepare?.();
    const saved = await this.mark.load();
    if (saved === undefined) {
      await this.outcomes.learn(this.source.isNew ? 'end' : -1n);
      return;
    }
    await this.outcomes.learn(saved.outcomes);
    for (let from = 0; from < saved.open.length; from += LOOKUPS) {
      const listed = saved.open.slice(from, from + LOOKUPS);
      const entries = await Promise.all(
        listed.map(({ stream, revision }) => this.tools.streams.entryAt(stream, revision)),
      );
      for (const [index, entry] of entries.entries()) if (entry !== undefined) this.takeFrom(entry, listed[index]);
    }
    this.cursor = laterOf(this.cursor, saved.upTo);
    this.savedCursor = this.cursor;
    this.pump();
  }

  private async readOn(): Promise<void> {
    while (!this.isStopped) {
      const pages = logPages(this.tools.store, {
        after: this.cursor,
        until: this.source.until,
        withoutStreamPrefixes: WITHOUT_FACTS,
        name: `webhook-${this.view.webhookId}`,
        signal: this.stopping.signal,
      });
      for await (const { entries, upTo } of pages) {
        for (let from = 0; from < entries.length && !this.isStopped; from += STRETCH) {
          const part = entries.slice(from, from + STRETCH);
          for (const entry of part) this.takeFrom(entry);
          this.cursor = part.at(-1)?.position ?? this.cursor;
          this.pump();
          await this.room();
        }
        if (this.isStopped) return;
        this.cursor = laterOf(this.cursor, upTo);
      }
      if (!isAfter(this.source.until(), this.cursor)) break;
    }
    this.isReading = false;
    this.pump();
    this.endIfDone();
  }

  private async room(): Promise<void> {
    while (this.open.isFull && !this.isStopped) {
      await new Promise<void>((resolve) => {
        this.madeRoom = resolve;
      });
    }
  }

  private endIfDone(): void {
    const { endsAt } = this.source;
    if (endsAt === undefined || this.isReading || this.isStopped || this.open.size > 0 || this.inFlight > 0) return;
    this.stopping.abort();
    this.told.onEnd();
  }

  private takeFrom(entry: LogEntry, saved?: SavedOpen): void {
    const fact = factOf(entry);
    const name = fact === undefined ? undefined : this.source.nameFor(fact);
    if (fact !== undefined && name !== undefined) this.take(fact, name, saved);
  }

  private take(fact: WebhookFact, event: string, saved?: SavedOpen): void {
    const deliveryId = deliveryIdOf(this.view.webhookId, fact.eventId);
    const record = this.outcomes.recordOf(deliveryId, this.source.id);
    if (this.source.isDone(record, deliveryId)) return;
    this.isDirty = true;
    const { attempts, dueAt } = record.attempts > 0 ? record : (saved ?? record);
    this.open.add({
      deliveryId,
      eventId: fact.eventId,
      event,
      stream: fact.stream,
      revision: fact.revision,
      position: fact.position,
      correlationId: fact.correlationId,
      counts: this.view.ownNameFor(fact) !== undefined,
      key: fact.key,
      body: attempts > 0 ? undefined : bodyOf(fact, event, this.tools.generation.current),
      attempts,
      dueAt: this.isSkipped(fact) ? 0 : dueAt,
      takenAt: this.outcomes.revision,
    });
  }

  /** One attempt, or what stands in its place. Never rejects. */
  private async bring(item: OpenDelivery): Promise<void> {
    try {
      if (this.isSkipped(item)) {
        await this.conclude(item, { type: 'DeliverySkipped', data: this.identityOf(item) }, 'skipped');
        return;
      }
      const sent = await this.attempt(item);
      const judged = this.judge(item, sent);
      this.pump();
      await judged;
    } catch (error) {
      if (this.isStopped) return;
      this.tools.logger.warn({ err: error, deliveryId: item.deliveryId }, 'a message cannot be sent now');
      this.open.later(item, this.tools.clock.now().getTime() + RETRY_MS.last);
    }
  }

  private async attempt(item: OpenDelivery): Promise<Sent> {
    this.unanswered += 1;
    try {
      const body = item.body ?? (await this.bodyAgain(item));
      const { deliveryId, event } = item;
      const attempt = item.attempts + 1;
      const isReplay = this.source.id !== 'live';
      return await this.tools.sender.send(this.view, { deliveryId, event, body, attempt, isReplay });
    } finally {
      this.unanswered -= 1;
    }
  }

  private async judge(item: OpenDelivery, sent: Sent): Promise<void> {
    const { figures } = sent;
    const data = { ...this.identityOf(item), ...figures };
    if (sent.succeeded) {
      this.health.succeeded();
      await this.conclude(item, { type: 'DeliverySucceeded', data }, 'delivered', sent);
      return;
    }
    const isGone = figures.status === 410;
    if (!isGone) this.health.failed();
    const next = isGone
      ? undefined
      : nextAttemptAt(
          {
            attempt: figures.attempt,
            failedAt: this.tools.clock.now(),
            outcome: figures.status ?? figures.error ?? '',
            retryAfter: sent.retryAfter,
          },
          this.tools,
        );
    if (next !== undefined) {
      const event = { type: 'DeliveryAttempted' as const, data: { ...data, nextAttemptAt: next.toISOString() } };
      if (!(await this.write(item, event, sent))) return;
      this.tools.metrics.count('failed');
      item.attempts = figures.attempt;
      this.isDirty = true;
      this.open.later(item, next.getTime());
      return;
    }
    const reason = isGone ? 'gone' : sent.refused ? 'refused' : 'exhausted';
    const died = { ...data, reason, webhookName: this.view.state.name, enabled: !isGone } as const;
    await this.conclude(item, { type: 'DeliveryDied', data: died }, 'died', sent);
    if (isGone) this.health.disable('gone');
  }

  private async conclude(
    item: OpenDelivery,
    event: DeliveryEvent,
    result: 'delivered' | 'died' | 'skipped',
    sent?: Sent,
  ): Promise<void> {
    if (!(await this.write(item, event, sent))) return;
    this.tools.metrics.count(result);
    this.finish(item);
  }

  private finish(item: OpenDelivery): void {
    this.isDirty = true;
    this.open.finish(item);
  }

  /** False: the item is done with by somebody else, comes again, or is left to the next start. */
  private async write(item: OpenDelivery, event: DeliveryEvent, sent: Sent | undefined): Promise<boolean> {
    const { clock, ids, metrics, excerpts } = this.tools;
    const now = clock.now().toISOString();
    for (;;) {
      // A new id each time: two dispatchers that made the same attempt must not be taken for one.
      const proposed: ProposedEvent<DeliveryEvent> = {
        type: event.type,
        data: event.data,
        id: ids.newId(),
        metadata: {
          workspaceId: this.view.workspaceId,
          correlationId: item.correlationId,
          causationId: item.eventId,
          actor: { kind: 'system', id: 'webhooks', name: 'webhooks' },
          occurredAt: now,
          recordedAt: now,
        },
      };
      switch (await this.outcomes.write(proposed)) {
        case 'written':
          if (sent !== undefined) excerpts.note({ eventId: proposed.id, text: sent.excerpt });
          this.told.onWritten(event);
          return true;
        case 'elsewhere':
          metrics.count('elsewhere');
          if (!this.source.isDone(this.outcomes.recordOf(item.deliveryId, this.source.id), item.deliveryId)) continue;
          this.finish(item);
          return false;
        case 'refused':
          this.open.later(item, clock.now().getTime() + UNWRITTEN_AGAIN_MS);
          return false;
        case 'stopped':
          return false;
      }
    }
  }

  private isSkipped({ position }: Pick<OpenDelivery, 'position'>): boolean {
    return this.source.id === 'live' && !isAfter(position, this.view.skippedUpTo);
  }

  private async bodyAgain({ stream, revision, event }: OpenDelivery): Promise<Buffer> {
    const entry = await this.tools.streams.entryAt(stream, revision);
    const fact = entry === undefined ? undefined : factOf(entry);
    if (fact === undefined) throw new Error(`${stream}@${revision} holds no fact any more`);
    return bodyOf(fact, event, this.tools.generation.current);
  }

  private identityOf(item: OpenDelivery): DeliveryIdentity {
    return {
      deliveryId: item.deliveryId,
      webhookId: this.view.webhookId,
      eventId: item.eventId,
      event: item.event,
      stream: item.stream,
      revision: Number(item.revision),
      place: placeOf(item.position),
      counts: item.counts,
      run: this.source.id,
    };
  }
}
