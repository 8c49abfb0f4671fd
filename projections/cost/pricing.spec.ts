import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { PriceEntry, PriceRate } from '../../src/prices/prices.events.js';
import { costTerms, priceTable, priceUsage, type PricedUsage } from './pricing.js';
import { ratePeriodsOf } from './rate-periods.js';

const SEPTEMBER = '2025-09-29T00:00:00.000Z';
const at = (instant: string): number => Date.parse(instant);

let nextRateId = 0;
function rate(terms: Partial<PriceRate> = {}): PriceRate {
  nextRateId += 1;
  return { rateId: nextRateId, effectiveFrom: SEPTEMBER, inputPerMTok: '3', outputPerMTok: '15', ...terms };
}

function entry(model: string, ...rates: readonly PriceRate[]): PriceEntry {
  return { provider: 'anthropic', model, aliases: [], rates };
}

function usage(model: string, counts: Partial<PricedUsage> = {}): PricedUsage {
  return {
    model,
    timestamp: at('2026-01-01T00:00:00.000Z'),
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    ...counts,
  };
}

const sonnet = entry(
  'claude-sonnet-4-5',
  rate({ cacheReadPerMTok: '0.3', cacheWritePerMTok: '3.75', cacheWrite1hPerMTok: '6' }),
  rate({
    promptThreshold: 200_000,
    inputPerMTok: '6',
    outputPerMTok: '22.5',
    cacheReadPerMTok: '0.6',
    cacheWritePerMTok: '7.5',
    cacheWrite1hPerMTok: '12',
  }),
);
const opus = entry(
  'claude-opus-4-5',
  rate({ inputPerMTok: '5', outputPerMTok: '25', cacheReadPerMTok: '0.5', cacheWritePerMTok: '6.25' }),
);
const mini = entry('gpt-5-mini', rate({ inputPerMTok: '0.25', outputPerMTok: '2', cacheReadPerMTok: '0.025' }));

function outcome(entries: readonly PriceEntry[], report: PricedUsage): string {
  const pricing = priceUsage(priceTable(entries), report);
  return pricing.kind === 'priced' ? pricing.costUsd : pricing.unpricedReason;
}

function rateIdFor(entries: readonly PriceEntry[], report: PricedUsage): number | string {
  const pricing = priceUsage(priceTable(entries), report);
  return pricing.kind === 'priced' ? pricing.rateId : pricing.unpricedReason;
}

describe('the worked examples', () => {
  const mixed = {
    inputTokens: 800_000,
    cacheReadTokens: 100_000,
    cacheWriteTokens: 100_000,
    outputTokens: 100_000,
  };
  it.each([
    ['opus, four buckets', usage('claude-opus-4-5', mixed), '7.175000000000'],
    ['sonnet above its threshold, where a double is wrong', usage('claude-sonnet-4-5', mixed), '7.860000000000'],
    [
      'mini with cached input',
      usage('gpt-5-mini', { inputTokens: 900_000, cacheReadTokens: 100_000, outputTokens: 100_000 }),
      '0.427500000000',
    ],
    ['the threshold itself', usage('claude-sonnet-4-5', { inputTokens: 200_000 }), '0.600000000000'],
    ['one above the threshold', usage('claude-sonnet-4-5', { inputTokens: 200_001 }), '1.200006000000'],
    ['whole request, not the part above', usage('claude-sonnet-4-5', { inputTokens: 250_000 }), '1.500000000000'],
  ])('%s', (_, report, costUsd) => {
    expect(outcome([sonnet, opus, mini], report)).toBe(costUsd);
  });
});

