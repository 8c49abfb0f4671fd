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
  keyOf: (entry) => entry.stream,
  fold: foldWebhooks,
  write: writeWebhooks,
});
