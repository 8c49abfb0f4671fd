import { BEFORE_EVERYTHING, isAfter, type Position } from '../../platform/event-store/position.js';
import type { StoredEvent } from '../../platform/event-store/stored-event.js';
import { nameFor, type WebhookFact } from '../webhook-facts.js';
import { webhookDecider, type WebhookState } from '../webhook.decider.js';
import type { WebhookEvent, WebhookReplayRequested } from '../webhooks.events.js';

interface Filter {
  /** In force for facts after this. */
  readonly after: Position;
  readonly entries: readonly string[];
}

/** An endpoint as its stream tells it, with the filter of every stretch of the log. */
export class EndpointView {
  state: WebhookState = webhookDecider.initialState;
  workspaceId = 0;
  /** Facts up to here are none of its own. */
  startedAt: Position = BEFORE_EVERYTHING;
  /** What is pending up to here is left out. */
  skippedUpTo: Position = BEFORE_EVERYTHING;
  readonly replays = new Map<string, WebhookReplayRequested['data']>();
  private readonly filters: Filter[] = [];
  private revision = -1n;

  constructor(readonly webhookId: number) {}

  /** False: this event was known. */
  apply(event: StoredEvent<WebhookEvent>): boolean {
    if (event.revision <= this.revision) return false;
    this.revision = event.revision;
    const known = event as StoredEvent & WebhookEvent;
    this.state = webhookDecider.evolve(this.state, known);
    switch (known.type) {
      case 'WebhookRegistered':
        this.workspaceId = event.metadata.workspaceId;
        this.startedAt = event.position;
        this.filters.push({ after: event.position, entries: known.data.events });
        break;
      case 'WebhookChanged':
        if (known.data.changes.events !== undefined) {
          this.filters.push({ after: event.position, entries: known.data.changes.events });
        }
        break;
      case 'WebhookEnabled':
        if (known.data.backlog === 'skip') this.skippedUpTo = event.position;
        break;
      case 'WebhookReplayRequested':
        this.replays.set(known.data.replayId, known.data);
        break;
      case 'WebhookReplayFinished':
        this.replays.delete(known.data.replayId);
        break;
      default:
    }
    return true;
  }

  /** The name under which the fact stands in this endpoint's balance; undefined: it is none of its own. */
  ownNameFor(fact: WebhookFact): string | undefined {
    if (fact.workspaceId !== this.workspaceId || !isAfter(fact.position, this.startedAt)) return undefined;
    const filter = this.filters.findLast(({ after }) => isAfter(fact.position, after));
    return filter === undefined ? undefined : nameFor(fact, this.webhookId, filter.entries);
  }

  /** The name under which a replay sends the fact. The rights are today's. */
  replayNameFor(fact: WebhookFact, { types, since, before }: WebhookReplayRequested['data']): string | undefined {
    if (fact.workspaceId !== this.workspaceId) return undefined;
    if ((since !== null && fact.recordedAt < since) || (before !== null && fact.recordedAt > before)) return undefined;
    return nameFor(fact, this.webhookId, types ?? this.state.events);
  }
}
