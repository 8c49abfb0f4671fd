import type { DeliveryDied } from '../../webhooks/deliveries.events.js';
import type {
  WebhookChanged,
  WebhookDisabled,
  WebhookEnabled,
  WebhookFailing,
  WebhookRecovered,
  WebhookRegistered,
  WebhookRemoved,
  WebhookSecretRotated,
} from '../../webhooks/webhooks.events.js';
import { frameMapping, type FrameContent } from './frame-mapping.js';

/** What listeners learn of an endpoint: never its address, never a secret. */
function about(id: number, name: string, enabled: boolean, reason?: string): FrameContent {
  return { data: { id, name, enabled, ...(reason === undefined ? {} : { reason }) }, about: {} };
}

export const webhookFrames = [
  frameMapping<WebhookRegistered>({
    event: 'WebhookRegistered',
    frame: 'webhook.created',
    map: ({ webhookId, name }) => about(webhookId, name, true),
  }),
  frameMapping<WebhookChanged>({
    event: 'WebhookChanged',
    frame: 'webhook.updated',
    map: ({ webhookId, name, enabled }) => about(webhookId, name, enabled, 'changed'),
  }),
  frameMapping<WebhookSecretRotated>({
    event: 'WebhookSecretRotated',
    frame: 'webhook.updated',
    map: ({ webhookId, name, enabled }) => about(webhookId, name, enabled, 'secret_rotated'),
  }),
  frameMapping<WebhookEnabled>({
    event: 'WebhookEnabled',
    frame: 'webhook.updated',
    map: ({ webhookId, name }) => about(webhookId, name, true, 'enabled'),
  }),
  frameMapping<WebhookRecovered>({
    event: 'WebhookRecovered',
    frame: 'webhook.updated',
    map: ({ webhookId, name }) => about(webhookId, name, true, 'recovered'),
  }),
  frameMapping<WebhookFailing>({
    event: 'WebhookFailing',
    frame: 'webhook.failing',
    map: ({ webhookId, name }) => about(webhookId, name, true, 'failing'),
  }),
  frameMapping<WebhookDisabled>({
    event: 'WebhookDisabled',
    frame: 'webhook.disabled',
    map: ({ webhookId, name, reason }) => about(webhookId, name, false, reason),
  }),
  frameMapping<DeliveryDied>({
    event: 'DeliveryDied',
    frame: 'webhook.exhausted',
    map: ({ webhookId, webhookName, enabled, reason }) => about(webhookId, webhookName, enabled, reason),
  }),
  frameMapping<WebhookRemoved>({
    event: 'WebhookRemoved',
    frame: 'webhook.deleted',
    map: ({ webhookId, name }) => about(webhookId, name, false),
  }),
];
