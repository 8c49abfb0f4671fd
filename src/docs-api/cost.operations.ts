import { atLeast, choice, count, object, type Operation, paging, parameter, type Schema } from './operation.js';

const tag = 'Costs';
const exact: Schema = { type: 'string', description: 'USD with 12 decimals, exact' };
const filter = (name: string, description: string) =>
  parameter(name, `${description}; repeat it for several`, { type: 'array', items: { type: 'string' } });

export const costOperations: Readonly<Record<string, Operation>> = {
  'GET /api/costs': {
    tag,
    summary: 'Usage and cost by any keys and filters',
    description:
      '`groupBy`: any of hour, day, week, month, agent, model, provider, serviceClass, session, task, project, at most one of ' +
      'the first four. Days are of `zone`; hours are of UTC. Exact for every range: its edges come from the reports themselves. ' +
      'Usage without a price adds nothing to a cost and is counted in `unpricedRequests`. Tasks and projects hold usage with a task only.',
    query: [
      parameter('groupBy', 'Keys, comma-separated', { type: 'string' }),
      parameter('zone', 'Zone of days, weeks and months, IANA', { type: 'string', default: 'UTC' }),
      parameter('from', 'From this instant on: ISO 8601 with zone, or ms'),
      parameter('to', 'Before this instant'),
      filter('agent', 'Agent name'),
      filter('model', 'Model as reported'),
      filter('provider', 'Provider of the price'),
      filter('serviceClass', 'Service class'),
      filter('session', 'Session id'),
      filter('task', 'Task id'),
      filter('project', 'Id of the project that the task is in now'),
      choice('orderBy', 'Order of the rows; all but key: the largest first', ['key', 'cost', 'tokens', 'requests']),
      choice('format', 'Of the answer', ['json', 'csv']),
      ...paging(10_000),
      atLeast,
    ],
    answer: object({
      groupBy: { type: 'array', items: { type: 'string' } },
      zone: { type: 'string' },
      rows: { type: 'array', items: object({ totalCostUsd: exact, requestCount: count, unpricedRequests: count }) },
      summary: object({ totalCostUsd: exact, requestCount: count, unpricedRequests: count }),
      total: { type: 'integer', description: 'Groups, shown or not' },
      repricing: object({ bookVersion: { type: 'integer' }, done: count, total: count }),
    }),
    failures: [422],
  },
  'GET /api/tokens/{id}/cost': {
    tag,
    summary: 'How a report came to its cost',
    description:
      'The rate row, its source and book version, how the model was found, and the formula with its numbers.',
    query: [atLeast],
    answer: object({
      record: { type: 'object' },
      costUsd: { type: ['string', 'null'] },
      unpricedReason: { type: ['string', 'null'] },
      matchKind: { type: ['string', 'null'] },
      bookVersion: { type: 'integer' },
      rate: { type: ['object', 'null'] },
      terms: { type: 'array', items: { type: 'object' } },
      formula: { type: ['string', 'null'] },
    }),
    failures: [404],
  },
  'GET /api/tokens/invariants': {
    tag,
    summary: 'Whether all sums agree, exactly',
    description: 'Reports against every rollup, and every cost against tokens times rate; all of one moment.',
    query: [atLeast],
    answer: object({
      holds: { type: 'boolean' },
      checks: {
        type: 'array',
        items: object({
          name: { type: 'string' },
          holds: { type: 'boolean' },
          expected: { type: 'object' },
          actual: { type: 'object' },
        }),
      },
    }),
  },
};
