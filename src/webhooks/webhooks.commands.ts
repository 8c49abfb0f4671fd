import { Injectable } from '@nestjs/common';
import { WebhooksQueries } from '../../projections/webhooks/webhooks.queries.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { EventStore, type LogEntry } from '../platform/event-store/event-store.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { BEFORE_EVERYTHING, isAfter, type Position } from '../platform/event-store/position.js';
import { parsePosition } from '../platform/event-store/position-text.js';
import type { EgressRefusal } from '../platform/http/egress/egress-target.js';
import { badRequest, notFound, Refusal } from '../platform/http/errors.js';
import { derivedId } from '../platform/ids/ids.js';
import { logPages } from '../platform/log-tail/log-pages.js';
import { Numbers } from '../platform/numbers/numbers.js';
import { DeliveryStreams } from './dispatch/delivery-stream.js';
import { WITHOUT_FACTS } from './dispatch/facts-of-log.js';
import { WebhookSender } from './dispatch/webhook-sender.js';
import { KnownEndpoints } from './known-endpoints.js';
import { logEnd } from '../platform/event-store/log-end.js';
import { placeOf } from './log-place.js';
import { factOf } from './webhook-facts.js';
import { deliveryIdOf } from './webhook-message.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookWriter, type WebhookOutcome } from './webhook-writer.js';
import type { WebhookCommand } from './webhook.decider.js';
import {
  type CreateWebhookBody,
  DEFAULT_GRACE_SECONDS,
  type ReplayBody,
  type UpdateWebhookBody,
} from './webhooks.dto.js';
import type { SealedHeader, WebhookReplayRequested } from './webhooks.events.js';

const MOST_ENDPOINTS = 100;

export type AcceptedWebhook = Extract<WebhookOutcome, { kind: 'accepted' }>;

/** A target that may not be called: whoever asks for one is noted. */
export class TargetRefused extends Refusal {
  constructor(readonly reason: EgressRefusal) {
    super(400, 'Webhook URL cannot point to internal or private services');
  }
}

@Injectable()
export class WebhookCommands {
  constructor(
    private readonly store: EventStore,
    private readonly writer: WebhookWriter,
    private readonly secrets: WebhookSecrets,
    private readonly sender: WebhookSender,
    private readonly streams: DeliveryStreams,
    private readonly endpoints: KnownEndpoints,
    private readonly numbers: Numbers,
    private readonly generation: LogGeneration,
    private readonly queries: WebhooksQueries,
  ) {}

  /** Errors: 400 for a target that may not be called, 422 for one endpoint too many. */
  async register(context: CommandContext, webhookId: number, body: CreateWebhookBody): Promise<AcceptedWebhook> {
    await this.checkUrl(body.url);
    if ((await this.queries.countOf(context.workspaceId)) >= MOST_ENDPOINTS) {
      throw new Refusal(422, `A workspace has at most ${MOST_ENDPOINTS} webhooks`);
    }
    return this.run(context, {
      type: 'Register',
      webhookId,
      name: body.name,
      url: body.url,
      events: body.events ?? ['*'],
      order: body.order ?? 'none',
      headers: this.sealed(context.workspaceId, webhookId, body.headers) ?? [],
      masterKeyId: body.generate_secret === false ? null : this.secrets.masterKeyId,
    });
  }

  nextNumber(): Promise<number> {
    return this.numbers.next('webhook');
  }

  /** Errors: 400 for a target that may not be called, 404, 422 for a sixth live secret. */
  async update(context: CommandContext, body: UpdateWebhookBody): Promise<AcceptedWebhook> {
    const { state } = await this.endpoints.find(context.workspaceId, body.id);
    if (body.url !== undefined && body.url !== state.url) await this.checkUrl(body.url);
    const { name, url, events } = body;
    const headers = this.sealed(context.workspaceId, body.id, body.headers);
    const now = context.receivedAt;
    const ends = new Date(now.getTime() + (body.grace_seconds ?? DEFAULT_GRACE_SECONDS) * 1_000);
    const enables = body.enabled === true || (body.reset_circuit === true && body.enabled !== false);
    const set = body.enabled === false ? 'pause' : enables ? (body.backlog ?? 'resume') : undefined;
    return this.run(context, {
      type: 'Update',
      webhookId: body.id,
      changes: {
        ...(name === undefined ? {} : { name }),
        ...(url === undefined ? {} : { url }),
        ...(events === undefined ? {} : { events }),
        ...(headers === undefined ? {} : { headers }),
      },
      ...(set === undefined ? {} : { set }),
      ...(body.regenerate_secret === true
        ? {
            rotation: {
              masterKeyId: this.secrets.masterKeyId,
              previousValidUntil: ends.toISOString(),
              now: now.toISOString(),
            },
          }
        : {}),
    });
  }

