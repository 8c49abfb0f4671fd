import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parsePriceDocument } from './price-document.js';

const base = { effectiveFrom: '2025-09-29T00:00:00.000Z', inputPerMTok: '3', outputPerMTok: '15' };
const tier = { ...base, promptThreshold: 200_000, inputPerMTok: '6' };

function entry(more: object = {}) {
  return {
    provider: 'anthropic',
    model: 'claude-sonnet-4-5',
    aliases: ['claude-sonnet-4.5'],
    rates: [base, tier],
    ...more,
  };
}

function document(models: readonly unknown[] = [entry()], more: object = {}) {
  return { version: '2026-11-21.1', source: 'by hand', recordedAt: '2026-11-21T00:00:00.000Z', models, ...more };
}

function faultsOf(value: unknown): readonly string[] {
  const parsed = parsePriceDocument(value);
  return parsed.kind === 'invalid' ? parsed.faults : [];
}

/** Faults of one row beside a whole base row, without the path that they share. */
function rowFaults(row: object): readonly string[] {
  return faultsOf(document([entry({ rates: [row] })])).map((fault) => fault.replace('models[0].rates[0].', ''));
}

function canonical(value: unknown) {
  const parsed = parsePriceDocument(value);
  if (parsed.kind === 'invalid') throw new Error(parsed.faults.join());
  return parsed;
}

describe('a price document', () => {
  it('is taken as it is written', () => {
    expect(canonical(document()).document).toEqual(document());
  });

  it('may give its version as an integer, and null for everything optional', () => {
    const row = {
      ...base,
      effectiveTo: null,
      promptThreshold: null,
      serviceClass: null,
      source: null,
      cacheReadPerMTok: null,
      cacheWritePerMTok: null,
      cacheWrite1hPerMTok: null,
    };
    const parsed = canonical(document([entry({ aliases: null, rates: [row] })], { version: 7 }));
    expect(parsed.document).toEqual(document([entry({ aliases: [], rates: [base] })], { version: '7' }));
  });

  it('may list no models at all', () => {
    expect(canonical(document([])).document.models).toEqual([]);
  });

  it('knows a price of zero from no price', () => {
    const row = { ...base, inputPerMTok: '0', outputPerMTok: '0.000000', cacheReadPerMTok: '0' };
    const [model] = canonical(document([entry({ rates: [row] })])).document.models;
    expect(model?.rates[0]).toMatchObject({ inputPerMTok: '0', outputPerMTok: '0', cacheReadPerMTok: '0' });
    expect(model?.rates[0]).not.toHaveProperty('cacheWritePerMTok');
  });

  it('has one hash however it is ordered and spelt', () => {
    const other = {
      provider: 'openai',
      model: 'gpt-4o',
      aliases: ['b', 'a'],
      rates: [{ ...base, serviceClass: 'standard' }],
    };
    const same = {
      models: [
        {
          rates: [{ ...base, inputPerMTok: '03.00', effectiveFrom: '2025-09-29T00:00Z' }],
          aliases: ['a', 'b'],
          model: 'gpt-4o',
          provider: 'openai',
        },
        entry({ rates: [tier, base] }),
      ],
      recordedAt: '2026-11-21T01:00:00+01:00',
      source: 'by hand',
      version: '2026-11-21.1',
    };
    expect(canonical(same)).toEqual(canonical(document([entry(), other])));
    expect(canonical(document([entry(), other], { version: 'another' })).hash).not.toBe(canonical(same).hash);
  });
});

describe('every fault is listed with its path', () => {
  it.each([undefined, null, 7, 'text', []])('in %j', (value) => {
    expect(faultsOf(value)[0]).toBe('document: must be an object');
  });

  it('in the document', () => {
    expect(faultsOf({ version: '', source: ' ', recordedAt: '2026-11-21', models: {}, currency: 'USD' })).toEqual([
      'currency: is no field of a price document',
      'version: must be a string of 1 to 64 characters',
      'source: must be a string of 1 to 500 characters',
      'recordedAt: must be an ISO 8601 instant such as 2026-11-21T00:00:00.000Z',
      'models: must be a list',
    ]);
    expect(faultsOf(document([], { version: 1.5 }))).toHaveLength(1);
    expect(faultsOf(document([], { version: 'x'.repeat(65) }))).toHaveLength(1);
    expect(faultsOf(document([], { source: 'x'.repeat(501) }))).toHaveLength(1);
    expect(faultsOf(document([], { recordedAt: '0000-01-01T00:00:00+23:00' }))).toHaveLength(1);
    expect(faultsOf(document([], { recordedAt: '9999-12-31T23:59:59-23:00' }))).toHaveLength(1);
  });

  it('in several entries and rows at once', () => {
    const broken = { ...base, inputPerMTok: 3, outputPerMTok: '-1', promptTreshold: 5 };
    expect(
      faultsOf(
        document([
          7,
          entry({ provider: 'x'.repeat(61) }),
          entry({ model: 'other', aliases: [''], rates: [base, broken] }),
        ]),
      ),
    ).toEqual([
      'models[0]: must be an object',
      'models[1].provider: must be a string of 1 to 60 characters without white space around it',
      'models[2].aliases[0]: must be a string of 1 to 200 characters without white space around it',
      'models[2].rates[1].promptTreshold: is no field of a price document',
      'models[2].rates[1].inputPerMTok: must be a decimal string such as "3.75", at most 6 digits before and after the point',
      'models[2].rates[1].outputPerMTok: must be a decimal string such as "3.75", at most 6 digits before and after the point',
      'models[2].rates[1].promptThreshold: repeats the row without a threshold of the same class and effectiveFrom',
    ]);
  });

  it.each([3, '-1', '+1', '1.', '.5', '1e3', ' 1', '1,5', '1234567', '0.1234567', 'NaN', '', true, {}])(
    'in the rate %j',
    (rate) => {
      for (const field of [
        'inputPerMTok',
        'outputPerMTok',
        'cacheReadPerMTok',
        'cacheWritePerMTok',
        'cacheWrite1hPerMTok',
      ]) {
        expect(rowFaults({ ...base, [field]: rate })).toEqual([
          expect.stringMatching(`^${field}: must be a decimal string`),
        ]);
      }
    },
  );

  it('in missing input and output rates', () => {
    expect(rowFaults({ effectiveFrom: base.effectiveFrom })).toHaveLength(2);
  });

  it.each([
    undefined,
    '2025-09-29',
    '2025-09-29T00:00:00',
    '2025-09-29T00:00:00+00:00',
    '2025-02-30T00:00:00Z',
    '2025-09-29T00:00:00.0001Z',
    1_759_104_000_000,
  ])('in the beginning %j', (effectiveFrom) => {
    expect(rowFaults({ ...base, effectiveFrom })).toEqual([expect.stringMatching(/^effectiveFrom: must be an ISO/)]);
  });

  it('in an end that does not come after the beginning', () => {
    expect(rowFaults({ ...base, effectiveTo: base.effectiveFrom })).toEqual([
      'effectiveTo: must be later than effectiveFrom',
    ]);
    expect(rowFaults({ ...base, effectiveTo: '2025-09-29T00:00:00.001Z' })).toEqual([]);
  });

  it.each([0, -1, 1.5, '200000', 2 ** 53])('in the threshold %j', (promptThreshold) => {
    expect(faultsOf(document([entry({ rates: [base, { ...base, promptThreshold }] })]))[0]).toMatch(
      /promptThreshold: must be an integer of at least 1/,
    );
  });

  it('in an entry without rates', () => {
    expect(faultsOf(document([entry({ rates: [] })]))).toEqual(['models[0].rates: must hold at least one row']);
  });

  it('in names that are surrounded by white space, for no report could have them', () => {
    expect(faultsOf(document([entry({ model: ' m', aliases: ['a '] })]))).toHaveLength(2);
    expect(rowFaults({ ...base, serviceClass: 'batch ' })).toHaveLength(1);
  });
});

