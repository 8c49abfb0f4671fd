import { Injectable } from '@nestjs/common';
import { EventStore, isReadable } from '../platform/event-store/event-store.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import { notFound } from '../platform/http/errors.js';
import { EndpointView } from './dispatch/endpoint-view.js';
import { webhookStream } from './webhook.decider.js';
import type { WebhookEvent } from './webhooks.events.js';

/** Endpoints as their streams tell them now. */
@Injectable()
export class KnownEndpoints {
  constructor(private readonly store: EventStore) {}

  /** Errors: 404 for one that is not there, or of another workspace. */
  async find(workspaceId: number, webhookId: number): Promise<EndpointView> {
    const view = new EndpointView(webhookId);
    const entries = (await this.store.readStream(webhookStream(webhookId))) ?? [];
    for (const entry of entries) if (isReadable(entry)) view.apply(entry as StoredEvent<WebhookEvent>);
    if (view.state.kind !== 'active' || view.workspaceId !== workspaceId) throw notFound('Webhook not found');
    return view;
  }
}
