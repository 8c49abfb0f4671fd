import { Injectable } from '@nestjs/common';
import { Aggregates, type Loaded } from '../platform/command/aggregates.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { DecisionLoop, type Outcome } from '../platform/command/decision-loop.js';
import { EventStore } from '../platform/event-store/event-store.js';
import {
  webhookDecider,
  webhookStream,
  type WebhookCommand,
  type WebhookRefusal,
  type WebhookState,
} from './webhook.decider.js';
import type { WebhookEvent } from './webhooks.events.js';

export type WebhookOutcome = Outcome<WebhookState, WebhookEvent, WebhookRefusal>;

/** Decides on endpoints. They change rarely: every decision looks at the stream itself. */
@Injectable()
export class WebhookWriter {
  private readonly aggregates: Aggregates<WebhookState, WebhookEvent>;
  private readonly loop: DecisionLoop<WebhookState, WebhookEvent>;

  constructor(store: EventStore) {
    this.aggregates = new Aggregates(store, { isLive: () => false }, webhookDecider);
    this.loop = new DecisionLoop(store, this.aggregates, webhookDecider);
  }

  /** An endpoint of another workspace is refused like one that never was. */
  execute(context: CommandContext, command: WebhookCommand): Promise<WebhookOutcome> {
    return this.loop.execute(webhookStream(command.webhookId), context, ({ state, workspaceId }) =>
      workspaceId === undefined || workspaceId === context.workspaceId
        ? webhookDecider.decide(command, state)
        : { kind: 'refused', refusal: 'NotFound' },
    );
  }

  load(webhookId: number): Promise<Loaded<WebhookState>> {
    return this.aggregates.load(webhookStream(webhookId));
  }
}
