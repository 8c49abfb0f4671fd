import { eventContract } from '../platform/event-store/event-contract.js';

export const deliveryOrders = ['none', 'key', 'strict'] as const;
export type DeliveryOrder = (typeof deliveryOrders)[number];

/** Why an endpoint is not delivered to: its 410, five days of failures, or somebody's decision. */
export const disabledReasons = ['gone', 'failing', 'paused'] as const;
export type DisabledReason = (typeof disabledReasons)[number];

/** A header that goes with every message. Its value may be a credential: it is sealed with a key that the log does not hold. */
export interface SealedHeader {
  readonly name: string;
  readonly sealed: string;
  readonly masterKeyId: string;
}

/** A place in the log, as two numbers of 16 hex digits. */
export interface LogPlace {
  readonly commit: string;
  readonly prepare: string;
}

/** Stream `webhook-{id}`: the life of an endpoint. Never a secret: it is derived from the master key. */
export interface WebhookRegistered {
  readonly type: 'WebhookRegistered';
  readonly data: {
    readonly webhookId: number;
    readonly name: string;
    readonly url: string;
    readonly events: readonly string[];
    readonly order: DeliveryOrder;
    readonly headers: readonly SealedHeader[];
    /** The master key of the first secret; null: messages are not signed. */
    readonly masterKeyId: string | null;
    /** Which renderer makes the bodies: a message keeps its bytes whatever the program learns later. */
    readonly bodyVersion: 1;
  };
}

export interface WebhookChanges {
  readonly name?: string;
  readonly url?: string;
  readonly events?: readonly string[];
  readonly headers?: readonly SealedHeader[];
}

/** A filter is in force from the place of this fact on. */
export interface WebhookChanged {
  readonly type: 'WebhookChanged';
  readonly data: {
    readonly webhookId: number;
    readonly name: string;
    readonly enabled: boolean;
    readonly changes: WebhookChanges;
  };
}

export interface WebhookSecretRotated {
  readonly type: 'WebhookSecretRotated';
  readonly data: {
    readonly webhookId: number;
    readonly name: string;
    readonly enabled: boolean;
    /** Number of the secret within the endpoint, from 1. */
    readonly secretId: number;
    readonly masterKeyId: string;
    /** When those before it end, ISO 8601; null: there was none to end. */
    readonly previousValidUntil: string | null;
  };
}

/** Nothing but failures for a while; `since`: the first of them. */
export interface WebhookFailing {
  readonly type: 'WebhookFailing';
  readonly data: { readonly webhookId: number; readonly name: string; readonly since: string };
}

export interface WebhookRecovered {
  readonly type: 'WebhookRecovered';
  readonly data: { readonly webhookId: number; readonly name: string };
}

export interface WebhookDisabled {
  readonly type: 'WebhookDisabled';
  readonly data: { readonly webhookId: number; readonly name: string; readonly reason: DisabledReason };
}

/** `skip`: what is pending at this place dies as skipped; `resume`: it is delivered. */
export interface WebhookEnabled {
  readonly type: 'WebhookEnabled';
  readonly data: { readonly webhookId: number; readonly name: string; readonly backlog: 'resume' | 'skip' };
}

/** Messages of the past are to be sent again, with the ids that they had. */
export interface WebhookReplayRequested {
  readonly type: 'WebhookReplayRequested';
  readonly data: {
    readonly webhookId: number;
    readonly name: string;
    readonly replayId: string;
    /** Exclusive; null: from the beginning. */
    readonly after: LogPlace | null;
    /** Inclusive. */
    readonly until: LogPlace;
    /** Facts recorded before this instant are left out; ISO 8601. */
    readonly since: string | null;
    /** Facts recorded after this instant are left out; ISO 8601. */
    readonly before: string | null;
    /** Null: what the endpoint subscribes to. */
    readonly types: readonly string[] | null;
    /** Only what died. */
    readonly onlyDead: boolean;
  };
}

export interface WebhookReplayFinished {
  readonly type: 'WebhookReplayFinished';
  readonly data: {
    readonly webhookId: number;
    readonly name: string;
    readonly replayId: string;
  };
}

export interface WebhookRemoved {
  readonly type: 'WebhookRemoved';
  readonly data: { readonly webhookId: number; readonly name: string };
}

export type WebhookEvent =
  | WebhookRegistered
  | WebhookChanged
  | WebhookSecretRotated
  | WebhookFailing
  | WebhookRecovered
  | WebhookDisabled
  | WebhookEnabled
  | WebhookReplayRequested
  | WebhookReplayFinished
  | WebhookRemoved;

