import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { matchModel, namesTried, type ListedName } from './match-model.js';

const listed: readonly (readonly [provider: string, model: string, ...aliases: string[]])[] = [
  ['anthropic', 'claude-sonnet-4-5', 'claude-sonnet-4.5', 'claude-sonnet-4-5-20250929'],
  ['anthropic', 'claude-haiku-5'],
  ['openai', 'gpt-4o'],
  ['openai', 'gpt-4'],
  ['google', 'gemini-2.5-pro'],
  ['mistral', 'mistral-large', 'mistral-large-latest'],
  ['x-ai', 'grok-4'],
  ['moonshotai', 'kimi-k2'],
  ['openrouter', 'openrouter/openai/gpt-4o'],
  ['azure', 'azure/gpt-4o', 'azure/gpt-4o-eu'],
];

const names = new Map<string, ListedName<{ readonly provider: string; readonly model: string }>>();
for (const [provider, model, ...aliases] of listed) {
  names.set(model, { entry: { provider, model }, kind: 'model' });
  for (const alias of aliases) names.set(alias, { entry: { provider, model }, kind: 'alias' });
}

function found(reported: string, provider?: string): string | undefined {
  const match = matchModel(names, reported, provider);
  return match === undefined ? undefined : `${match.entry.model} by ${match.matchKind}`;
}

describe('a listed name', () => {
  it('is found exactly, white space around it aside', () => {
    expect(found('claude-sonnet-4-5')).toBe('claude-sonnet-4-5 by exact');
    expect(found('  gpt-4o\t')).toBe('gpt-4o by exact');
  });

  it('is found by a listed alias', () => {
    expect(found('claude-sonnet-4.5')).toBe('claude-sonnet-4-5 by alias');
    expect(found('claude-sonnet-4-5-20250929')).toBe('claude-sonnet-4-5 by alias');
  });

  it.each([
    ['anthropic/claude-sonnet-4-5', 'claude-sonnet-4-5'],
    ['openai/gpt-4o', 'gpt-4o'],
    ['google/gemini-2.5-pro', 'gemini-2.5-pro'],
    ['gemini/gemini-2.5-pro', 'gemini-2.5-pro'],
    ['mistral/mistral-large-latest', 'mistral-large'],
    ['mistralai/mistral-large', 'mistral-large'],
    ['x-ai/grok-4', 'grok-4'],
    ['xai/grok-4', 'grok-4'],
    ['moonshotai/kimi-k2', 'kimi-k2'],
  ])('is found behind the prefix of its maker: %s', (reported, model) => {
    expect(found(reported)).toBe(`${model} by prefix`);
  });

  it('is not found behind the prefix of another maker', () => {
    expect(found('anthropic/gpt-4o')).toBeUndefined();
    expect(found('openai/claude-sonnet-4-5-20250929')).toBeUndefined();
  });

  it.each(['openrouter/', 'azure/', 'bedrock/', 'vertex_ai/', 'openrouter/anthropic/', 'openai/openai/', '/'])(
    'is not found behind %j',
    (prefix) => {
      expect(found(`${prefix}claude-haiku-5`)).toBeUndefined();
    },
  );

  it('of a reseller is found under its own qualified name', () => {
    expect(found('openrouter/openai/gpt-4o')).toBe('openrouter/openai/gpt-4o by exact');
    expect(found('azure/gpt-4o-eu')).toBe('azure/gpt-4o by alias');
  });

  it.each(['gpt-4o-20240806', 'gpt-4o@20240806', 'gpt-4o@2024-08-06', 'gpt-4o-20240229'])(
    'is found before a date: %s',
    (reported) => {
      expect(found(reported)).toBe('gpt-4o by date');
    },
  );

  it.each([
    'gpt-4o-2024-08-06',
    'gpt-4o-20230229',
    'gpt-4o-21000229',
    'gpt-4o-20241301',
    'gpt-4o-20240431',
    'gpt-4o-20240400',
    'gpt-4o-00000101',
    'gpt-4o-2024080',
    'gpt-4o-202408061',
    'gpt-4o20240806',
    'gpt-4o@2024-0806',
    'gpt-4o-20240806-20240806',
  ])('is not found before what is no date or not of the listed form: %s', (reported) => {
    expect(found(reported)).toBeUndefined();
  });

  it('is found before a date by its alias too', () => {
    expect(found('mistral-large-latest@20250101')).toBe('mistral-large by date');
  });

  it('is found between a prefix and a date', () => {
    expect(found('openai/gpt-4o@2024-08-06')).toBe('gpt-4o by prefix+date');
    expect(found('anthropic/gpt-4o@2024-08-06')).toBeUndefined();
  });
});

