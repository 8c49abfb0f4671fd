import { eventContract } from '../platform/event-store/event-contract.js';
import type { Json } from '../platform/event-store/stored-event.js';

/** Stream `callbacksecrets-{agentId}`: which secrets sign for an agent. Never a secret: it is derived from the master key. */
export interface CallbackSecretIssued {
  readonly type: 'CallbackSecretIssued';
  readonly data: {
    readonly agentId: number;
    readonly agentName: string;
    /** Number of the secret within the agent, from 1. */
    readonly secretId: number;
    /** The master key that it is derived from. */
    readonly masterKeyId: string;
    /** When those before it end, ISO 8601; null: there was none to end. */
    readonly previousValidUntil: string | null;
    /** Of one that was made elsewhere: keyed, so that it gives nothing away. Null: it is derived. */
    readonly fingerprint: string | null;
  };
}

export interface CallbackSecretEnded {
  readonly type: 'CallbackSecretEnded';
  readonly data: { readonly agentId: number; readonly agentName: string; readonly secretId: number };
}

export interface LegacyCallbacksAllowed {
  readonly type: 'LegacyCallbacksAllowed';
  readonly data: { readonly agentId: number; readonly agentName: string };
}

export interface LegacyCallbacksForbidden {
  readonly type: 'LegacyCallbacksForbidden';
  readonly data: { readonly agentId: number; readonly agentName: string };
}

export type CallbackSecretEvent =
  CallbackSecretIssued | CallbackSecretEnded | LegacyCallbacksAllowed | LegacyCallbacksForbidden;

export const callbackTypes = ['task.progress', 'task.completed', 'task.failed'] as const;
export type CallbackType = (typeof callbackTypes)[number];

/** What a callback says, as it was understood. */
export interface CallbackReport {
  readonly type: CallbackType;
  readonly taskId: number | null;
  /** Message of progress, summary of completion, or error of a failure. */
  readonly message: string | null;
  readonly progress: number | null;
  readonly lastState: string | null;
  readonly outcome: 'success' | 'partial' | 'failed' | 'abandoned' | null;
  /** As sent; its own rules decide about it. */
  readonly tokenUsage: Json;
}

/** Stream `callback-{agentId}_{deliveryKey}`: a signed callback counts once, for ever. */
export interface CallbackAccepted {
  readonly type: 'CallbackAccepted';
  readonly data: {
    readonly agentId: number;
    readonly agentName: string;
    readonly deliveryKey: string;
    readonly scheme: 'native' | 'legacy';
    /** The sender's own id; the compatibility scheme has none. */
    readonly senderId: string | null;
    readonly secretId: number;
    /** SHA-256 of the body as received, hex. */
    readonly bodyDigest: string;
    readonly report: CallbackReport;
  };
}

/** What came of it: the task as the callback left it, or as it was found. */
export interface CallbackApplied {
  readonly type: 'CallbackApplied';
  readonly data: {
    readonly taskStatus: string | null;
    readonly tokenRecorded: boolean;
    readonly tokenError: string | null;
  };
}

/** The task had moved on between the look at it and the append. */
export interface CallbackOverruled {
  readonly type: 'CallbackOverruled';
  readonly data: {
    readonly reason: string;
    readonly taskStatus: string | null;
    readonly tokenRecorded: boolean;
    readonly tokenError: string | null;
  };
}

export type CallbackEvent = CallbackAccepted | CallbackApplied | CallbackOverruled;

const agent = {
  agentId: { type: 'integer', minimum: 1 },
  agentName: { type: 'string', minLength: 1, maxLength: 100 },
};
const secretId = { type: 'integer', minimum: 1 };
const optionalText = (maxLength: number) => ({ type: ['string', 'null'], maxLength });
const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const result = { taskStatus: optionalText(40), tokenRecorded: { type: 'boolean' }, tokenError: optionalText(5_000) };
const secretsStream = 'callbacksecrets-{agentId}';
const callbackStream = 'callback-{agentId}_{deliveryKey}';

function object(properties: Record<string, object>) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

export const callbackEventContracts = [
  eventContract<CallbackSecretIssued>({
    type: 'CallbackSecretIssued',
    version: 2,
    stream: secretsStream,
    description: 'An agent got a secret to sign callbacks with; those before it end after a grace.',
    producer: 'callbacks',
    frame: 'activity.created',
    schema: object({
      ...agent,
      secretId,
      masterKeyId: { type: 'string', minLength: 1, maxLength: 64 },
      previousValidUntil: { type: ['string', 'null'] },
      fingerprint: { type: ['string', 'null'], pattern: '^[0-9a-f]{64}$' },
    }),
    upcasters: { 1: (data) => ({ ...data, fingerprint: null }) },
  }),
  eventContract<CallbackSecretEnded>({
    type: 'CallbackSecretEnded',
    stream: secretsStream,
    description: 'A callback secret signs nothing any more.',
    producer: 'callbacks',
    frame: 'activity.created',
    schema: object({ ...agent, secretId }),
  }),
  eventContract<LegacyCallbacksAllowed>({
    type: 'LegacyCallbacksAllowed',
    stream: secretsStream,
    description: 'An agent may sign the body alone, without time and id.',
    producer: 'callbacks',
    frame: 'activity.created',
    schema: object(agent),
  }),
  eventContract<LegacyCallbacksForbidden>({
    type: 'LegacyCallbacksForbidden',
    stream: secretsStream,
    description: 'An agent must sign time and id with the body again.',
    producer: 'callbacks',
    frame: 'activity.created',
    schema: object(agent),
  }),
  eventContract<CallbackAccepted>({
    type: 'CallbackAccepted',
    stream: callbackStream,
    description: 'A signed callback was taken; a copy of it changes nothing.',
    producer: 'callbacks',
    frame: 'callback.received',
    schema: object({
      ...agent,
      deliveryKey: digest,
      scheme: { enum: ['native', 'legacy'] },
      senderId: optionalText(256),
      secretId,
      bodyDigest: digest,
      report: object({
        type: { enum: callbackTypes },
        taskId: { type: ['integer', 'null'], minimum: 1 },
        message: optionalText(5_000),
        progress: { type: ['number', 'null'], minimum: 0, maximum: 100 },
        lastState: optionalText(500),
        outcome: { enum: ['success', 'partial', 'failed', 'abandoned', null] },
        tokenUsage: {},
      }),
    }),
  }),
  eventContract<CallbackApplied>({
    type: 'CallbackApplied',
    stream: callbackStream,
    description: 'The callback took effect, or its goal already held.',
    producer: 'callbacks',
    schema: object(result),
  }),
  eventContract<CallbackOverruled>({
    type: 'CallbackOverruled',
    stream: callbackStream,
    description: 'The callback was taken, but its task had moved on before it could take effect.',
    producer: 'callbacks',
    schema: object({ ...result, reason: { type: 'string', maxLength: 200 } }),
  }),
];
