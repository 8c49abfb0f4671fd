import { describe, expect, it } from '@jest/globals';
import type { ModelInfo, Provider } from '@pydantic/genai-prices';
import { publishedModels } from './published-models.js';

const model = (id: string, prices: ModelInfo['prices'], match: ModelInfo['match'] = { equals: id }): ModelInfo => ({
  id,
  match,
  prices,
});
const provider = (id: string, ...models: ModelInfo[]): Provider => ({ id, name: id, api_pattern: '', models });
const flat = { input_mtok: 1, output_mtok: 2 };
const since1970 = '1970-01-01T00:00:00.000Z';

describe('a price of the source', () => {
  it('holds since before we know, until one with a first day', () => {
    const later = { input_mtok: 0.5, output_mtok: 1 };
    const prices = [
      { prices: flat },
      { constraint: { type: 'start_date' as const, start_date: '2026-03-13' }, prices: later },
    ];
    expect(publishedModels([provider('openai', model('m', prices))], []).models[0]?.rates).toEqual([
      { effectiveFrom: since1970, inputPerMTok: '1', outputPerMTok: '2' },
      { effectiveFrom: '2026-03-13T00:00:00.000Z', inputPerMTok: '0.5', outputPerMTok: '1' },
    ]);
  });

  it('with thresholds is one row for each, with the flat prices in all of them', () => {
    const tiers = (base: number, ...steps: [number, number][]) => ({
      base,
      tiers: steps.map(([start, price]) => ({ start, price })),
    });
    const prices = {
      input_mtok: tiers(1, [199_999, 2], [400_000, 3]),
      output_mtok: tiers(10, [400_000, 30]),
      cache_read_mtok: 0.1,
      cache_write_mtok: 0.2,
      cache_write_1h_mtok: 0.3,
    };
    const cache = { cacheReadPerMTok: '0.1', cacheWritePerMTok: '0.2', cacheWrite1hPerMTok: '0.3' };
    expect(publishedModels([provider('openai', model('m', prices))], []).models[0]?.rates).toEqual([
      { effectiveFrom: since1970, inputPerMTok: '1', outputPerMTok: '10', ...cache },
      { effectiveFrom: since1970, promptThreshold: 199_999, inputPerMTok: '2', outputPerMTok: '10', ...cache },
      { effectiveFrom: since1970, promptThreshold: 400_000, inputPerMTok: '3', outputPerMTok: '30', ...cache },
    ]);
  });

  it.each([
    ['no output', { input_mtok: 1 }, 'no price for output tokens'],
    ['none at all', { audio_hours: 1 }, 'no price for input and output tokens'],
    ['an exponent', { input_mtok: 1e-7, output_mtok: 1 }, '1e-7 is no decimal of at most 6 places'],
    [
      'the debris of a division',
      { input_mtok: 0.08333333333333334, output_mtok: 1 },
      '0.08333333333333334 is no decimal of at most 6 places',
    ],
    [
      'times of day',
      [{ constraint: { type: 'time_of_date', start_time: '00:30:00Z', end_time: '16:30:00Z' }, prices: flat }],
      'its price depends on the time of day',
    ],
  ] as const)('with %s leaves the model out and says so', (_, prices, reason) => {
    expect(publishedModels([provider('openai', model('m', prices as ModelInfo['prices']))], [])).toEqual({
      models: [],
      leftOut: [{ provider: 'openai', model: 'm', reason }],
      marked: [],
    });
  });

  it('beside those of tokens marks the model', () => {
    const { marked } = publishedModels([provider('openai', model('m', { ...flat, web_searches_kcount: 10 }))], []);
    expect(marked).toEqual([{ provider: 'openai', model: 'm', reason: 'web_searches_kcount' }]);
  });
});

describe('a name of the source', () => {
  const aliasesOf = (match: ModelInfo['match']) =>
    publishedModels([provider('anthropic', model('m', flat, match))], []).models[0]?.aliases;

  it('is an alias only where the source says equal, or somebody has looked', () => {
    const clauses = [
      { equals: 'm' },
      { equals: 'same' },
      { starts_with: 'claude-sonnet-4.5' },
      { starts_with: 'claude-sonnet-9' },
    ];
    expect(
      aliasesOf({
        or: [...clauses, { contains: 'c' }, { regex: '^r' }, { ends_with: 'e' }, { and: [{ equals: 'x' }] }],
      }),
    ).toEqual(['same', 'claude-sonnet-4.5']);
  });

  it('that no report can have leaves the model out', () => {
    const placeholders = [
      model('ft:m', flat, { starts_with: 'ft:m-2024' }),
      model('ft:n-', flat, { starts_with: 'ft:n-' }),
    ];
    const { models, leftOut } = publishedModels([provider('openai', ...placeholders)], []);
    expect([models, leftOut.map((each) => each.model)]).toEqual([[], ['ft:m', 'ft:n-']]);
  });

  it('that two providers list belongs to the first', () => {
    const second = model('n', flat, { or: [{ equals: 'n' }, { equals: 'm' }] });
    const { models, leftOut } = publishedModels(
      [provider('openai', model('m', flat)), provider('mistral', model('m', flat), second)],
      [],
    );
    expect(models.map((each) => [each.provider, each.model, each.aliases])).toEqual([
      ['openai', 'm', []],
      ['mistral', 'n', []],
    ]);
    expect(leftOut).toHaveLength(2);
  });

  it('of a reseller is qualified', () => {
    const resold = model('m', flat, { or: [{ equals: 'm' }, { equals: 'm-eu' }] });
    const { models } = publishedModels([provider('openai', model('m', flat))], [provider('azure', resold)]);
    expect(models[1]).toMatchObject({ provider: 'azure', model: 'azure/m', aliases: ['azure/m-eu'] });
  });
});
