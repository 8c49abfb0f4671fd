import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  type CompletionWindow,
  type Confinement,
  type OutcomeCounts,
  TaskOutcomeQueries,
  type WindowFigures,
} from '../../projections/tasks/task-outcomes.queries.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Principal } from '../platform/auth/principal.js';
import { Clock } from '../platform/clock/clock.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { notFound } from '../platform/http/errors.js';
import { oneOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { regressionOf } from './regression-query.js';

const shownBy = ['tasks', 'agent-status'] as const;
const timeframes = ['day', 'week', 'month', 'all'] as const;
const LENGTH_SECONDS = { day: 86_400, week: 7 * 86_400, month: 30 * 86_400, all: undefined } as const;

const metricDefinitions = {
  sample:
    'Tasks that are done now, whose completed_at lies in the window (start included, end not) and not before created_at',
  p95_task_latency_seconds:
    '95th percentile of completed_at - created_at over the sample, interpolated between the two nearest values',
  intervention_rate:
    'interventions.count / sample_size (0 of nothing); counted are tasks of the sample that anybody but their assignee ' +
    'rejected in a review or took from their assignee by assigning them to another or to nobody',
};

@ApiTags('tasks')
@Controller('api/tasks')
export class FiguresController {
  constructor(
    private readonly figures: TaskOutcomeQueries,
    private readonly directory: AgentDirectory,
    private readonly answers: QueryEndpoint,
    private readonly clock: Clock,
  ) {}

  @Get('outcomes')
  @ApiOperation({ summary: 'How the tasks came out that are done' })
  async outcomes(
    @CurrentCaller() { principal }: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const timeframe = oneOf(query, 'timeframe', timeframes) ?? 'all';
    const length = LENGTH_SECONDS[timeframe];
    const since = length === undefined ? undefined : Math.floor(this.clock.now().getTime() / 1_000) - length;
    return this.answers.answer(reply, shownBy, query, async () => {
      const own = await this.confinementOf(principal);
      const { summary, byAgent, byPriority, errors } = await this.figures.outcomes(principal.workspaceId, since, own);
      const { total, averageRetries, averageResolutionSeconds, ...byOutcome } = summary;
      return {
        timeframe,
        summary: {
          total_done: total,
          with_outcome: total - byOutcome.unknown,
          by_outcome: byOutcome,
          avg_retry_count: averageRetries,
          avg_time_to_resolution_seconds: averageResolutionSeconds,
          success_rate: successRate(summary),
        },
        by_agent: countsByName(byAgent),
        by_priority: countsByName(byPriority),
        common_errors: errors.map(({ message, count }) => ({ error_message: message, count })),
        record_count: total,
      };
    });
  }

  @Get('regression')
  @ApiOperation({ summary: 'Latency and interventions before and after a change' })
  async regression(
    @CurrentCaller() { principal }: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { betaStart, lookbackSeconds, baseline, post } = regressionOf(query, this.clock.now());
    return this.answers.answer(reply, shownBy, query, async () => {
      const own = await this.confinementOf(principal);
      const figures = await this.figures.windows(principal.workspaceId, [baseline, post], own);
      const [before, after] = figures;
      if (before === undefined || after === undefined) throw new Error('a window has no figures');
      return {
        metric_definitions: metricDefinitions,
        params: { beta_start: betaStart, lookback_seconds: lookbackSeconds },
        windows: {
          baseline: windowJson('baseline', baseline, before),
          post: windowJson('post', post, after),
        },
        deltas: {
          p95_latency_seconds: before.p95 === null || after.p95 === null ? null : after.p95 - before.p95,
          intervention_rate: interventionRate(after) - interventionRate(before),
        },
      };
    });
  }

  /** An agent's key sees the figures of its own agent. */
  private async confinementOf({ workspaceId, agentId }: Principal): Promise<Confinement> {
    if (agentId === undefined) return undefined;
    const agent = await this.directory.byId(workspaceId, agentId);
    if (agent === undefined) throw notFound('Agent not found');
    return { id: agentId, name: agent.name };
  }
}

/** Of those whose outcome was told. */
function successRate({ success, total, unknown }: OutcomeCounts): number {
  return total === unknown ? 0 : success / (total - unknown);
}

/** Names are data, so `__proto__` is one like any other. */
function countsByName(counts: ReadonlyMap<string, OutcomeCounts>) {
  return Object.fromEntries([...counts].map(([name, each]) => [name, { ...each, success_rate: successRate(each) }]));
}

function interventionRate({ intervened, sampleSize }: WindowFigures): number {
  return sampleSize === 0 ? 0 : intervened / sampleSize;
}

function windowJson(label: 'baseline' | 'post', { start, end }: CompletionWindow, figures: WindowFigures) {
  const { sampleSize, p50, p95, average, intervened } = figures;
  return {
    label,
    start,
    end,
    sample_size: sampleSize,
    latency_seconds: { p50, p95, avg: average },
    interventions: { count: intervened, rate: interventionRate(figures) },
  };
}
