import { atLeast, choice, count, object, type Operation, parameter, seconds } from './operation.js';

const number = { type: 'number' };
const timeframe = object({ hours: { type: 'integer' }, since: seconds, until: seconds });
const hours = parameter('hours', 'How far back', { type: 'integer', minimum: 1, maximum: 720, default: 24 });
const privileged = choice('privileged', 'For admins: `1` reads any agent', ['0', '1', 'false', 'true']);
const selfOnly =
  'Only the agent itself: by its key, by `x-agent-name`, or an admin with `privileged=1`. Without `section` all of them.';
const byName = { type: 'object', additionalProperties: count };
const usage = { type: 'object', description: 'As in `GET /api/tokens?action=stats`' };
const usageByName = { type: 'object', additionalProperties: usage };
const moves = object({ tasks_completed: count, errors: count, activities: count });
const change = { type: ['number', 'null'], description: 'Null: nothing before to compare with' };

const told = object({
  total: count,
  by_type: byName,
  recent: { type: 'array', items: { type: 'object' }, maxItems: 20, description: 'As in `GET /api/activities`' },
});

const period = { hours: 24, since: 1_767_139_201, until: 1_767_225_601 };

const sections = (names: string) => parameter('section', `Some of ${names}, with commas between`);

export const agentReportOperations: Readonly<Record<string, Operation>> = {
  'GET /api/agents/{id}/diagnostics': {
    tag: 'Agents',
    summary: 'How an agent is doing',
    description: selfOnly,
    query: [hours, sections('summary, tasks, errors, activity, trends, tokens'), privileged, atLeast],
    answer: object({
      agent: object({
        id: { type: 'integer' },
        name: { type: 'string' },
        role: { type: 'string' },
        status: { type: 'string' },
      }),
      timeframe,
      summary: object({
        tasks_total: count,
        tasks_completed: count,
        error_count: { ...count, description: 'Tasks that failed, were rejected or have an error message' },
        error_rate_percent: number,
        activity_count: count,
        throughput_per_day: number,
      }),
      tasks: object({
        total: count,
        completed_in_timeframe: count,
        failed_in_timeframe: count,
        by_status: byName,
        by_priority: byName,
      }),
      errors: object({
        total: count,
        by_message: { type: 'array', items: { type: 'object' }, maxItems: 10 },
        recent: { type: 'array', items: { type: 'object' }, maxItems: 10 },
      }),
      activity: object({
        total: count,
        by_type: byName,
        timeline: { type: 'array', items: object({ timestamp: seconds, count }), description: 'By the hour' },
      }),
      trends: object({
        current: moves,
        previous: { ...moves, description: 'The period of the same length before' },
        change_percent: object({ tasks_completed: change, errors: change, activities: change }),
      }),
      tokens: object({ total: usage, models: usageByName }),
    }),
    example: {
      agent: { id: 1, name: 'build-bot', role: 'developer', status: 'busy' },
      timeframe: period,
      summary: {
        tasks_total: 4,
        tasks_completed: 3,
        error_count: 1,
        error_rate_percent: 25,
        activity_count: 21,
        throughput_per_day: 3,
      },
    },
    failures: [404],
  },
  'GET /api/agents/{id}/attribution': {
    tag: 'Agents',
    summary: 'What is put down to an agent',
    description: selfOnly,
    query: [hours, sections('identity, audit, mutations, cost'), privileged, atLeast],
    answer: object({
      agent_name: { type: 'string' },
      timeframe,
      access_scope: { enum: ['self', 'privileged'] },
      identity: { type: 'object' },
      audit: { ...told, description: 'What it did and what was done to it' },
      mutations: { ...told, description: 'What it did' },
      cost: object({ total: usage, models: usageByName, sessions: usageByName }),
    }),
    example: {
      agent_name: 'build-bot',
      timeframe: period,
      access_scope: 'self',
      mutations: { total: 0, by_type: {}, recent: [] },
    },
    failures: [404],
  },
};
