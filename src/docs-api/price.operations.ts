import { atLeast, choice, object, type Operation, paging, parameter, type Schema, text } from './operation.js';

const tag = 'Prices';
const instant: Schema = { type: 'string', format: 'date-time' };
const rate: Schema = {
  type: 'string',
  pattern: '^\\d{1,6}(\\.\\d{1,6})?$',
  description: 'USD per 1,000,000 tokens, a decimal string',
};

const document = object(
  {
    version: { type: ['string', 'integer'], description: 'The author’s own label' },
    source: text(500, 'Where the numbers come from'),
    recordedAt: instant,
    models: {
      type: 'array',
      items: object(
        {
          provider: text(60),
          model: text(200),
          aliases: { type: 'array', items: text(200) },
          rates: {
            type: 'array',
            minItems: 1,
            items: object(
              {
                effectiveFrom: { ...instant, description: 'Inclusive, UTC, to the millisecond' },
                effectiveTo: { ...instant, description: 'Exclusive' },
                promptThreshold: {
                  type: 'integer',
                  minimum: 1,
                  description: 'The row prices whole requests whose prompt is larger',
                },
                serviceClass: text(40, 'Default: standard'),
                inputPerMTok: rate,
                outputPerMTok: rate,
                cacheReadPerMTok: rate,
                cacheWritePerMTok: rate,
                cacheWrite1hPerMTok: rate,
                source: text(500),
              },
              ['effectiveFrom', 'inputPerMTok', 'outputPerMTok'],
            ),
          },
        },
        ['provider', 'model', 'rates'],
      ),
    },
  },
  ['version', 'source', 'recordedAt', 'models'],
);

const documentExample = {
  version: '2026-11-21.1',
  source: 'the provider’s pricing page, checked by hand',
  recordedAt: '2026-11-21T00:00:00.000Z',
  models: [
    {
      provider: 'anthropic',
      model: 'claude-sonnet-4-5',
      aliases: ['claude-sonnet-4.5'],
      rates: [
        {
          effectiveFrom: '2025-09-29T00:00:00.000Z',
          inputPerMTok: '3',
          outputPerMTok: '15',
          cacheReadPerMTok: '0.3',
          cacheWritePerMTok: '3.75',
          cacheWrite1hPerMTok: '6',
        },
      ],
    },
  ],
};

const modelKey = object({ provider: { type: 'string' }, model: { type: 'string' } });
const keys = { type: 'array', items: modelKey };
const keyExample = { provider: 'anthropic', model: 'claude-sonnet-4-5' };
const orNull = { oneOf: [modelKey, { type: 'null' }] };
const bookVersion = { type: 'integer', minimum: 0 };

const usd = (description: string): Schema => ({ type: 'string', pattern: '^-?\\d+\\.\\d{12}$', description });
const totals = {
  requests: { type: 'integer' },
  oldCostUsd: usd('As the books have it'),
  newCostUsd: usd('By the new prices'),
  deltaUsd: usd('new − old'),
  newlyPriced: { type: 'integer', description: 'Requests that had no price and get one' },
  newlyUnpriced: { type: 'integer', description: 'Requests that had a price and lose it' },
};
const impact = object({
  lines: {
    type: 'array',
    description:
      'By model as reported and UTC day, the greatest change first; at most 500. Of the workspace of the key.',
    items: object({ model: { type: 'string' }, day: { type: 'string', format: 'date' }, ...totals }),
  },
  linesLeftOut: { type: 'integer' },
  models: {
    type: 'array',
    description: 'The days of a model together, the greatest change first; at most 500',
    items: object({ model: { type: 'string' }, ...totals }),
  },
  modelsLeftOut: { type: 'integer' },
  totals: object(totals),
});
const repricing = {
  oneOf: [
    object({
      bookVersion,
      state: { enum: ['pending', 'running', 'done'] },
      rowsDone: { type: 'integer' },
      rowsTotal: { type: 'integer' },
    }),
    { type: 'null' },
  ],
};

