import type { DeliveryEvent } from '../deliveries.events.js';

/** What was written of a delivery, as far as one run asks. */
export interface DeliveryRecord {
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

/** The part of an outcome that a record is made of: thousands of them are held. */
type Told =
  | { readonly type: 'DeliveryAttempted'; readonly run: string; readonly attempts: number; readonly dueAt: number }
  | { readonly type: Exclude<DeliveryEvent['type'], 'DeliveryAttempted'>; readonly run: string };

const nothing: DeliveryRecord = { succeeded: false, died: false, finishedInRun: false, attempts: 0, dueAt: 0 };

/** What is known of deliveries that others worked on: an earlier process, or another one. */
export class DeliveryRecords {
  private readonly told = new Map<string, Told[]>();

  note(event: DeliveryEvent): void {
    const known = this.told.get(event.data.deliveryId);
    if (known === undefined) this.told.set(event.data.deliveryId, [toldBy(event)]);
    else known.push(toldBy(event));
  }

  of(deliveryId: string, run: string): DeliveryRecord {
    return (this.told.get(deliveryId) ?? []).reduce((record, each) => evolve(record, each, run), nothing);
  }

  /** As {@link of}, had `event` been noted. */
  with(event: DeliveryEvent, run: string): DeliveryRecord {
    return evolve(this.of(event.data.deliveryId, run), toldBy(event), run);
  }
}

function toldBy({ type, data }: DeliveryEvent): Told {
  if (type !== 'DeliveryAttempted') return { type, run: data.run };
  const { run, attempt, nextAttemptAt } = data;
  return { type, run, attempts: attempt, dueAt: nextAttemptAt === null ? 0 : Date.parse(nextAttemptAt) };
}

function evolve(record: DeliveryRecord, told: Told, run: string): DeliveryRecord {
  const isOwn = told.run === run;
  switch (told.type) {
    case 'DeliverySucceeded':
      return { ...record, succeeded: true, finishedInRun: record.finishedInRun || isOwn };
    case 'DeliveryDied':
    case 'DeliverySkipped':
      return {
        ...record,
        died: record.died || told.run === 'live',
        finishedInRun: record.finishedInRun || isOwn,
      };
    case 'DeliveryAttempted':
      return isOwn ? { ...record, attempts: told.attempts, dueAt: told.dueAt } : record;
  }
}
