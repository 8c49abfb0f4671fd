import { describe, expect, it } from '@jest/globals';
import type { PriceEntry, RateTerms } from './prices.events.js';
import { priceWarnings } from './price-warnings.js';

const base: RateTerms = { effectiveFrom: '2026-01-01T00:00:00.000Z', inputPerMTok: '3', outputPerMTok: '15' };

function warnings(rates: readonly RateTerms[], before: readonly RateTerms[] = []): string[] {
  const key = { provider: 'p', model: 'm', aliases: [] };
  const entry: PriceEntry = { ...key, rates: before.map((rate, index) => ({ rateId: index + 1, ...rate })) };
  const known = before.length === 0 ? new Map() : new Map([['["p","m"]', entry]]);
  return priceWarnings([{ ...key, rates }], known);
}

describe('an author is warned', () => {
  it('of a cache-write rate without one for one hour', () => {
    expect(warnings([{ ...base, cacheWritePerMTok: '3.75' }])).toEqual([
      'p m: one-hour cache writes cost the input rate in the row standard from 2026-01-01T00:00:00.000Z',
    ]);
    expect(warnings([{ ...base, cacheWritePerMTok: '3.75', cacheWrite1hPerMTok: '6' }])).toEqual([]);
  });

  it('of an upper tier that is cheaper than the row below', () => {
    const tier = { ...base, promptThreshold: 200_000 };
    expect(warnings([base, tier])).toEqual([]);
    expect(warnings([base, { ...tier, outputPerMTok: '14.999999' }])).toEqual([
      'p m: outputPerMTok is cheaper than below the threshold in the row standard from 2026-01-01T00:00:00.000Z above 200000',
    ]);
  });

  it('of a change of more than ten times in either direction, and not of ten times', () => {
    expect(warnings([{ ...base, inputPerMTok: '30' }], [base])).toEqual([]);
    expect(warnings([{ ...base, inputPerMTok: '30.000001' }], [base])).toEqual([
      'p m: inputPerMTok goes from 3 to 30.000001 (standard)',
    ]);
    expect(warnings([{ ...base, outputPerMTok: '1.499999' }], [base])).toHaveLength(1);
    expect(warnings([{ ...base, outputPerMTok: '0' }], [base])).toHaveLength(1);
    expect(warnings([{ ...base, inputPerMTok: '0' }], [{ ...base, inputPerMTok: '0' }])).toEqual([]);
  });

  it('of changes from the newest row to the newest row, class by class', () => {
    const later = { ...base, effectiveFrom: '2026-06-01T00:00:00.000Z', inputPerMTok: '40' };
    expect(warnings([base, later], [base])).toHaveLength(1);
    expect(warnings([base, { ...base, serviceClass: 'batch', inputPerMTok: '0.1' }], [base])).toEqual([]);
  });
});
