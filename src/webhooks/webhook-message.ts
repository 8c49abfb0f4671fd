import { createHmac } from 'node:crypto';
import type { WebhookFact } from './webhook-facts.js';
import { positionText } from '../platform/event-store/position-text.js';
import { derivedId } from '../platform/ids/ids.js';

const MOST_BYTES = 256 * 1_024;
const AGENT = 'MissionControl-Webhook/1.0';

export function deliveryIdOf(webhookId: number, eventId: string): string {
  return derivedId('delivery', webhookId, eventId);
}

/** What receivers know a message by, whatever attempt or replay brings it. */
export function messageIdOf(deliveryId: string): string {
  return `msg_${deliveryId.replaceAll('-', '')}`;
}

/**
 * The body, version 1: a function of the fact and its name alone, so that every attempt has the same bytes. A fact that
 * is too large for a message is named, and left to be fetched.
 */
export function bodyOf(fact: WebhookFact, event: string, generation: string): Buffer {
  const known = rendered.get(fact);
  if (known?.event === event && known.generation === generation) return known.body;
  const body = bodyFrom(fact, event, generation);
  rendered.set(fact, { event, generation, body });
  return body;
}

/** One fact often goes to many endpoints. */
const rendered = new WeakMap<
  WebhookFact,
  { readonly event: string; readonly generation: string; readonly body: Buffer }
>();

function bodyFrom(fact: WebhookFact, event: string, generation: string): Buffer {
  const whole = render(fact, event, generation, fact.data);
  if (whole.length <= MOST_BYTES) return whole;
  const { id } = fact.data;
  const reference = { ...(id === undefined ? {} : { id }), workspace_id: fact.workspaceId, too_large: true };
  return render(fact, event, generation, reference);
}

function render(fact: WebhookFact, event: string, generation: string, data: WebhookFact['data']): Buffer {
  return Buffer.from(
    JSON.stringify({
      event,
      timestamp: Math.floor(Date.parse(fact.recordedAt) / 1_000),
      data,
      id: fact.eventId,
      type: fact.type,
      position: positionText(fact.position, generation),
      workspace_id: fact.workspaceId,
    }),
  );
}

export interface Sending {
  readonly deliveryId: string;
  readonly event: string;
  readonly body: Buffer;
  readonly attempt: number;
  readonly isReplay: boolean;
  /** Unix seconds of this attempt. */
  readonly timestamp: number;
  /** As shown, newest first; during a rotation's grace the old one signs, too. */
  readonly secrets: readonly string[];
  readonly custom: Readonly<Record<string, string>>;
}

/** The headers of one attempt. */
export function headersOf(sending: Sending): Record<string, string> {
  const { body, secrets, event } = sending;
  const id = messageIdOf(sending.deliveryId);
  const timestamp = String(sending.timestamp);
  const [newest] = secrets;
  return {
    ...sending.custom,
    'content-type': 'application/json',
    'user-agent': AGENT,
    'x-mc-event': event,
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-attempt': String(sending.attempt),
    ...(sending.isReplay ? { 'webhook-replay': 'true' } : {}),
    ...(newest === undefined
      ? {}
      : {
          'x-mc-signature': `sha256=${createHmac('sha256', newest).update(body).digest('hex')}`,
          'webhook-signature': secrets.map((secret) => `v1,${standardMac(secret, id, timestamp, body)}`).join(' '),
        }),
  };
}

function standardMac(secret: string, id: string, timestamp: string, body: Buffer): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
}