const totalsExample = {
  requests: 12,
  oldCostUsd: '0.600000000000',
  newCostUsd: '0.720000000000',
  deltaUsd: '0.120000000000',
  newlyPriced: 0,
  newlyUnpriced: 0,
};
const revision = object({
  success: { const: true },
  dryRun: { const: true },
  bookVersion,
  recorded: { type: 'boolean', description: 'False: the prices are like this already' },
  warnings: { type: 'array', items: { type: 'string' } },
  changed: keys,
  removed: keys,
  names: { type: 'array', items: object({ name: { type: 'string' }, from: orNull, to: orNull }) },
  impact: { oneOf: [impact, { type: 'null' }] },
  repricing,
});
const revisionExample = {
  success: true,
  bookVersion: 2,
  recorded: true,
  warnings: [],
  changed: [keyExample],
  removed: [],
  names: [{ name: 'claude-sonnet-4.5', from: null, to: keyExample }],
  impact: {
    lines: [{ model: 'claude-sonnet-4-5', day: '2026-11-20', ...totalsExample }],
    linesLeftOut: 0,
    models: [{ model: 'claude-sonnet-4-5', ...totalsExample }],
    modelsLeftOut: 0,
    totals: totalsExample,
  },
  repricing: { bookVersion: 2, state: 'running', rowsDone: 0, rowsTotal: 12 },
};

const revisionQuery = [
  choice('dryRun', 'true: answer what would change and record nothing', ['true', 'false']),
  parameter('reason', 'Kept with the revision', text(500)),
];
/** Somebody else may have revised the prices since the caller looked. */
const headers = ['IfMatch'] as const;

export const priceOperations: Readonly<Record<string, Operation>> = {
  'GET /api/prices': {
    tag,
    summary: 'The prices in force, or one layer of them',
    description:
      '`document` is what `PUT /api/prices` takes. The overrides replace entries of the book and take their names; `namesTaken` lists those. The header `ETag` is the book version.',
    query: [
      choice('layer', 'Default: effective', ['effective', 'book', 'override']),
      parameter('version', 'As this revision left them', { type: 'integer', minimum: 1 }),
      atLeast,
    ],
    answer: object({
      bookVersion,
      layer: { enum: ['effective', 'book', 'override'] },
      recordedAt: { type: ['string', 'null'] },
      documentHash: { type: ['string', 'null'] },
      document: { oneOf: [document, { type: 'null' }] },
      namesTaken: { type: 'array', items: object({ name: { type: 'string' }, from: modelKey, by: modelKey }) },
      overriddenModels: { type: 'integer' },
      published: object({
        version: { type: 'string' },
        source: { type: 'string' },
        recordedAt: instant,
        newer: { type: 'boolean', description: 'This release brings newer prices: see POST /api/prices/refresh' },
      }),
    }),
    failures: [404],
  },
  'PUT /api/prices': {
    tag,
    summary: 'Replace the price book, or see what that would do',
    description:
      'Every usage is priced anew by the rate in force when it happened. The same document again records nothing. ' +
      'A document with faults is 400 with all of them and their paths.',
    query: revisionQuery,
    headers,
    body: { required: true, schema: document, example: documentExample },
    answer: revision,
    example: revisionExample,
    failures: [413],
  },
  'GET /api/prices/history': {
    tag,
    summary: 'Every revision of the prices, newest first',
    query: [...paging(200), atLeast],
    answer: object({
      revisions: {
        type: 'array',
        items: object({
          bookVersion,
          layer: { enum: ['book', 'override'] },
          label: { type: ['string', 'null'] },
          source: { type: ['string', 'null'] },
          authorRecordedAt: { type: ['string', 'null'] },
          documentHash: { type: ['string', 'null'] },
          reason: { type: ['string', 'null'] },
          recordedAt: instant,
          actor: { type: 'string' },
          position: { type: 'string' },
          changed: {
            type: 'array',
            items: { type: 'object', description: 'The whole entries, each rate with its id' },
          },
          removed: keys,
        }),
      },
      total: { type: 'integer' },
      page: { type: 'integer' },
      limit: { type: 'integer' },
    }),
  },
  'GET /api/prices/repricing': {
    tag,
    summary: 'How far old usage has been priced by the newest prices',
    query: [atLeast],
    answer: object({ repricing }),
    example: { repricing: { bookVersion: 2, state: 'done', rowsDone: 0, rowsTotal: 0 } },
  },
  'POST /api/prices/refresh': {
    tag,
    summary: 'Replace the price book by the prices of this release, or see what that would do',
    query: revisionQuery,
    headers,
    answer: revision,
    example: revisionExample,
  },
  'DELETE /api/prices/overrides': {
    tag,
    summary: 'Clear the price overrides, or see what that would do',
    description: 'The overrides of `MC_PRICES_FILE` come back at the next start if the setting stays.',
    query: revisionQuery,
    headers,
    answer: revision,
    example: {
      ...revisionExample,
      changed: [],
      removed: [keyExample],
      names: [{ name: 'x', from: keyExample, to: null }],
    },
  },
};
