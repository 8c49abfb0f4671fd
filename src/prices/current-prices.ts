import { Injectable, Optional } from '@nestjs/common';
import { priceTable, type PriceTable } from '../../projections/cost/pricing.js';
import { effectiveEntries } from '../../projections/cost/price-layers.js';
import { Aggregates } from '../platform/command/aggregates.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { priceBookDecider, PRICES_STREAM, type PriceBookState } from './price-book.decider.js';
import type { PriceEvent } from './prices.events.js';

/** How long after its last proof the tail's word is taken for what memory holds. */
const TRUST_MS = 3_000;

/** The prices in force, from memory while the process's tail of the log can be trusted. */
@Injectable()
export class CurrentPrices {
  private readonly aggregates: Aggregates<PriceBookState, PriceEvent>;
  private readonly tables = new WeakMap<PriceBookState, PriceTable>();

  constructor(store: EventStore, @Optional() tail?: LogTail) {
    this.aggregates = new Aggregates(store, { isLive: () => tail?.isLive(TRUST_MS) ?? false }, priceBookDecider);
    tail?.onBatch((entries) => {
      for (const entry of entries) {
        if (entry.stream === PRICES_STREAM && !('unreadable' in entry)) this.aggregates.apply(entry);
      }
    });
  }

  /** The table that prices usage. */
  async table(): Promise<PriceTable> {
    const { state } = await this.aggregates.load(PRICES_STREAM);
    const known = this.tables.get(state);
    if (known !== undefined) return known;
    const { book, override } = state.layers;
    const table = priceTable(effectiveEntries({ book: book.entries, override: override.entries }));
    this.tables.set(state, table);
    return table;
  }
}
