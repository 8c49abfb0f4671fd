import type { PriceEntry } from '../../src/prices/prices.events.js';
import { matchModel } from './match-model.js';
import type { PriceSet, PriceTable } from './pricing.js';

/** Reports of a model, as reported, in a time, ms since 1970; null: without an end. */
export interface RepricingScope {
  readonly model: string;
  readonly from: number | null;
  readonly to: number | null;
}

/**
 * Which of these reported models may be priced differently by two books, and when: those whose name leads to another
 * entry or in another way, and those whose rates differ, from the first instant at which they do to the last. It may
 * hold too much, never too little.
 */
export function affectedScope(before: PriceTable, after: PriceTable, models: readonly string[]): RepricingScope[] {
  const providers = providersOf(before, after);
  return models.flatMap((model) => {
    const scopes = [undefined, ...providers].flatMap((provider) => scopeOf(before, after, model, provider));
    return scopes.length === 0 ? [] : [scopes.reduce(hull)];
  });
}

function providersOf(...tables: readonly PriceTable[]): ReadonlySet<string> {
  return new Set(tables.flatMap(({ sets }) => [...sets.keys()].map(({ provider }) => provider)));
}

function scopeOf(
  before: PriceTable,
  after: PriceTable,
  model: string,
  provider: string | undefined,
): readonly RepricingScope[] {
  const old = matchModel(before.names, model, provider);
  const now = matchModel(after.names, model, provider);
  if (old === undefined && now === undefined) return [];
  if (old?.matchKind !== now?.matchKind || !isSameModel(old?.entry, now?.entry)) {
    return [{ model, from: null, to: null }];
  }
  const setsBefore = (old && before.sets.get(old.entry)) ?? [];
  const setsAfter = (now && after.sets.get(now.entry)) ?? [];
  return differingTime(model, setsBefore, setsAfter);
}

function isSameModel(a: PriceEntry | undefined, b: PriceEntry | undefined): boolean {
  return a?.provider === b?.provider && a?.model === b?.model;
}

/** Between two neighbouring instants nothing begins or ends, so that one look at each of them tells. */
function differingTime(
  model: string,
  before: readonly PriceSet[],
  after: readonly PriceSet[],
): readonly RepricingScope[] {
  const sets = [...before, ...after];
  const instants = [...new Set([-Infinity, ...sets.flatMap(({ from, to }) => [from, to])])]
    .filter((instant) => instant !== Infinity)
    .sort((a, b) => a - b);
  const classes = [...new Set(sets.map(({ serviceClass }) => serviceClass))];
  const differs = (instant: number) =>
    classes.some((serviceClass) => inForce(before, serviceClass, instant) !== inForce(after, serviceClass, instant));
  const first = instants.findIndex(differs);
  if (first < 0) return [];
  const last = instants.findLastIndex(differs);
  const from = instants[first] ?? -Infinity;
  const to = instants[last + 1] ?? Infinity;
  return [{ model, from: from === -Infinity ? null : from, to: to === Infinity ? null : to }];
}

/** The rows that price at an instant, or in what way there are none. */
function inForce(sets: readonly PriceSet[], serviceClass: string, instant: number): string {
  const ofClass = sets.filter((set) => set.serviceClass === serviceClass);
  if (ofClass.length === 0) return 'no class';
  const begun = ofClass.filter(({ from }) => from <= instant);
  if (begun.length === 0) return 'not begun';
  const set = begun.find(({ to }) => instant < to);
  if (set === undefined) return 'ended';
  return set.rows.map(({ rateId, promptThreshold }) => `${rateId}>${promptThreshold ?? ''}`).join(' ');
}

function hull(a: RepricingScope, b: RepricingScope): RepricingScope {
  return {
    model: a.model,
    from: a.from === null || b.from === null ? null : Math.min(a.from, b.from),
    to: a.to === null || b.to === null ? null : Math.max(a.to, b.to),
  };
}