  async remove(context: CommandContext, webhookId: number): Promise<AcceptedWebhook> {
    await this.endpoints.find(context.workspaceId, webhookId);
    return this.run(context, { type: 'Remove', webhookId });
  }

  /** Resolves to how many messages are to be sent. Errors: 400 for a position that is none of this log, 404. */
  async replay(context: CommandContext, body: ReplayBody) {
    const view = await this.endpoints.find(context.workspaceId, body.id);
    const head = await logEnd(this.store);
    const after = this.placeAfter(body.from);
    const request: Omit<WebhookReplayRequested['data'], 'name'> = {
      webhookId: body.id,
      replayId: derivedId('replay', context.commandId),
      after: after === undefined ? null : placeOf(after),
      until: placeOf(head),
      since: body.since === undefined ? null : new Date(body.since * 1_000).toISOString(),
      before: body.until === undefined ? null : new Date(body.until * 1_000 + 999).toISOString(),
      types: body.types ?? null,
      onlyDead: body.state === 'dead',
    };
    const outcome = await this.run(context, { type: 'RequestReplay', ...request });
    const [event] = outcome.events;
    if (event?.type !== 'WebhookReplayRequested') throw new Error('a replay was asked for without its fact');
    const dead = event.data.onlyDead ? await this.streams.dead(body.id) : undefined;
    const queued = await this.count(after ?? BEFORE_EVERYTHING, head, (entry) => {
      const fact = factOf(entry);
      if (fact === undefined || view.replayNameFor(fact, event.data) === undefined) return false;
      return dead === undefined || dead.has(deliveryIdOf(body.id, fact.eventId));
    });
    return { outcome, queued, replayId: event.data.replayId };
  }

  private async count(after: Position, until: Position, counts: (entry: LogEntry) => boolean): Promise<number> {
    let count = 0;
    const options = { after, until: () => until, withoutStreamPrefixes: WITHOUT_FACTS, name: 'webhook-replay' };
    for await (const { entries } of logPages(this.store, options)) {
      for (const entry of entries) if (!isAfter(entry.position, until) && counts(entry)) count += 1;
    }
    return count;
  }

  private placeAfter(text: string | undefined): Position | undefined {
    if (text === undefined) return undefined;
    const parsed = parsePosition(text, this.generation.current);
    if (parsed.kind !== 'position') throw badRequest('Invalid position');
    return isAfter(parsed.position, BEFORE_EVERYTHING) ? parsed.position : undefined;
  }

  /** A name that does not resolve now may do so later; each attempt looks again. */
  private async checkUrl(url: string): Promise<void> {
    const refusal = await this.sender.refusalOf(url);
    if (refusal === undefined || refusal === 'unresolved') return;
    if (refusal === 'bad_url' || refusal === 'bad_scheme') {
      throw new Refusal(400, 'Validation failed', { details: ['url: must be an http or https URL'] });
    }
    throw new TargetRefused(refusal);
  }

  private sealed(
    workspaceId: number,
    webhookId: number,
    headers: Readonly<Record<string, string>> | undefined,
  ): readonly SealedHeader[] | undefined {
    if (headers === undefined) return undefined;
    return Object.entries(headers).map(([name, value]) =>
      this.secrets.seal(workspaceId, webhookId, name.toLowerCase(), value),
    );
  }

  private async run(context: CommandContext, command: WebhookCommand): Promise<AcceptedWebhook> {
    const outcome = await this.writer.execute(context, command);
    if (outcome.kind === 'accepted') return outcome;
    switch (outcome.refusal) {
      case 'NotFound':
        throw notFound('Webhook not found');
      case 'TooManyLive':
        throw new Refusal(422, 'The webhook already has 5 live secrets; wait for the grace of one to end');
    }
  }
}
