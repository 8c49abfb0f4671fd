import { CostQueries, type UsageRange } from '../projections/cost/cost.queries.js';
import { type SliceKey, SliceQueries, type SliceQuestion } from '../projections/cost/slice.queries.js';
import type { SqlReader } from '../projections/engine/sql.js';
import { DAYS, START } from './cost-history.js';

export interface Question {
  readonly name: string;
  /** What a dashboard shows at once; the others are reports that grow with the number of sessions or tasks. */
  readonly isDashboard: boolean;
  ask(sql: SqlReader): Promise<unknown>;
}

const DAY = 86_400_000;
/** Nothing that is asked for begins with an hour. As the program does for a timeframe, the end is left open. */
const NOW = START + DAYS * DAY - 1_234_567;
const last = (days: number): UsageRange => ({ from: NOW - days * DAY });

function sliced(
  name: string,
  groupBy: readonly SliceKey[],
  range: UsageRange,
  more: Partial<SliceQuestion> = {},
): Question {
  const question: SliceQuestion = {
    workspaceId: 1,
    range,
    zone: 'UTC',
    groupBy,
    filters: {},
    orderBy: 'key',
    limit: 10_000,
    offset: 0,
    ...more,
  };
  return { name, isDashboard: true, ask: (sql) => new SliceQueries(sql).slice(question) };
}

function asked(name: string, isDashboard: boolean, ask: (costs: CostQueries) => Promise<unknown>): Question {
  return { name, isDashboard, ask: (sql) => ask(new CostQueries(sql)) };
}

const scope = (days: number) => ({ workspaceId: 1, range: last(days) });
const everything = { workspaceId: 1, range: {} };

export const questions: readonly Question[] = [
  sliced('day × model, 90 days', ['day', 'model'], last(90)),
  sliced('day × model, 90 days, Asia/Kolkata', ['day', 'model'], last(90), { zone: 'Asia/Kolkata' }),
  sliced('day × model, 90 days, America/New_York', ['day', 'model'], last(90), { zone: 'America/New_York' }),
  sliced('by model, 30 days', ['model'], last(30)),
  sliced('by provider, 30 days', ['provider'], last(30)),
  sliced('hour × model, 30 days', ['hour', 'model'], last(30)),
  sliced('hour × model, 24 hours', ['hour', 'model'], last(1)),
  sliced('top 20 agents, 30 days', ['agent'], last(30), { orderBy: 'cost', limit: 20 }),
  sliced('day × agent, 30 days', ['day', 'agent'], last(30)),
  sliced('one agent by hour, 7 days', ['hour'], last(7), { filters: { agent: ['agent-7'] } }),
  sliced('50 dearest sessions of an agent, 30 days', ['session'], last(30), {
    filters: { agent: ['agent-7'] },
    orderBy: 'cost',
    limit: 50,
  }),
  sliced('one session by hour', ['hour', 'model'], {}, { filters: { session: ['agent-7:245500'] } }),
  sliced('one task by day and model', ['day', 'model'], {}, { filters: { task: ['410007'] } }),
  sliced('month to date', [], { from: Date.parse('2026-03-01T00:00:00.000Z'), until: NOW }),
  asked('list, newest 100', true, (costs) => costs.list(scope(30), { limit: 100, offset: 0 })),
  asked('trends, 24 hours', true, (costs) => costs.trends(scope(1))),
  asked('agent-costs, day', true, (costs) => costs.agentCosts(scope(1), 'UTC')),
  asked('stats, day', true, (costs) => costs.stats(scope(1))),
  asked('by-agent, 30 days', true, (costs) => costs.byAgent({ workspaceId: 1, since: NOW - 30 * DAY })),
  asked('agent-costs, month', false, (costs) => costs.agentCosts(scope(30), 'UTC')),
  asked('stats, month', false, (costs) => costs.stats(scope(30))),
  asked('agent-costs, all', false, (costs) => costs.agentCosts(everything, 'UTC')),
  asked('stats, all', false, (costs) => costs.stats(everything)),
  asked('task-costs, week', false, (costs) => costs.taskCosts(scope(7), 'UTC')),
  asked('task-costs, all', false, (costs) => costs.taskCosts(everything, 'UTC')),
];