describe('the row', () => {
  it('is chosen by everything in the prompt, cache reads and writes too, and output is not in it', () => {
    const prompt = { inputTokens: 100_000, cacheReadTokens: 60_000, cacheWriteTokens: 40_000 };
    const [base, upper] = sonnet.rates;
    expect(rateIdFor([sonnet], usage('claude-sonnet-4-5', { ...prompt, outputTokens: 900_000 }))).toBe(base?.rateId);
    expect(rateIdFor([sonnet], usage('claude-sonnet-4-5', { ...prompt, cacheReadTokens: 60_001 }))).toBe(upper?.rateId);
  });

  it('is the one with the greatest threshold below the prompt, however the rows are ordered', () => {
    const rows = [
      rate({ promptThreshold: 10 }),
      rate(),
      rate({ promptThreshold: 1_000 }),
      rate({ promptThreshold: 100 }),
    ];
    const model = entry('tiers', ...rows);
    const rateIds = [0, 10, 11, 100, 101, 1_000, 1_001].map((inputTokens) =>
      rateIdFor([model], usage('tiers', { inputTokens })),
    );
    const [ten, base, thousand, hundred] = rows.map(({ rateId }) => rateId);
    expect(rateIds).toEqual([base, base, ten, ten, hundred, hundred, thousand]);
  });

  it('prices no tokens at nothing, which is a price', () => {
    expect(outcome([sonnet], usage('claude-sonnet-4-5'))).toBe('0.000000000000');
  });

  it('of a free model costs nothing and is not unpriced', () => {
    const free = entry('free', rate({ inputPerMTok: '0', outputPerMTok: '0' }));
    expect(outcome([free], usage('free', { inputTokens: 9_007_199_254_740_991 }))).toBe('0.000000000000');
  });
});

describe('cache rates', () => {
  const cached = usage('m', { cacheReadTokens: 1, cacheWriteTokens: 3, cacheWrite1hTokens: 2 });

  it('are the input rate where they are absent', () => {
    expect(outcome([entry('m', rate({ inputPerMTok: '1' }))], cached)).toBe('0.000004000000');
    const written = rate({ inputPerMTok: '1', cacheWritePerMTok: '10' });
    expect(outcome([entry('m', written)], cached)).toBe('0.000013000000');
  });

  it('are nothing where they are zero', () => {
    const zero = rate({ inputPerMTok: '1', cacheReadPerMTok: '0', cacheWritePerMTok: '0', cacheWrite1hPerMTok: '0' });
    expect(outcome([entry('m', zero)], cached)).toBe('0.000000000000');
  });

  it('split the writes into those of one hour and the others', () => {
    const rates = rate({ cacheReadPerMTok: '100', cacheWritePerMTok: '10', cacheWrite1hPerMTok: '1' });
    expect(outcome([entry('m', rates)], cached)).toBe('0.000112000000');
    expect(costTerms(rates, cached).map(({ bucket, tokens }) => [bucket, tokens])).toEqual([
      ['input', 0n],
      ['output', 0n],
      ['cacheRead', 1n],
      ['cacheWrite', 1n],
      ['cacheWrite1h', 2n],
    ]);
  });
});

describe('time', () => {
  const promotion = rate({ effectiveFrom: '2026-03-01T00:00:00.000Z', effectiveTo: '2026-04-01T00:00:00.000Z' });
  const first = rate();
  const later = rate({ effectiveFrom: '2026-06-01T12:00:00.001Z' });
  const model = entry('m', later, first, promotion);
  const when = (instant: string) => rateIdFor([model], usage('m', { timestamp: at(instant) }));

  it('changes the rate at the very millisecond', () => {
    expect(when('2025-09-28T23:59:59.999Z')).toBe('before_first_rate');
    expect(when(SEPTEMBER)).toBe(first.rateId);
    expect(when('2026-06-01T12:00:00.000Z')).toBe(first.rateId);
    expect(when('2026-06-01T12:00:00.001Z')).toBe(later.rateId);
  });

  it('brings the older row back when a promotion ends', () => {
    expect(when('2026-02-28T23:59:59.999Z')).toBe(first.rateId);
    expect(when('2026-03-01T00:00:00.000Z')).toBe(promotion.rateId);
    expect(when('2026-03-31T23:59:59.999Z')).toBe(promotion.rateId);
    expect(when('2026-04-01T00:00:00.000Z')).toBe(first.rateId);
  });

  it('without any open row is after the last rate', () => {
    const ended = entry('m', rate({ effectiveTo: '2026-01-01T00:00:00.000Z' }));
    expect(outcome([ended], usage('m', { timestamp: at('2025-12-31T23:59:59.999Z') }))).toBe('0.000000000000');
    expect(outcome([ended], usage('m'))).toBe('after_last_rate');
  });

  it('takes the thresholds of the set in force and of no older one', () => {
    const flat = entry('m', ...sonnet.rates, rate({ effectiveFrom: '2025-12-01T00:00:00.000Z', inputPerMTok: '1' }));
    expect(outcome([flat], usage('m', { inputTokens: 1_000_000 }))).toBe('1.000000000000');
  });
});

