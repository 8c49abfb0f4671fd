import { Injectable } from '@nestjs/common';
import { WebhooksQueries } from '../../projections/webhooks/webhooks.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, isAfter, laterOf, type Position } from '../platform/event-store/position.js';
import { unavailable } from '../platform/http/errors.js';
import { Ids } from '../platform/ids/ids.js';
import { logPages } from '../platform/log-tail/log-pages.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import { DispatchMark } from './dispatch/dispatch-mark.js';
import { DeliveryStreams } from './dispatch/delivery-stream.js';
import type { EndpointView } from './dispatch/endpoint-view.js';
import { WITHOUT_FACTS } from './dispatch/facts-of-log.js';
import { logEnd } from '../platform/event-store/log-end.js';
import { KnownEndpoints } from './known-endpoints.js';
import { factOf } from './webhook-facts.js';
import { deliveryIdOf } from './webhook-message.js';

/** `delivered + pending + dead = matching`, at one position. */
export interface Balance {
  readonly webhookId: number;
  readonly position: Position;
  /** Counted from the facts of the log alone. */
  readonly matching: number;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  /** 0, or something is wrong. */
  readonly error: number;
  /** Facts after the position, up to the end of the log, that wait to be taken up. */
  readonly waitingBehind: number;
}

interface Count {
  readonly upTo: Position;
  readonly matching: number;
}

/**
 * Two independent counts of every endpoint: what the log says it is to be told, and what the deliveries and the marks say
 * became of it. Goes on counting where it stopped.
 */
@Injectable()
export class WebhookBalance {
  private readonly counts = new Map<number, Count>();

  constructor(
    private readonly store: EventStore,
    private readonly endpoints: KnownEndpoints,
    private readonly streams: DeliveryStreams,
    private readonly queries: WebhooksQueries,
    private readonly progress: ReadModelProgress,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Errors: 404 for an endpoint that is not there. */
  async of(workspaceId: number, webhookId: number): Promise<Balance> {
    const view = await this.endpoints.find(workspaceId, webhookId);
    const tools = { store: this.store, clock: this.clock, ids: this.ids };
    const mark = await new DispatchMark(webhookId, 'live', tools).load();
    const position = laterOf(mark?.upTo ?? view.startedAt, view.startedAt);
    const head = await logEnd(this.store);
    // What the mark calls finished must be in the read model before it is counted there.
    if (!(await this.progress.waitFor(['webhooks'], head))) {
      throw unavailable('The read model of webhooks is behind');
    }
    const ids = await this.openIds(webhookId, mark?.open ?? []);
    const [{ delivered, dead }, finished] = await Promise.all([
      this.queries.finishedUpTo(webhookId, position.commit),
      this.queries.finishedAmong(ids),
    ]);
    const matching = await this.matching(view, position);
    const pending = ids.length - finished;
    return {
      webhookId,
      position,
      matching,
      delivered,
      pending,
      dead,
      error: Math.abs(matching - delivered - pending - dead),
      waitingBehind: await this.countBetween(view, position, head),
    };
  }

  private async openIds(
    webhookId: number,
    open: readonly { readonly stream: string; readonly revision: bigint }[],
  ): Promise<readonly string[]> {
    const entries = await Promise.all(open.map(({ stream, revision }) => this.streams.entryAt(stream, revision)));
    return entries.flatMap((entry) => (entry === undefined ? [] : [deliveryIdOf(webhookId, entry.id)]));
  }

  private async matching(view: EndpointView, upTo: Position): Promise<number> {
    const known = this.counts.get(view.webhookId);
    const from = known !== undefined && !isAfter(known.upTo, upTo) ? known : { upTo: view.startedAt, matching: 0 };
    const matching = from.matching + (await this.countBetween(view, from.upTo, upTo));
    this.counts.set(view.webhookId, { upTo, matching });
    return matching;
  }

  private async countBetween(view: EndpointView, after: Position, upTo: Position): Promise<number> {
    if (!isAfter(upTo, after) || !isAfter(upTo, BEFORE_EVERYTHING)) return 0;
    let count = 0;
    const pages = logPages(this.store, {
      after,
      until: () => upTo,
      withoutStreamPrefixes: WITHOUT_FACTS,
      name: 'webhook-balance',
    });
    for await (const { entries } of pages) {
      for (const entry of entries) {
        if (isAfter(entry.position, upTo)) continue;
        const fact = factOf(entry);
        if (fact !== undefined && view.ownNameFor(fact) !== undefined) count += 1;
      }
    }
    return count;
  }
}