describe('a name', () => {
  it('means one thing, as a model and as an alias', () => {
    const other = { provider: 'openai', model: 'gpt-4o', aliases: ['claude-sonnet-4.5'], rates: [base] };
    expect(faultsOf(document([entry(), other]))).toEqual([
      'models[1].aliases: the name "claude-sonnet-4.5" stands in models[0] too',
    ]);
    expect(faultsOf(document([entry(), entry({ provider: 'google', aliases: [] })]))).toEqual([
      'models[1].model: the name "claude-sonnet-4-5" stands in models[0] too',
    ]);
    expect(faultsOf(document([entry({ aliases: ['a', 'a'] })]))).toHaveLength(1);
    expect(faultsOf(document([entry({ aliases: ['claude-sonnet-4-5'] })]))).toHaveLength(1);
  });
});

describe('a price set', () => {
  const rates = (...rows: readonly object[]) => faultsOf(document([entry({ rates: rows })]));

  it('has exactly one row without a threshold', () => {
    expect(rates(tier)).toEqual([
      'models[0].rates[0].promptThreshold: the row without a threshold is missing beside it',
    ]);
    expect(rates(base, base)).toHaveLength(1);
    expect(rates(base, { ...tier, serviceClass: 'batch' })).toHaveLength(1);
    expect(rates(base, { ...tier, effectiveFrom: '2026-01-01T00:00:00.000Z' })).toHaveLength(1);
  });

  it('has each threshold once', () => {
    expect(rates(base, tier, tier)).toEqual([
      'models[0].rates[2].promptThreshold: repeats 200000 of the same class and effectiveFrom',
    ]);
    expect(rates(base, tier, { ...tier, promptThreshold: 200_001 })).toEqual([]);
  });

  it('ends as one', () => {
    const effectiveTo = '2026-01-01T00:00:00.000Z';
    expect(rates(base, { ...tier, effectiveTo })).toEqual([
      'models[0].rates[1].effectiveTo: must be the same for all rows of one class and effectiveFrom',
    ]);
    expect(rates({ ...base, effectiveTo }, { ...tier, effectiveTo })).toEqual([]);
  });
});

describe('any value', () => {
  it('gives a document or faults and never throws, and a document is its own canonical form', () => {
    const leaf = fc.oneof(
      fc.constantFrom(null, '', '1', 1, base, tier, 'standard', '2026-01-01T00:00:00Z'),
      fc.string(),
    );
    const row = fc.dictionary(
      fc.constantFrom(...Object.keys(tier), 'effectiveTo', 'serviceClass', 'cacheReadPerMTok'),
      leaf,
    );
    const rates = fc.array(fc.oneof(row, fc.constantFrom<object>(base, tier)), { maxLength: 3 });
    const models = fc.array(fc.record({ provider: leaf, model: leaf, aliases: fc.oneof(leaf, fc.array(leaf)), rates }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          models.map((each) => document(each)),
        ),
        (value) => {
          const parsed = parsePriceDocument(value);
          if (parsed.kind === 'invalid') expect(parsed.faults.length).toBeGreaterThan(0);
          else expect(canonical(JSON.parse(JSON.stringify(parsed.document)))).toEqual(parsed);
        },
      ),
    );
  });

  it('with very many faults lists the first thousand and how many more there are', () => {
    const faults = faultsOf(document(Array.from({ length: 1_100 }, () => 7)));
    expect(faults).toHaveLength(1_001);
    expect(faults.at(-1)).toBe('and 100 more');
  });
});
