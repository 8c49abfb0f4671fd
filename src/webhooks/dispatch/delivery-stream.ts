import { Injectable } from '@nestjs/common';
import { EventStore, isReadable, type LogEntry } from '../../platform/event-store/event-store.js';
import type { StoredEvent } from '../../platform/event-store/stored-event.js';
import type { DeliveryEvent } from '../deliveries.events.js';

const PAGE = 1_000;
const PREFIX = 'deliveries-';

/** The outcomes of all messages of an endpoint, whichever run made them. */
export function deliveriesStream(webhookId: number): string {
  return `${PREFIX}${webhookId}`;
}

/** The endpoint whose outcomes the stream holds; undefined for other streams. */
export function webhookOfDeliveries(stream: string): number | undefined {
  return stream.startsWith(PREFIX) ? Number(stream.slice(PREFIX.length)) : undefined;
}

@Injectable()
export class DeliveryStreams {
  constructor(private readonly store: EventStore) {}

  /** What was written after a revision, page by page. Errors: those of a read. */
  async *outcomesAfter(webhookId: number, after: bigint): AsyncGenerator<readonly LogEntry[], void, void> {
    for (let from = after + 1n; ;) {
      const page = (await this.store.readStream(deliveriesStream(webhookId), { from, max: PAGE })) ?? [];
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      if (page.length < PAGE) return;
      from = last.revision + 1n;
    }
  }

  /** Revision of the last outcome; -1: there is none. */
  async lastRevision(webhookId: number): Promise<bigint> {
    const [last] = (await this.store.readStreamBackwards(deliveriesStream(webhookId), { max: 1 })) ?? [];
    return last?.revision ?? -1n;
  }

  /** The deliveries that died, or were left out, and were not taken since. */
  async dead(webhookId: number): Promise<ReadonlySet<string>> {
    const dead = new Set<string>();
    for await (const page of this.outcomesAfter(webhookId, -1n)) {
      for (const { type, data } of page.flatMap((entry) => outcomeOf(entry) ?? [])) {
        if (type === 'DeliverySucceeded') dead.delete(data.deliveryId);
        else if (type !== 'DeliveryAttempted' && data.run === 'live') dead.add(data.deliveryId);
      }
    }
    return dead;
  }

  /** The event at a place of a stream. */
  async entryAt(stream: string, revision: bigint): Promise<LogEntry | undefined> {
    const [entry] = (await this.store.readStream(stream, { from: revision, max: 1 })) ?? [];
    return entry?.revision === revision ? entry : undefined;
  }
}

/** Undefined for an entry that cannot be read. */
export function outcomeOf(entry: LogEntry): DeliveryEvent | undefined {
  return isReadable(entry) ? (entry as StoredEvent & DeliveryEvent) : undefined;
}