describe('another name', () => {
  it.each([
    'gpt-4o-mini',
    'gpt-4o-preview',
    'gpt-4o-experimental',
    'claude-haiku-5-5',
    'claude-sonnet',
    'laude-sonnet-4-5',
    'GPT-4o',
    'gpt 4o',
    '',
    'openai/',
    '-20240806',
    '@2024-08-06',
    'constructor',
    '__proto__',
  ])('is not taken for a listed one: %j', (reported) => {
    expect(found(reported)).toBeUndefined();
  });
});

describe('a provider', () => {
  it('narrows the names to its own', () => {
    expect(found('gpt-4o', 'openai')).toBe('gpt-4o by exact');
    expect(found('gpt-4o', 'anthropic')).toBeUndefined();
    expect(found('openai/gpt-4o', 'openai')).toBe('gpt-4o by prefix');
    expect(found('openai/gpt-4o', 'anthropic')).toBeUndefined();
    expect(found('gpt-4o-20240806', 'anthropic')).toBeUndefined();
  });

  it('is first looked for as part of the listed name', () => {
    expect(found('gpt-4o', 'azure')).toBe('azure/gpt-4o by exact');
    expect(found('gpt-4o-eu', 'azure')).toBe('azure/gpt-4o by alias');
    expect(found('openai/gpt-4o', 'openrouter')).toBe('openrouter/openai/gpt-4o by exact');
  });

  it.each([
    ['gcp.gemini', 'gemini-2.5-pro', 'gemini-2.5-pro by exact'],
    ['azure.ai.openai', 'gpt-4o', 'azure/gpt-4o by exact'],
    ['mistral_ai', 'mistral-large', 'mistral-large by exact'],
    ['x_ai', 'grok-4', 'grok-4 by exact'],
    ['moonshot_ai', 'kimi-k2', 'kimi-k2 by exact'],
    ['aws.bedrock', 'claude-haiku-5', undefined],
  ])('may be spelt as OpenTelemetry does: %s', (provider, reported, expected) => {
    expect(found(reported, provider)).toBe(expected);
  });

  it('of white space is none', () => {
    expect(found('gpt-4o', '  ')).toBe('gpt-4o by exact');
  });
});

describe('the names tried', () => {
  it('are each said once, in order', () => {
    expect(namesTried(' openai/gpt-9@2026-01-02 ')).toEqual([
      'openai/gpt-9@2026-01-02',
      'gpt-9@2026-01-02',
      'openai/gpt-9',
      'gpt-9',
    ]);
    expect(namesTried('gpt-9', 'azure.ai.openai')).toEqual(['azure/gpt-9', 'gpt-9']);
  });

  it('hold every name that is ever found', () => {
    const part = fc.constantFrom(
      'openai/',
      'anthropic/',
      'azure/',
      'gpt-4o',
      'gpt-4',
      '-20240806',
      '@2024-02-30',
      '-x',
    );
    const reported = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(reported, fc.option(fc.constantFrom('openai', 'azure'), { nil: undefined }), (name, provider) => {
        const match = matchModel(names, name, provider);
        const tried = namesTried(name, provider).map((each) => names.get(each)?.entry.model);
        if (match !== undefined) expect(tried).toContain(match.entry.model);
        expect(match?.entry.provider ?? provider).toBe(provider ?? match?.entry.provider);
      }),
    );
  });
});
