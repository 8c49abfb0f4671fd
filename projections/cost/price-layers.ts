import type { ModelKey, PriceBookRevised, PriceEntry, PriceLayer } from '../../src/prices/prices.events.js';

/** The entries of each layer by {@link modelKeyOf}. */
export type PriceLayers = Readonly<Record<PriceLayer, ReadonlyMap<string, PriceEntry>>>;

export const noPrices: PriceLayers = { book: new Map(), override: new Map() };

/** The layers after a revision. */
export function revised(layers: PriceLayers, { layer, changed, removed }: PriceBookRevised['data']): PriceLayers {
  const entries = new Map(layers[layer]);
  for (const key of removed) entries.delete(modelKeyOf(key));
  for (const entry of changed) entries.set(modelKeyOf(entry), entry);
  return { ...layers, [layer]: entries };
}

/**
 * The book that prices usage: overrides replace the entries of their models. They come last, so that a price table
 * made of the result gives them every name that they claim.
 */
export function effectiveEntries(layers: PriceLayers): PriceEntry[] {
  const kept = [...layers.book].filter(([key]) => !layers.override.has(key)).map(([, entry]) => entry);
  return [...kept, ...layers.override.values()];
}

export function modelKeyOf({ provider, model }: ModelKey): string {
  return JSON.stringify([provider, model]);
}
