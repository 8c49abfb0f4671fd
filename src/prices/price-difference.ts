import { effectiveEntries, modelKeyOf } from '../../projections/cost/price-layers.js';
import { priceTable, type PriceTable } from '../../projections/cost/pricing.js';
import { priceBookDecider, type PriceBookState } from './price-book.decider.js';
import type { ModelKey, PriceEvent } from './prices.events.js';

/** What events would do to the prices: which models, and whose name is whose. */
export interface PriceDifference {
  readonly changed: readonly ModelKey[];
  readonly removed: readonly ModelKey[];
  /** Names of the effective book that mean something else afterwards; null: they mean nothing. */
  readonly names: readonly { readonly name: string; readonly from: ModelKey | null; readonly to: ModelKey | null }[];
  /** The effective book on both sides, ready for pricing. */
  readonly before: PriceTable;
  readonly after: PriceTable;
}

/** Compares the effective books around the events that a command decided. */
export function priceDifference(state: PriceBookState, events: readonly PriceEvent[]): PriceDifference {
  const before = effectiveTable(state);
  const after = effectiveTable(events.reduce(priceBookDecider.evolve, state));
  const owners = [before, after].map(ownersOf);
  const [old = new Map<string, ModelKey>(), now = new Map<string, ModelKey>()] = owners;
  const names = [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const from = old.get(name) ?? null;
    const to = now.get(name) ?? null;
    return from !== null && to !== null && modelKeyOf(from) === modelKeyOf(to) ? [] : [{ name, from, to }];
  });
  return {
    changed: events.flatMap(({ data }) => data.changed.map(keyOf)),
    removed: events.flatMap(({ data }) => data.removed),
    names,
    before,
    after,
  };
}

/** The table that prices usage. */
export function effectiveTable({ layers: { book, override } }: PriceBookState): PriceTable {
  return priceTable(effectiveEntries({ book: book.entries, override: override.entries }));
}

function ownersOf({ names }: PriceTable): Map<string, ModelKey> {
  return new Map([...names].map(([name, { entry }]) => [name, keyOf(entry)]));
}

function keyOf({ provider, model }: ModelKey): ModelKey {
  return { provider, model };
}
