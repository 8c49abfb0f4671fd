import { atLeast, object, type Operation, paging, type Schema, text } from './operation.js';

const tag = 'Budgets';
const instant: Schema = { type: 'string', format: 'date-time' };
const usd = (description: string): Schema => ({ type: 'string', pattern: '^-?\\d+(\\.\\d+)?$', description });
const id: Schema = { type: 'string', format: 'uuid' };
const optionalId: Schema = { type: ['integer', 'null'], minimum: 1 };

const terms = {
  name: text(100),
  scope: {
    ...object({
      projectId: { ...optionalId, description: 'Usage of tasks that are in this project now' },
      agent: { type: ['string', 'null'], description: 'The agent part of the session, exactly' },
      taskId: optionalId,
      model: { type: ['string', 'null'], description: 'As reported, exactly' },
    }),
    description: 'All that are set must hold; none: the whole workspace',
  },
  period: object(
    {
      kind: { enum: ['day', 'week', 'month', 'rolling'], description: 'A week begins on Monday' },
      days: { type: ['integer', 'null'], minimum: 1, maximum: 366, description: 'Of a rolling period, today included' },
      zone: { type: 'string', default: 'UTC', description: 'IANA time zone' },
    },
    ['kind'],
  ),
  limitUsd: usd('Above 0, at most 12 decimals'),
  softPercents: { type: 'array', items: { type: 'integer', minimum: 1, maximum: 1000 }, default: [50, 80, 100] },
  hard: { type: 'boolean', default: false, description: 'At the limit no new work of the scope is handed out' },
};
const body = object(terms, ['name', 'period', 'limitUsd']);

const budget = object({
  id,
  ...terms,
  createdAt: instant,
  updatedAt: instant,
  status: object({
    period: { type: 'string' },
    from: instant,
    until: instant,
    spentUsd: usd('With 12 decimals'),
    remainingUsd: usd('With 12 decimals; below 0 when overspent'),
    percentUsed: usd('Of the limit, cut after two decimals'),
    requests: { type: 'integer' },
    unpricedRequests: { type: 'integer', description: 'In the scope and not in spentUsd' },
    thresholds: {
      type: 'array',
      items: object({
        kind: { enum: ['soft', 'hard'] },
        percent: { type: 'integer' },
        crossing: { type: 'integer', description: 'How often it was crossed in this period' },
        reached: { type: 'boolean' },
        changedAt: instant,
      }),
    },
    stopsNewWork: { type: 'boolean' },
    forecast: object({
      method: { type: 'string' },
      meanHourlyUsd: usd('With 12 decimals'),
      endOfPeriodUsd: usd('With 12 decimals'),
      reachesLimitAt: { type: ['string', 'null'] },
      unknown: { type: 'string', description: 'Why there is none' },
    }),
  }),
});

const termsExample = {
  name: 'build agents',
  scope: { projectId: null, agent: 'build-bot', taskId: null, model: null },
  period: { kind: 'month', days: null, zone: 'Europe/Berlin' },
  limitUsd: '250',
  softPercents: [50, 80, 100],
  hard: true,
};
const idExample = '6f1c2d3e-4b5a-4c6d-8e7f-0123456789ab';

export const budgetOperations: Readonly<Record<string, Operation>> = {
  'GET /api/budgets': {
    tag,
    summary: 'Budgets and how they stand, newest first',
    query: [...paging(100), atLeast],
    answer: object({
      budgets: { type: 'array', items: budget },
      total: { type: 'integer' },
      page: { type: 'integer' },
      limit: { type: 'integer' },
    }),
  },
  'POST /api/budgets': {
    tag,
    summary: 'Define a budget',
    body: { required: true, schema: body, example: termsExample },
    status: 201,
    answer: object({ budget: object({ id, ...terms }) }),
    example: { budget: { id: idExample, ...termsExample } },
    failures: [422],
  },
  'GET /api/budgets/{id}': {
    tag,
    summary: 'One budget and how it stands',
    query: [atLeast],
    answer: object({ budget }),
    failures: [404],
  },
  'PUT /api/budgets/{id}': {
    tag,
    summary: 'Give a budget other terms',
    description: 'All terms are replaced; what is left out has its default.',
    body: { required: true, schema: body, example: termsExample },
    answer: object({ budget: object({ id, ...terms }) }),
    example: { budget: { id: idExample, ...termsExample } },
    failures: [404],
  },
  'DELETE /api/budgets/{id}': {
    tag,
    summary: 'Delete a budget',
    answer: object({ success: { const: true }, deleted: { type: 'string' } }),
    example: { success: true, deleted: 'build agents' },
    failures: [404],
  },
};
