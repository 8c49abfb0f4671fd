import { Injectable } from '@nestjs/common';
import { Aggregates, foldAll, type Loaded } from '../platform/command/aggregates.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { DecisionLoop, type Outcome } from '../platform/command/decision-loop.js';
import { EventStore } from '../platform/event-store/event-store.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import {
  priceBookDecider,
  PRICES_STREAM,
  type PriceBookState,
  type PriceCommand,
  type PriceRefusal,
} from './price-book.decider.js';
import type { PriceEvent } from './prices.events.js';

/** The prices straight from their stream. It is short and rarely asked for, so nothing is answered from memory. */
@Injectable()
export class PriceBook {
  private readonly aggregates: Aggregates<PriceBookState, PriceEvent>;
  private readonly loop: DecisionLoop<PriceBookState, PriceEvent>;

  constructor(store: EventStore) {
    this.aggregates = new Aggregates(store, { isLive: () => false }, priceBookDecider);
    this.loop = new DecisionLoop(store, this.aggregates, priceBookDecider);
  }

  load(): Promise<Loaded<PriceBookState>> {
    return this.aggregates.reload(PRICES_STREAM);
  }

  /** The prices as the revision of this version left them; undefined when there is none. */
  async at(bookVersion: number): Promise<Loaded<PriceBookState> | undefined> {
    const upTo = (await this.revisions()).filter(({ data }) => data.bookVersion <= bookVersion);
    const loaded = foldAll(priceBookDecider, upTo);
    return loaded.state.bookVersion === bookVersion ? loaded : undefined;
  }

  /** Every revision, oldest first. */
  revisions(): Promise<readonly StoredEvent<PriceEvent>[]> {
    return this.aggregates.history(PRICES_STREAM);
  }

  execute(context: CommandContext, command: PriceCommand): Promise<Outcome<PriceBookState, PriceEvent, PriceRefusal>> {
    return this.loop.execute(PRICES_STREAM, context, ({ state }) => priceBookDecider.decide(command, state));
  }
}
