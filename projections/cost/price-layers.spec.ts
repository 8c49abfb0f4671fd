import { describe, expect, it } from '@jest/globals';
import type { PriceBookRevised, PriceEntry, PriceLayer } from '../../src/prices/prices.events.js';
import { effectiveEntries, noPrices, revised } from './price-layers.js';
import { priceTable, priceUsage } from './pricing.js';

let version = 0;
function revision(layer: PriceLayer, changes: Partial<PriceBookRevised['data']>): PriceBookRevised['data'] {
  version += 1;
  return {
    bookVersion: version,
    layer,
    label: 'v',
    source: 's',
    authorRecordedAt: '2026-01-01T00:00:00.000Z',
    documentHash: 'h',
    reason: null,
    changed: [],
    removed: [],
    ...changes,
  };
}

function priced(model: string, rateId: number, ...aliases: string[]): PriceEntry {
  const rates = [{ rateId, effectiveFrom: '1970-01-01T00:00:00.000Z', inputPerMTok: '1', outputPerMTok: '1' }];
  return { provider: 'openai', model, aliases, rates };
}

const counts = { timestamp: 0, inputTokens: 1, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };

function rateIds(revisions: readonly PriceBookRevised['data'][], ...models: string[]) {
  const table = priceTable(effectiveEntries(revisions.reduce(revised, noPrices)));
  return models.map((model) => {
    const pricing = priceUsage(table, { ...counts, model });
    return pricing.kind === 'priced' ? pricing.rateId : pricing.unpricedReason;
  });
}

const book = revision('book', { changed: [priced('a', 1, 'x'), priced('b', 2)] });

describe('the effective book', () => {
  it('is the book where nothing overrides it', () => {
    expect(rateIds([book], 'a', 'x', 'b', 'c')).toEqual([1, 1, 2, 'unknown_model']);
  });

  it('takes an override instead of the whole entry, aliases too', () => {
    expect(rateIds([book, revision('override', { changed: [priced('a', 3)] })], 'a', 'x', 'b')).toEqual([
      3,
      'unknown_model',
      2,
    ]);
  });

  it('gives an override every name that it claims', () => {
    expect(rateIds([book, revision('override', { changed: [priced('c', 3, 'x', 'b')] })], 'a', 'x', 'b', 'c')).toEqual([
      1, 3, 3, 3,
    ]);
  });

  it('has the book again when the overrides are cleared, with what the book became meanwhile', () => {
    const revisions = [
      book,
      revision('override', { changed: [priced('a', 3)] }),
      revision('book', { changed: [priced('a', 4)], removed: [{ provider: 'openai', model: 'b' }] }),
    ];
    expect(rateIds(revisions, 'a', 'b')).toEqual([3, 'unknown_model']);
    const cleared = revision('override', { removed: [{ provider: 'openai', model: 'a' }] });
    expect(rateIds([...revisions, cleared], 'a', 'b')).toEqual([4, 'unknown_model']);
  });
});