const endpoint = {
  webhookId: { type: 'integer', minimum: 1 },
  name: { type: 'string', minLength: 1, maxLength: 200 },
};
const enabled = { type: 'boolean' };
const url = { type: 'string', minLength: 1, maxLength: 2_000 };
const events = { type: 'array', maxItems: 50, items: { type: 'string', minLength: 1, maxLength: 200 } };
const masterKeyId = { type: 'string', minLength: 1, maxLength: 64 };
const headers = {
  type: 'array',
  maxItems: 10,
  items: object({
    name: { type: 'string', minLength: 1, maxLength: 100 },
    sealed: { type: 'string', minLength: 1, maxLength: 8_000 },
    masterKeyId,
  }),
};
const half = { type: 'string', pattern: '^[0-9a-f]{16}$' };
const place = { type: ['object', 'null'], ...objectBody({ commit: half, prepare: half }) };
const instant = { type: 'string', minLength: 20, maxLength: 30 };
const optionalInstant = { type: ['string', 'null'], maxLength: 30 };
const stream = 'webhook-{id}';
const producer = 'webhooks';

function objectBody(properties: Record<string, object>, required: readonly string[] = Object.keys(properties)) {
  return { properties, required, additionalProperties: false };
}

function object(properties: Record<string, object>, required?: readonly string[]) {
  return { type: 'object', ...objectBody(properties, required) };
}

export const webhookEventContracts = [
  eventContract<WebhookRegistered>({
    type: 'WebhookRegistered',
    stream,
    description: 'An endpoint is told of facts from here on.',
    producer,
    frame: 'webhook.created',
    schema: object({
      ...endpoint,
      url,
      events,
      order: { enum: deliveryOrders },
      headers,
      masterKeyId: { type: ['string', 'null'], maxLength: 64 },
      bodyVersion: { enum: [1] },
    }),
  }),
  eventContract<WebhookChanged>({
    type: 'WebhookChanged',
    stream,
    description: 'Name, address, filter or headers of an endpoint changed; a filter counts from here on.',
    producer,
    frame: 'webhook.updated',
    schema: object({
      ...endpoint,
      enabled,
      changes: object({ name: endpoint.name, url, events, headers }, []),
    }),
  }),
  eventContract<WebhookSecretRotated>({
    type: 'WebhookSecretRotated',
    stream,
    description: 'Messages are signed with a new secret; those before it sign beside it until their grace ends.',
    producer,
    frame: 'webhook.updated',
    schema: object({
      ...endpoint,
      enabled,
      secretId: { type: 'integer', minimum: 1 },
      masterKeyId,
      previousValidUntil: optionalInstant,
    }),
  }),
  eventContract<WebhookFailing>({
    type: 'WebhookFailing',
    stream,
    description: 'An endpoint has answered nothing but failures for a while.',
    producer,
    frame: 'webhook.failing',
    schema: object({ ...endpoint, since: instant }),
  }),
  eventContract<WebhookRecovered>({
    type: 'WebhookRecovered',
    stream,
    description: 'A failing endpoint took a message again.',
    producer,
    frame: 'webhook.updated',
    schema: object(endpoint),
  }),
  eventContract<WebhookDisabled>({
    type: 'WebhookDisabled',
    stream,
    description: 'Nothing is sent to an endpoint any more; what matches is pending.',
    producer,
    frame: 'webhook.disabled',
    schema: object({ ...endpoint, reason: { enum: disabledReasons } }),
  }),
  eventContract<WebhookEnabled>({
    type: 'WebhookEnabled',
    stream,
    description: 'An endpoint is delivered to again: from where it stopped, or from here on.',
    producer,
    frame: 'webhook.updated',
    schema: object({ ...endpoint, backlog: { enum: ['resume', 'skip'] } }),
  }),
  eventContract<WebhookReplayRequested>({
    type: 'WebhookReplayRequested',
    stream,
    description: 'Facts of the past are to be sent to an endpoint, under the ids that they always have there.',
    producer,
    schema: object({
      ...endpoint,
      replayId: { type: 'string', pattern: '^[0-9a-f-]{36}$' },
      after: place,
      until: object({ commit: half, prepare: half }),
      since: optionalInstant,
      before: optionalInstant,
      types: { ...events, type: ['array', 'null'] },
      onlyDead: { type: 'boolean' },
    }),
  }),
  eventContract<WebhookReplayFinished>({
    type: 'WebhookReplayFinished',
    stream,
    description: 'Everything that a replay asked for was delivered or died.',
    producer,
    schema: object({ ...endpoint, replayId: { type: 'string', pattern: '^[0-9a-f-]{36}$' } }),
  }),
  eventContract<WebhookRemoved>({
    type: 'WebhookRemoved',
    stream,
    description: 'An endpoint is gone, and what was pending for it.',
    producer,
    frame: 'webhook.deleted',
    schema: object(endpoint),
  }),
];
