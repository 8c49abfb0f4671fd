import { eventContract } from '../platform/event-store/event-contract.js';
import type { LogPlace } from './webhooks.events.js';

/** What is known of a message wherever it is spoken of. */
export interface DeliveryIdentity {
  /** UUIDv5 of endpoint and event: the same on every attempt, every replay and in every process. */
  readonly deliveryId: string;
  readonly webhookId: number;
  /** The fact. */
  readonly eventId: string;
  /** Its name on the wire. */
  readonly event: string;
  /** Where the fact lies. */
  readonly stream: string;
  readonly revision: number;
  readonly place: LogPlace;
  /** True: the fact matches the endpoint's own filter after its start, and so stands in its balance. */
  readonly counts: boolean;
  /** `live`, `retry` and `test` by hand, or the id of a replay. */
  readonly run: string;
}

/** What became of one call. */
export interface AttemptFigures {
  /** Number within the run, from 1. */
  readonly attempt: number;
  /** Null: no answer. */
  readonly status: number | null;
  readonly error: string | null;
  readonly durationMs: number;
  readonly responseBytes: number;
  /** SHA-256 of what was read of the answer, hex; null: nothing. */
  readonly responseDigest: string | null;
}

/** Stream `deliveries-{webhook}`, as all outcomes. A success at first try is one event. */
export interface DeliveryAttempted {
  readonly type: 'DeliveryAttempted';
  readonly data: DeliveryIdentity &
    AttemptFigures & {
      /** Null: an attempt by hand, which is repeated by hand. */
      readonly nextAttemptAt: string | null;
    };
}

export interface DeliverySucceeded {
  readonly type: 'DeliverySucceeded';
  readonly data: DeliveryIdentity & AttemptFigures;
}

export const deathReasons = ['exhausted', 'gone', 'refused'] as const;
export type DeathReason = (typeof deathReasons)[number];

export interface DeliveryDied {
  readonly type: 'DeliveryDied';
  readonly data: DeliveryIdentity &
    AttemptFigures & { readonly reason: DeathReason; readonly webhookName: string; readonly enabled: boolean };
}

/** Somebody enabled the endpoint again without what was pending. */
export interface DeliverySkipped {
  readonly type: 'DeliverySkipped';
  readonly data: DeliveryIdentity;
}

/**
 * Stream `dispatch-{webhook}` or `dispatch-{webhook}_{replay}`, of which only the last events are kept: everything up to
 * here is finished but for `open`. A shortcut for the next start, never the truth.
 */
export interface DispatchMarked {
  readonly type: 'DispatchMarked';
  readonly data: {
    readonly webhookId: number;
    readonly run: string;
    readonly upTo: LogPlace;
    /** `stream@revision` of the facts. */
    readonly open: readonly string[];
    /** What was tried of them; `at`: which of the list, from 0; `dueAt`: when the next attempt is due, ms since 1970. */
    readonly tried: readonly { readonly at: number; readonly attempts: number; readonly dueAt: number }[];
    /** Revision in the stream of deliveries from which on outcomes may be unknown to this note; -1: all may be. */
    readonly outcomes: number;
  };
}

export type DeliveryEvent = DeliveryAttempted | DeliverySucceeded | DeliveryDied | DeliverySkipped;

const half = { type: 'string', pattern: '^[0-9a-f]{16}$' };
const webhookId = { type: 'integer', minimum: 1 };
const run = { type: 'string', minLength: 1, maxLength: 64 };
const uuid = { type: 'string', pattern: '^[0-9a-f-]{36}$' };
const place = object({ commit: half, prepare: half });
const identity = {
  deliveryId: uuid,
  webhookId,
  eventId: uuid,
  event: { type: 'string', minLength: 1, maxLength: 200 },
  stream: { type: 'string', minLength: 1, maxLength: 500 },
  revision: { type: 'integer', minimum: 0 },
  place,
  counts: { type: 'boolean' },
  run,
};
const figures = {
  attempt: { type: 'integer', minimum: 1 },
  status: { type: ['integer', 'null'] },
  error: { type: ['string', 'null'], maxLength: 200 },
  durationMs: { type: 'integer', minimum: 0 },
  responseBytes: { type: 'integer', minimum: 0 },
  responseDigest: { type: ['string', 'null'], pattern: '^[0-9a-f]{64}$' },
};
const stream = 'deliveries-{webhookId}';
const producer = 'webhooks';

function object(properties: Record<string, object>) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

export const deliveryEventContracts = [
  eventContract<DeliveryAttempted>({
    type: 'DeliveryAttempted',
    stream,
    description: 'A message was not taken; it is sent again at the stated time.',
    producer,
    schema: object({ ...identity, ...figures, nextAttemptAt: { type: ['string', 'null'], maxLength: 30 } }),
  }),
  eventContract<DeliverySucceeded>({
    type: 'DeliverySucceeded',
    stream,
    description: 'A receiver took a message.',
    producer,
    schema: object({ ...identity, ...figures }),
  }),
  eventContract<DeliveryDied>({
    type: 'DeliveryDied',
    stream,
    description: 'A message is not sent any more by itself: its attempts are used up, or the receiver said 410.',
    producer,
    frame: 'webhook.exhausted',
    schema: object({
      ...identity,
      ...figures,
      reason: { enum: deathReasons },
      webhookName: { type: 'string', minLength: 1, maxLength: 200 },
      enabled: { type: 'boolean' },
    }),
  }),
  eventContract<DeliverySkipped>({
    type: 'DeliverySkipped',
    stream,
    description: 'A pending message was left out when its endpoint was enabled again.',
    producer,
    schema: object(identity),
  }),
  eventContract<DispatchMarked>({
    type: 'DispatchMarked',
    version: 2,
    stream: 'dispatch-{webhookId}',
    description: 'Up to here an endpoint has everything but what is listed.',
    producer,
    schema: object({
      webhookId,
      run,
      upTo: place,
      open: { type: 'array', maxItems: 1_000, items: { type: 'string', maxLength: 520 } },
      tried: {
        type: 'array',
        maxItems: 1_000,
        items: object({
          at: { type: 'integer', minimum: 0 },
          attempts: { type: 'integer', minimum: 1 },
          dueAt: { type: 'integer', minimum: 0 },
        }),
      },
      outcomes: { type: 'integer', minimum: -1 },
    }),
    upcasters: { 1: (data) => ({ ...data, tried: [], outcomes: -1 }) },
  }),
];
