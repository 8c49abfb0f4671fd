import type { PriceEntry } from '../../src/prices/prices.events.js';
import { priceSetsOf, type PriceSet } from './pricing.js';

/** A rate and a time in which it is in force. Of one model, class and threshold no two overlap. */
export interface RatePeriod {
  readonly provider: string;
  readonly model: string;
  readonly serviceClass: string;
  /** 0: the row without a threshold. */
  readonly promptThreshold: number;
  /** Ms since 1970, inclusive. */
  readonly from: number;
  /** Exclusive; Infinity: open. */
  readonly to: number;
  readonly rateId: number;
}

/**
 * An entry resolved to periods: what is in force at an instant is every row whose period holds it. A row can have
 * several (before and after a promotion) or none (another set began at the same instant as it ended).
 */
export function ratePeriodsOf(entry: PriceEntry): RatePeriod[] {
  const sets = priceSetsOf(entry);
  return [...new Set(sets.map(({ serviceClass }) => serviceClass))].flatMap((serviceClass) => {
    const ofClass = sets.filter((set) => set.serviceClass === serviceClass);
    return stretches(ofClass).flatMap(({ set, from, to }) =>
      set.rows.map(({ promptThreshold = 0, rateId }) => ({
        provider: entry.provider,
        model: entry.model,
        serviceClass,
        promptThreshold,
        from,
        to,
        rateId,
      })),
    );
  });
}

interface Stretch {
  readonly set: PriceSet;
  readonly from: number;
  readonly to: number;
}

/** Sets come the latest first; between two neighbouring instants one set is in force, the first that is open. */
function stretches(sets: readonly PriceSet[]): Stretch[] {
  const instants = [...new Set(sets.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const found: Stretch[] = [];
  instants.forEach((from, index) => {
    const to = instants[index + 1] ?? Infinity;
    const set = sets.find((each) => each.from <= from && from < each.to);
    const last = found.at(-1);
    if (set === undefined) return;
    if (last?.set === set && last.to === from) found[found.length - 1] = { ...last, to };
    else found.push({ set, from, to });
  });
  return found;
}
