import { isReadable } from '../../src/platform/event-store/event-store.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { defineProjection } from '../engine/projection.js';
import { foldWebhooks, type WebhooksChanges, type WebhooksEvent } from './webhooks.fold.js';
import { webhooksTables } from './webhooks.tables.js';
import { writeWebhooks } from './webhooks.writer.js';

export const webhooks = defineProjection<WebhooksEvent, WebhooksChanges>({
  name: 'webhooks',
  policy: 'park-key',
  handles: [
    'WebhookRegistered',
    'WebhookChanged',
    'WebhookSecretRotated',
    'WebhookFailing',
    'WebhookRecovered',
    'WebhookDisabled',
    'WebhookEnabled',
    'WebhookRemoved',
    'DeliveryAttempted',
    'DeliverySucceeded',
    'DeliveryDied',
    'DeliverySkipped',
  ],
  tables: webhooksTables,
  lingerMs: 20,
  // The outcomes of an endpoint lie in one stream: what is set aside is one delivery.
  keyOf: (entry) => (isReadable(entry) ? keyOf(entry as StoredEvent & WebhooksEvent) : entry.stream),
  fold: foldWebhooks,
  write: writeWebhooks,
});

function keyOf(event: StoredEvent & WebhooksEvent): string {
  return 'deliveryId' in event.data ? `delivery-${event.data.deliveryId}` : event.stream;
}