describe('a service class', () => {
  const model = entry('m', rate(), rate({ serviceClass: 'batch', inputPerMTok: '1.5' }));

  it('has its own rates, standard when the report names none', () => {
    expect(outcome([model], usage('m', { inputTokens: 1 }))).toBe('0.000003000000');
    expect(outcome([model], usage('m', { inputTokens: 1, serviceClass: 'standard' }))).toBe('0.000003000000');
    expect(outcome([model], usage('m', { inputTokens: 1, serviceClass: 'batch' }))).toBe('0.000001500000');
  });

  it('without rates is unpriced, never at the standard price', () => {
    expect(outcome([model], usage('m', { inputTokens: 1, serviceClass: 'priority' }))).toBe('no_rate_for_class');
  });
});

describe('an unknown model', () => {
  it('is unpriced', () => {
    expect(outcome([sonnet], usage('claude-sonnet-4-5-experimental'))).toBe('unknown_model');
    expect(outcome([], usage('claude-sonnet-4-5'))).toBe('unknown_model');
  });
});

describe('a name that two entries claim', () => {
  it('belongs to the later one', () => {
    const other: PriceEntry = { ...entry('other', rate({ inputPerMTok: '1' })), aliases: ['claude-sonnet-4-5'] };
    expect(outcome([sonnet, other], usage('claude-sonnet-4-5', { inputTokens: 1 }))).toBe('0.000001000000');
  });
});

type Bucket = 'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens' | 'cacheWrite1hTokens';
type Counts = Omit<PricedUsage, 'model' | Bucket> & Readonly<Record<Bucket, number>>;

