import type { DeliveryEvent } from '../../src/webhooks/deliveries.events.js';
import type { WebhookEvent } from '../../src/webhooks/webhooks.events.js';
import type { Stored } from '../engine/projection.js';

export type WebhooksEvent = WebhookEvent | DeliveryEvent;

export const states = { pending: 1, dead: 2, delivered: 3 } as const;

export interface AttemptRow {
  readonly id: bigint;
  readonly eventId: string;
  readonly deliveryId: string;
  readonly webhookId: number;
  readonly event: string;
  readonly run: string;
  readonly state: number;
  readonly attempt: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly durationMs: number | null;
  readonly at: string;
  readonly nextAttemptAt: string | null;
}

export interface DeliveryRow {
  readonly deliveryId: string;
  readonly webhookId: number;
  readonly event: string;
  readonly stream: string;
  readonly revision: number;
  readonly sourcePosition: bigint;
  counts: boolean;
  state: number;
  firstId: bigint;
  lastId: bigint;
}

/** What a batch adds to the figures of an endpoint. */
export interface CounterChange {
  readonly webhookId: number;
  total: number;
  successful: number;
  failed: number;
  /** Failures since the last success of the batch, or since its beginning. */
  failuresAtEnd: number;
  lastFiredAt: string;
  lastStatus: number | null;
}

export interface WebhooksChanges {
  /** In the order of the log. */
  readonly endpoints: readonly Stored<WebhookEvent>[];
  readonly deliveries: ReadonlyMap<string, DeliveryRow>;
  readonly attempts: readonly AttemptRow[];
  readonly counters: ReadonlyMap<number, CounterChange>;
}

export function foldWebhooks(events: readonly Stored<WebhooksEvent>[]): WebhooksChanges {
  const endpoints: Stored<WebhookEvent>[] = [];
  const deliveries = new Map<string, DeliveryRow>();
  const attempts: AttemptRow[] = [];
  const counters = new Map<number, CounterChange>();
  for (const event of events) {
    if (!isDelivery(event)) {
      endpoints.push(event);
      continue;
    }
    const attempt = attemptOf(event);
    attempts.push(attempt);
    addDelivery(deliveries, event, attempt);
    if (event.type !== 'DeliverySkipped') count(counters, attempt);
  }
  return { endpoints, deliveries, attempts, counters };
}

function isDelivery(event: Stored<WebhooksEvent>): event is Stored<DeliveryEvent> {
  return event.type.startsWith('Delivery');
}

const stateOf = {
  DeliveryAttempted: states.pending,
  DeliverySucceeded: states.delivered,
  DeliveryDied: states.dead,
  DeliverySkipped: states.dead,
} as const;

function attemptOf(event: Stored<DeliveryEvent>): AttemptRow {
  const { data } = event;
  const figures =
    event.type === 'DeliverySkipped'
      ? { attempt: 0, status: null, error: 'skipped', durationMs: null }
      : {
          attempt: event.data.attempt,
          status: event.data.status,
          error: event.data.error,
          durationMs: event.data.durationMs,
        };
  return {
    ...figures,
    id: event.position.commit,
    eventId: event.id,
    deliveryId: data.deliveryId,
    webhookId: data.webhookId,
    event: data.event,
    run: data.run,
    state: stateOf[event.type],
    at: event.metadata.recordedAt,
    nextAttemptAt: event.type === 'DeliveryAttempted' ? event.data.nextAttemptAt : null,
  };
}

function addDelivery(rows: Map<string, DeliveryRow>, { data }: Stored<DeliveryEvent>, attempt: AttemptRow): void {
  const row = rows.get(data.deliveryId);
  if (row === undefined) {
    rows.set(data.deliveryId, {
      deliveryId: data.deliveryId,
      webhookId: data.webhookId,
      event: data.event,
      stream: data.stream,
      revision: data.revision,
      sourcePosition: BigInt(`0x${data.place.commit}`),
      counts: data.counts,
      state: attempt.state,
      firstId: attempt.id,
      lastId: attempt.id,
    });
    return;
  }
  row.counts ||= data.counts;
  row.state = Math.max(row.state, attempt.state);
  row.lastId = attempt.id;
}

function count(counters: Map<number, CounterChange>, { webhookId, state, at, status }: AttemptRow): void {
  const change = counters.get(webhookId) ?? {
    webhookId,
    total: 0,
    successful: 0,
    failed: 0,
    failuresAtEnd: 0,
    lastFiredAt: at,
    lastStatus: null,
  };
  const succeeded = state === states.delivered;
  change.total += 1;
  change.successful += succeeded ? 1 : 0;
  change.failed += succeeded ? 0 : 1;
  change.failuresAtEnd = succeeded ? 0 : change.failuresAtEnd + 1;
  change.lastFiredAt = at;
  change.lastStatus = status;
  counters.set(webhookId, change);
}
