import type { ImpactTotals, PriceImpact, RepricingState } from '../../projections/cost/price-impact.queries.js';
import { COST_DECIMALS, unitsOf } from '../../projections/cost/decimal.js';
import type { EntryTerms, PriceBookState, PriceDocument } from './price-book.decider.js';
import { effectiveTable, type PriceDifference } from './price-difference.js';
import type { ModelKey, PriceEntry, PriceLayer, RateTerms } from './prices.events.js';
import { isNewer } from './published-news.js';
import { publishedPrices } from './published-prices.js';

export type ShownLayer = 'effective' | PriceLayer;

/** A layer, or the effective book, with the document that `PUT /api/prices` would take. */
export function bookJson(state: PriceBookState, layer: ShownLayer, recordedAt: string | null) {
  const { book, override } = state.layers;
  return {
    bookVersion: state.bookVersion,
    layer,
    recordedAt,
    ...(layer === 'effective' ? effectiveJson(state, recordedAt) : layerJson(state, layer)),
    overriddenModels: override.entries.size,
    published: publishedJson(isNewer(publishedPrices(), book)),
  };
}

function layerJson({ layers }: PriceBookState, layer: PriceLayer) {
  const { label, source, authorRecordedAt, documentHash, entries } = layers[layer];
  const document: PriceDocument | null =
    label === null || source === null || authorRecordedAt === null
      ? null
      : { version: label, source, recordedAt: authorRecordedAt, models: [...entries.values()].map(termsOf) };
  return { documentHash, document, namesTaken: [] };
}

/** Entries that have lost all their names to overrides are not in force; those that lost some are shown without them. */
function effectiveJson(state: PriceBookState, recordedAt: string | null) {
  const { names, sets } = effectiveTable(state);
  const ownerOf = (name: string) => names.get(name)?.entry;
  const entries = [...sets.keys()];
  const inForce = entries.filter((entry) => [entry.model, ...entry.aliases].some((name) => ownerOf(name) === entry));
  return {
    documentHash: null,
    document: {
      version: String(state.bookVersion),
      source: 'book and overrides',
      recordedAt,
      models: inForce.map((entry) =>
        termsOf({ ...entry, aliases: entry.aliases.filter((alias) => ownerOf(alias) === entry) }),
      ),
    },
    namesTaken: entries.flatMap((entry) =>
      [entry.model, ...entry.aliases].flatMap((name) => {
        const by = ownerOf(name);
        return by === undefined || by === entry ? [] : [{ name, from: keyOf(entry), by: keyOf(by) }];
      }),
    ),
  };
}

function publishedJson(newer: boolean) {
  const { version, source, recordedAt } = publishedPrices().document;
  return { version, source, recordedAt, newer };
}

export function differenceJson({ changed, removed, names }: PriceDifference) {
  return { changed: changed.map(keyOf), removed: removed.map(keyOf), names: names.map((name) => ({ ...name })) };
}

/** Answers are kept for ever under their idempotency key: the greatest changes are named, the totals hold them all. */
const MOST_LINES = 500;

export function impactJson({ lines, models, totals }: PriceImpact) {
  return {
    lines: greatest(lines).map(({ model, day, ...change }) => ({ model, day, ...changeJson(change) })),
    linesLeftOut: Math.max(0, lines.length - MOST_LINES),
    models: greatest(models).map(({ model, ...change }) => ({ model, ...changeJson(change) })),
    modelsLeftOut: Math.max(0, models.length - MOST_LINES),
    totals: changeJson(totals),
  };
}

function greatest<Change extends ImpactTotals>(changes: readonly Change[]): readonly Change[] {
  return [...changes].sort(byGreatestChange).slice(0, MOST_LINES);
}

export function repricingJson(state: RepricingState | undefined) {
  if (state === undefined) return null;
  const { bookVersion, rowsDone, rowsTotal } = state;
  return { bookVersion, state: state.state, rowsDone: countOf(rowsDone), rowsTotal: countOf(rowsTotal) };
}

function changeJson({ requests, oldCostUsd, newCostUsd, deltaUsd, newlyPriced, newlyUnpriced }: ImpactTotals) {
  return {
    requests: countOf(requests),
    oldCostUsd,
    newCostUsd,
    deltaUsd,
    newlyPriced: countOf(newlyPriced),
    newlyUnpriced: countOf(newlyUnpriced),
  };
}

/** Requests, never money. */
function countOf(requests: bigint): number {
  return parseInt(requests.toString(), 10);
}

function byGreatestChange(a: ImpactTotals, b: ImpactTotals): number {
  const [left, right] = [a, b].map(({ deltaUsd }) => unitsOf(deltaUsd.replace('-', ''), COST_DECIMALS));
  if (left === right || left === undefined || right === undefined) return 0;
  return left > right ? -1 : 1;
}

/** As its author wrote it: the numbers of the rates are ours. */
function termsOf({ provider, model, aliases, rates }: PriceEntry): EntryTerms {
  const said = rates.map((rate) => Object.entries(rate).filter(([field]) => field !== 'rateId'));
  return { provider, model, aliases, rates: said.map((fields) => Object.fromEntries(fields) as RateTerms) };
}

function keyOf({ provider, model }: ModelKey) {
  return { provider, model };
}