describe('any book and any report', () => {
  const decimal = fc
    .tuple(fc.nat(999_999), fc.nat(999_999))
    .map(([whole, fraction]) => `${whole}.${String(fraction).padStart(6, '0')}`);
  const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
  const day = fc.integer({ min: 0, max: 6 }).map((n) => `2026-01-0${n + 1}T00:00:00.000Z`);
  const terms = fc.record(
    {
      inputPerMTok: decimal,
      outputPerMTok: decimal,
      cacheReadPerMTok: decimal,
      cacheWritePerMTok: decimal,
      cacheWrite1hPerMTok: decimal,
    },
    { requiredKeys: ['inputPerMTok', 'outputPerMTok'] },
  );
  const set = fc
    .record({
      effectiveFrom: day,
      serviceClass: fc.constantFrom('standard', 'batch'),
      days: optional(fc.integer({ min: 1, max: 4 })),
      base: terms,
      tiers: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 20 }), terms), { selector: ([n]) => n, maxLength: 3 }),
    })
    .map(({ effectiveFrom, serviceClass, days, base, tiers }) => {
      const effectiveTo =
        days === undefined ? {} : { effectiveTo: new Date(at(effectiveFrom) + days * 86_400_000).toISOString() };
      const shared = { effectiveFrom, serviceClass, ...effectiveTo };
      return [
        { ...shared, ...base },
        ...tiers.map(([promptThreshold, each]) => ({ ...shared, promptThreshold, ...each })),
      ];
    });
  const rates = fc
    .uniqueArray(set, { selector: ([first]) => `${first?.effectiveFrom} ${first?.serviceClass}`, maxLength: 6 })
    .map((sets): PriceRate[] => sets.flat().map((each, index) => ({ ...each, rateId: index + 1 })));
  const tokens = fc.oneof(
    fc.nat(12),
    fc.maxSafeNat().map((n) => Math.floor(n / 4)),
  );
  const report = fc
    .record({
      timestamp: fc
        .tuple(fc.integer({ min: -1, max: 12 }), fc.constantFrom(-1, 0, 1))
        .map(([n, ms]) => at('2026-01-01T00:00:00.000Z') + n * 86_400_000 + ms),
      serviceClass: fc.constantFrom('standard', 'batch', 'flex'),
      inputTokens: tokens,
      outputTokens: tokens,
      cacheReadTokens: tokens,
      cacheWriteTokens: tokens,
      share: fc.integer({ min: 0, max: 2 }),
    })
    .map(({ share, ...counts }) => ({
      ...counts,
      cacheWrite1hTokens: share === 0 ? 0 : Math.floor(counts.cacheWriteTokens / share),
    }));

  /** Fractions as numerator over a power of ten, written from the rules without looking at the code under test. */
  function naiveCost(row: PriceRate, counts: Counts): string {
    const oneHour = counts.cacheWrite1hTokens;
    const parts: (readonly [number, string | undefined])[] = [
      [counts.inputTokens, row.inputPerMTok],
      [counts.outputTokens, row.outputPerMTok],
      [counts.cacheReadTokens, row.cacheReadPerMTok],
      [counts.cacheWriteTokens - oneHour, row.cacheWritePerMTok],
      [oneHour, row.cacheWrite1hPerMTok],
    ];
    let numerator = 0n;
    for (const [count, price = row.inputPerMTok] of parts) {
      const [whole = '0', fraction = ''] = price.split('.');
      numerator += BigInt(count) * (BigInt(whole) * 10n ** 6n + BigInt(fraction.padEnd(6, '0')));
    }
    return `${numerator / 10n ** 12n}.${String(numerator % 10n ** 12n).padStart(12, '0')}`;
  }

  function naiveRow(rows: readonly PriceRate[], counts: Counts): PriceRate | string {
    const ofClass = rows.filter((row) => (row.serviceClass ?? 'standard') === counts.serviceClass);
    if (ofClass.length === 0) return 'no_rate_for_class';
    const begun = ofClass.filter((row) => at(row.effectiveFrom) <= counts.timestamp);
    if (begun.length === 0) return 'before_first_rate';
    const open = begun.filter((row) => row.effectiveTo === undefined || counts.timestamp < at(row.effectiveTo));
    const latest = Math.max(...open.map((row) => at(row.effectiveFrom)));
    const prompt = counts.inputTokens + counts.cacheReadTokens + counts.cacheWriteTokens;
    const fitting = open.filter(
      (row) => at(row.effectiveFrom) === latest && (row.promptThreshold === undefined || prompt > row.promptThreshold),
    );
    return fitting.reduce<PriceRate | string>(
      (best, row) =>
        typeof best === 'string' || (row.promptThreshold ?? 0) > (best.promptThreshold ?? 0) ? row : best,
      'after_last_rate',
    );
  }

  it('meet in the cost that the rules say, to the last digit', () => {
    fc.assert(
      fc.property(rates, report, (rows, counts) => {
        const expected = naiveRow(rows, counts);
        expect(outcome([entry('m', ...rows)], { model: 'm', ...counts })).toBe(
          typeof expected === 'string' ? expected : naiveCost(expected, counts),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('find the same row through the periods of the entry, which never overlap', () => {
    fc.assert(
      fc.property(rates, report, (rows, counts) => {
        const model = entry('m', ...rows);
        const prompt = counts.inputTokens + counts.cacheReadTokens + counts.cacheWriteTokens;
        const inForce = ratePeriodsOf(model).filter(
          ({ serviceClass, from, to }) =>
            serviceClass === counts.serviceClass && from <= counts.timestamp && counts.timestamp < to,
        );
        expect(new Set(inForce.map(({ promptThreshold }) => promptThreshold)).size).toBe(inForce.length);
        const [row] = inForce
          .filter(({ promptThreshold }) => promptThreshold === 0 || promptThreshold < prompt)
          .sort((a, b) => b.promptThreshold - a.promptThreshold);
        const found = rateIdFor([model], { model: 'm', ...counts });
        if (typeof found === 'number') expect(row?.rateId).toBe(found);
        else expect(row).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });
});
