import { setImmediate as nextTurn } from 'node:timers/promises';
import { backoffMs, pause } from '../../platform/event-store/backoff.js';
import { AppendRefused, MalformedEvent, RevisionConflict } from '../../platform/event-store/event-store.errors.js';
import type { ProposedEvent } from '../../platform/event-store/stored-event.js';
import type { DeliveryEvent } from '../deliveries.events.js';
import { DeliveryRecords, type DeliveryRecord } from './delivery-records.js';
import { deliveriesStream, outcomeOf } from './delivery-stream.js';
import type { DispatchTools } from './dispatch-tools.js';

const MOST_AT_ONCE = 256;
const PATIENCE_MS = 400;
const RETRY_MS = { first: 50, last: 5_000 };

/**
 * `elsewhere`: somebody else wrote meanwhile, and what that was is known now: decide again. `refused`: the store does not
 * take it. `stopped`: left to the next start.
 */
export type Written = 'written' | 'elsewhere' | 'refused' | 'stopped';

interface Waiting {
  readonly event: ProposedEvent<DeliveryEvent>;
  readonly settle: (written: Written) => void;
}

/**
 * What became of the messages of one endpoint, in its stream of deliveries. Outcomes that come while an append is under
 * way go together with the next one. Each append expects what this process knows to be there, so that of two dispatchers
 * one looks again.
 */
export class OutcomeLog {
  private readonly records = new DeliveryRecords();
  private readonly stopping = new AbortController();
  private queue: Waiting[] = [];
  private known = -1n;
  private seenUpTo = -1n;
  private isLearned = false;
  private working: Promise<void> | undefined;

  constructor(
    private readonly webhookId: number,
    private readonly tools: Pick<DispatchTools, 'store' | 'streams' | 'logger'>,
    /** Told of outcomes that others wrote. */
    private readonly onForeign: (event: DeliveryEvent) => void,
  ) {}

  /** Up to here every outcome is known, or asked for by nobody. */
  get revision(): bigint {
    return this.known;
  }

  /** Reads what was written after a revision, or only finds the end. Errors: those of a read. */
  async learn(after: bigint | 'end'): Promise<void> {
    if (after === 'end') this.advance(await this.tools.streams.lastRevision(this.webhookId));
    else await this.read(after);
    this.isLearned = true;
  }

  recordOf(deliveryId: string, run: string): DeliveryRecord {
    return this.records.of(deliveryId, run);
  }

  /** As {@link recordOf}, after an outcome that is not kept here. */
  recordAfter(event: DeliveryEvent, run: string): DeliveryRecord {
    return this.records.with(event, run);
  }

  /** Resolves when the outcome is durable, or never will be by this call. Never rejects. */
  write(event: ProposedEvent<DeliveryEvent>): Promise<Written> {
    if (this.isStopped) return Promise.resolve('stopped');
    return new Promise((settle) => {
      this.queue.push({ event, settle });
      this.work();
    });
  }

  /** The log holds an outcome with this revision: when it is none of ours, it is read. */
  seen(revision: bigint): void {
    if (revision > this.seenUpTo) this.seenUpTo = revision;
    this.work();
  }

  /** What is under way is written, or left to the next start. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.race([this.working, pause(PATIENCE_MS)]);
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private get hasWork(): boolean {
    return this.queue.length > 0 || (this.isLearned && this.seenUpTo > this.known && !this.isStopped);
  }

  private work(): void {
    if (this.working !== undefined || !this.hasWork) return;
    this.working = this.untilIdle().finally(() => {
      this.working = undefined;
      this.work();
    });
  }

  private async untilIdle(): Promise<void> {
    while (this.hasWork) {
      // What is answered in the same turn of the event loop is written together.
      await nextTurn();
      const batch = this.queue.splice(0, MOST_AT_ONCE);
      if (batch.length > 0) await this.writeAll(batch);
      // Our own ones are known by now: what is beyond them is somebody else's.
      else await this.patiently('outcomes of another writer cannot be read now', () => this.read(this.known));
    }
  }

  private async writeAll(batch: readonly Waiting[]): Promise<void> {
    const { store } = this.tools;
    const settleAll = (written: Written) => {
      for (const { settle } of batch) settle(written);
    };
    const isDone = await this.patiently('what became of messages cannot be written now', async () => {
      try {
        const events = batch.map(({ event }) => event);
        const expected = this.known < 0n ? 'no_stream' : this.known;
        const { revision } = await store.append(deliveriesStream(this.webhookId), events, expected);
        this.advance(revision);
        settleAll('written');
      } catch (error) {
        if (error instanceof RevisionConflict) {
          await this.read(this.known);
          settleAll('elsewhere');
        } else if (error instanceof AppendRefused || error instanceof MalformedEvent) {
          await this.writeApart(batch, error);
        } else throw error;
      }
    });
    if (!isDone) settleAll('stopped');
  }

  /** One of them spoils the append for all. */
  private async writeApart(batch: readonly Waiting[], error: Error): Promise<void> {
    const [only] = batch;
    if (batch.length > 1) {
      for (const each of batch) await this.writeAll([each]);
      return;
    }
    this.tools.logger.error({ err: error, webhookId: this.webhookId }, 'what became of a message cannot be written');
    only?.settle('refused');
  }

  /** Repeats while the store is away. False: it was told to stop meanwhile. */
  private async patiently(complaint: string, step: () => Promise<void>): Promise<boolean> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await step();
        return true;
      } catch (error) {
        if (this.isStopped) return false;
        if (attempt === 0) this.tools.logger.warn({ err: error, webhookId: this.webhookId }, complaint);
        await pause(backoffMs(attempt, RETRY_MS.first, RETRY_MS.last), this.stopping.signal);
      }
    }
  }

  private async read(after: bigint): Promise<void> {
    for await (const page of this.tools.streams.outcomesAfter(this.webhookId, after)) {
      for (const entry of page) {
        const event = outcomeOf(entry);
        if (event !== undefined) {
          this.records.note(event);
          this.onForeign(event);
        }
        this.advance(entry.revision);
      }
    }
  }

  private advance(revision: bigint): void {
    if (revision > this.known) this.known = revision;
    if (revision > this.seenUpTo) this.seenUpTo = revision;
  }
}
