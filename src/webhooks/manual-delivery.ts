import { Injectable } from '@nestjs/common';
import type { ListedAttempt } from '../../projections/webhooks/webhooks.queries.js';
import { metadataOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import type { Position } from '../platform/event-store/position.js';
import { notFound } from '../platform/http/errors.js';
import { Ids } from '../platform/ids/ids.js';
import type { DeliveryEvent } from './deliveries.events.js';
import { deliveriesStream, DeliveryStreams } from './dispatch/delivery-stream.js';
import { EndpointView } from './dispatch/endpoint-view.js';
import { type Sent, WebhookSender } from './dispatch/webhook-sender.js';
import { placeOf } from './log-place.js';
import { ResponseExcerpts } from './response-excerpts.js';
import { KnownEndpoints } from './known-endpoints.js';
import { factOf, type WebhookFact } from './webhook-facts.js';
import { bodyOf, deliveryIdOf } from './webhook-message.js';

const RUN = 'retry';

export interface ManualOutcome {
  readonly sent: Sent;
  readonly position: Position | undefined;
}

/** What an admin sends at once, and sees the answer of. */
@Injectable()
export class ManualDelivery {
  constructor(
    private readonly store: EventStore,
    private readonly streams: DeliveryStreams,
    private readonly endpoints: KnownEndpoints,
    private readonly sender: WebhookSender,
    private readonly generation: LogGeneration,
    private readonly excerpts: ResponseExcerpts,
    private readonly ids: Ids,
  ) {}

  /** A message that is no fact: nothing of it is kept. */
  async test(context: CommandContext, view: EndpointView): Promise<Sent> {
    const eventId = this.ids.newId();
    const now = context.receivedAt;
    const body = Buffer.from(
      JSON.stringify({
        event: 'test.ping',
        timestamp: Math.floor(now.getTime() / 1_000),
        data: { message: 'This is a test of a webhook', webhook_id: view.webhookId, workspace_id: view.workspaceId },
        id: eventId,
        type: 'test.ping',
        position: null,
        workspace_id: view.workspaceId,
      }),
    );
    const deliveryId = deliveryIdOf(view.webhookId, eventId);
    return this.sender.send(view, { deliveryId, event: 'test.ping', body, attempt: 1, isReplay: false });
  }

  /** One more attempt of a message that the log of deliveries lists; its number follows that of the listed one. */
  async retry(context: CommandContext, listed: ListedAttempt): Promise<ManualOutcome> {
    const view = await this.endpoints.find(context.workspaceId, listed.webhookId);
    const entry = await this.streams.entryAt(listed.stream, listed.revision);
    const fact = entry === undefined ? undefined : factOf(entry);
    if (fact === undefined) throw notFound('Delivery not found');
    const { deliveryId, event } = listed;
    const body = bodyOf(fact, event, this.generation.current);
    const sent = await this.sender.send(view, { deliveryId, event, body, attempt: listed.attempt + 1, isReplay: true });
    return { sent, position: await this.write(context, view, fact, listed, sent) };
  }

  /** The dispatcher may be writing there, too: neither waits for the other. */
  private async write(
    context: CommandContext,
    view: EndpointView,
    fact: WebhookFact,
    { deliveryId, event }: ListedAttempt,
    { figures, succeeded, excerpt }: Sent,
  ): Promise<Position> {
    const identity = {
      deliveryId,
      webhookId: view.webhookId,
      eventId: fact.eventId,
      event,
      stream: fact.stream,
      revision: Number(fact.revision),
      place: placeOf(fact.position),
      counts: view.ownNameFor(fact) !== undefined,
      run: RUN,
      ...figures,
    };
    const made: DeliveryEvent = succeeded
      ? { type: 'DeliverySucceeded', data: identity }
      : { type: 'DeliveryAttempted', data: { ...identity, nextAttemptAt: null } };
    const id = this.ids.newId();
    const proposed = { ...made, id, metadata: { ...metadataOf(context), causationId: fact.eventId } };
    const { position } = await this.store.append(deliveriesStream(view.webhookId), [proposed], 'any');
    this.excerpts.note({ eventId: id, text: excerpt });
    return position;
  }
}
