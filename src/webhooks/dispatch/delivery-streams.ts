import { Injectable } from '@nestjs/common';
import { EventStore, isReadable, type LogEntry } from '../../platform/event-store/event-store.js';
import type { StoredEvent } from '../../platform/event-store/stored-event.js';
import type { DeliveryEvent } from '../deliveries.events.js';

/** What the stream of a delivery says, as far as one run asks. */
export interface DeliveryRecord {
  /** -1: nothing was written yet. */
  readonly revision: bigint;
  /** It was taken once, whatever run it was. */
  readonly succeeded: boolean;
  /** It died, or was left out, in the endpoint's own run. */
  readonly died: boolean;
  /** It was taken or died in this run. */
  readonly finishedInRun: boolean;
  /** Attempts in this run. */
  readonly attempts: number;
  /** When the next attempt of this run is due, ms since 1970; 0: now. */
  readonly dueAt: number;
}

const nothing: DeliveryRecord = {
  revision: -1n,
  succeeded: false,
  died: false,
  finishedInRun: false,
  attempts: 0,
  dueAt: 0,
};

@Injectable()
export class DeliveryStreams {
  constructor(private readonly store: EventStore) {}

  /** Errors: those of a read. */
  async recordOf(deliveryId: string, run: string): Promise<DeliveryRecord> {
    const entries = (await this.store.readStream(deliveryStream(deliveryId))) ?? [];
    return entries.reduce((record, entry) => after(record, entry, run), nothing);
  }

  /** The event at a place of a stream. */
  async entryAt(stream: string, revision: bigint): Promise<LogEntry | undefined> {
    const [entry] = (await this.store.readStream(stream, { from: revision, max: 1 })) ?? [];
    return entry?.revision === revision ? entry : undefined;
  }
}

export function deliveryStream(deliveryId: string): string {
  return `delivery-${deliveryId}`;
}

function after(record: DeliveryRecord, entry: LogEntry, run: string): DeliveryRecord {
  const { revision } = entry;
  if (!isReadable(entry)) return { ...record, revision };
  const event = entry as StoredEvent & DeliveryEvent;
  const own = event.data.run === run;
  switch (event.type) {
    case 'DeliverySucceeded':
      return { ...record, revision, succeeded: true, finishedInRun: record.finishedInRun || own };
    case 'DeliveryDied':
    case 'DeliverySkipped':
      return {
        ...record,
        revision,
        died: record.died || event.data.run === 'live',
        finishedInRun: record.finishedInRun || own,
      };
    case 'DeliveryAttempted': {
      if (!own) return { ...record, revision };
      const { attempt, nextAttemptAt } = event.data;
      return { ...record, revision, attempts: attempt, dueAt: nextAttemptAt === null ? 0 : Date.parse(nextAttemptAt) };
    }
  }
}
