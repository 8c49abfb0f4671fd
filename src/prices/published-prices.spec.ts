import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { priceTable, priceUsage } from '../../projections/cost/pricing.js';
import { firstParties, genaiPricesSource } from '../../scripts/prices/genai-prices.js';
import { DOCUMENT_FILE, documentText, REPORT_FILE, reportText } from '../../scripts/prices/published-files.js';
import { publishedModels } from '../../scripts/prices/published-models.js';
import { publishedPrices } from './published-prices.js';

describe('the published prices', () => {
  it('are what the generator writes, and so is the page about them (npm run prices:generate)', async () => {
    const published = publishedModels(firstParties(), []);
    const source = genaiPricesSource();
    expect(await readFile(DOCUMENT_FILE, 'utf8')).toBe(await documentText(source, published));
    expect(await readFile(REPORT_FILE, 'utf8')).toBe(await reportText(source, published));
  });

  it('say where they come from and when', () => {
    const { source, recordedAt } = publishedPrices().document;
    expect(source).toMatch(/genai-prices.* 0\.1\.8 of 2026-09-23/);
    expect(recordedAt).toBe('2026-09-23T10:11:04.000Z');
  });

  const { models } = publishedPrices().document;
  const table = priceTable(
    models.map((entry) => ({ ...entry, rates: entry.rates.map((rate, index) => ({ rateId: index + 1, ...rate })) })),
  );
  const costOf = (model: string, inputTokens: number, day = '2026-10-01') => {
    const counts = { outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
    const pricing = priceUsage(table, { model, inputTokens, ...counts, timestamp: Date.parse(`${day}T00:00:00Z`) });
    return pricing.kind === 'priced' ? pricing.costUsd : pricing.unpricedReason;
  };

  it('know thresholds, days of change, dated names and snapshots', () => {
    expect(costOf('claude-sonnet-4-5', 200_000)).toBe('0.600000000000');
    expect(costOf('claude-sonnet-4-5-20250929', 200_001)).toBe('1.200006000000');
    expect(costOf('o3', 1_000_000, '2025-06-09')).toBe('10.000000000000');
    expect(costOf('o3', 1_000_000, '2025-06-10')).toBe('2.000000000000');
    expect(costOf('gpt-4o-2024-05-13', 1_000_000)).toBe('5.000000000000');
    expect(costOf('gpt-4o', 1_000_000)).toBe('2.500000000000');
    expect(costOf('anthropic/claude-3.5-sonnet', 1_000_000)).toBe('3.000000000000');
  });

  it('take nothing for another model, as the matching of their source would', () => {
    for (const name of [
      'claude-sonnet-5-5',
      'claude-sonnet-4-5-experimental',
      'claude-haiku-5-5',
      'gemini-1.5-pro-x',
    ]) {
      expect([name, costOf(name, 1)]).toEqual([name, 'unknown_model']);
    }
  });

  it('hold no free model: a missing price is not zero', () => {
    const zeros = models.filter(({ rates }) =>
      rates.some((rate) => rate.inputPerMTok === '0' || rate.outputPerMTok === '0'),
    );
    expect(zeros.map(({ model }) => model)).toEqual([]);
  });
});
