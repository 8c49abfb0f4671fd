import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CostQueries, totalOfAll, type UsageScope } from '../../projections/cost/cost.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { badRequest, Refusal } from '../platform/http/errors.js';
import { integer, oneOf, pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { costNumber } from '../tokens/cost-number.js';
import { rowJson } from '../tokens/usage-json.js';
import { periodOf, zoneOf, type UsagePeriod } from '../tokens/usage-period.js';
import { exportFormats, type ExportFormat, UsageExport } from './usage-export.js';
import { agentFigures, byName, exactTexts, figures, figuresByName, totalOf } from './usage-figures.js';
import { byAgentJson, taskCostsJson, trendJson } from './usage-report-json.js';

const shownBy = ['cost'] as const;
const taskCostNames = ['task-costs', 'task_costs', 'taskcosts'] as const;
const actions = ['list', 'stats', 'agent-costs', ...taskCostNames, 'trends', 'export'] as const;
type ReportAction = Exclude<(typeof actions)[number], 'export'>;
const DAY_MS = 86_400_000;
const CONTENT_TYPES: Readonly<Record<ExportFormat, string>> = {
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

/** Token usage and what it costs, from the rollups. */
@ApiTags('tokens')
@Controller('api/tokens')
export class UsageController {
  constructor(
    private readonly costs: CostQueries,
    private readonly exports: UsageExport,
    private readonly answers: QueryEndpoint,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Read token usage and its cost' })
  async read(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const action = actionOf(query);
    const format = oneOf(query, 'format', exportFormats) ?? 'json';
    const raw = oneOf(query, 'raw', ['0', '1']) === '1';
    const now = this.clock.now();
    const period = periodOf(query, now);
    const zone = zoneOf(query, this.config.reportingZones);
    const paging = pageOf(query, { cap: 500, byDefault: 100 });
    const scope = scopeOf(caller, period);
    return this.answers.answer(reply, shownBy, query, async () => {
      if (action === 'export') {
        const { credentialId } = caller.principal;
        const stream = await this.exports.stream(scope, format, { credentialId, raw });
        reply.header('content-type', CONTENT_TYPES[format]);
        const name = `token-usage-${period.timeframe}-${now.toISOString().slice(0, 10)}.${format}`;
        reply.header('content-disposition', `attachment; filename=${name}`);
        return stream;
      }
      if (format !== 'json') throw badRequest('Invalid format. Expected json.');
      const answer = await this.answerOf(action, scope, period, zone, paging, now);
      return { ...answer, ...(await this.repricing()) };
    });
  }

  @Get('by-agent')
  @ApiOperation({ summary: 'Usage and cost by agent over the last days' })
  async byAgent(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const days = integer(query, 'days', 1, 365) ?? 30;
    const { workspaceId, agentId } = scopeOf(caller, {});
    const scope = {
      workspaceId,
      since: this.clock.now().getTime() - days * DAY_MS,
      ...(agentId === undefined ? {} : { agentId }),
    };
    return this.answers.answer(reply, shownBy, query, async () => {
      const agents = await this.costs.byAgent(scope);
      const total = totalOfAll([...agents.values()].map(({ stats }) => stats));
      return {
        agents: [...agents].map(([name, usage]) => byAgentJson(name, usage)),
        summary: {
          total_cost: costNumber(total.costUsd),
          total_cost_usd: total.costUsd,
          total_tokens: Number(totalOf(total)),
          ...exactTexts({ total_tokens: totalOf(total) }, '_exact'),
          agent_count: agents.size,
          days,
        },
        ...(await this.repricing()),
      };
    });
  }

  private async answerOf(
    action: ReportAction,
    scope: UsageScope,
    period: UsagePeriod,
    zone: string,
    paging: { readonly limit: number; readonly offset: number },
    now: Date,
  ): Promise<object> {
    const { timeframe } = period;
    switch (action) {
      case 'list': {
        const { rows, total } = await this.costs.list(scope, paging);
        return { usage: rows.map(rowJson), total, timeframe };
      }
      case 'stats': {
        const { summary, models, sessions, agents } = await this.costs.stats(scope);
        return {
          summary: figures(summary),
          models: figuresByName(models),
          sessions: figuresByName(sessions),
          agents: figuresByName(agents),
          timeframe,
          recordCount: Number(summary.requests),
        };
      }
      case 'agent-costs': {
        const agents = await this.costs.agentCosts(scope, zone);
        const records = [...agents.values()].reduce((sum, { stats }) => sum + stats.requests, 0n);
        return { agents: byName(agents, agentFigures), timeframe, recordCount: Number(records) };
      }
      case 'task-costs':
      case 'task_costs':
      case 'taskcosts':
        return { ...taskCostsJson(await this.costs.taskCosts(scope, zone)), timeframe };
      case 'trends': {
        const range = isLimited(period) ? scope.range : { from: now.getTime() - DAY_MS };
        const points = await this.costs.trends({ ...scope, range });
        return { trends: points.map(({ at, sums }) => trendJson(at, sums)), timeframe };
      }
      default:
        return action satisfies never;
    }
  }

  /** Said only while it runs, and then by every answer about cost. */
  private async repricing(): Promise<object> {
    const repricing = await this.costs.repricing();
    return repricing === undefined ? {} : { repricing };
  }
}

/** An agent's key reads the usage of its own agent. */
function scopeOf({ principal: { workspaceId, agentId } }: Caller, range: UsageScope['range']): UsageScope {
  return { workspaceId, range, ...(agentId === undefined ? {} : { agentId }) };
}

function isLimited({ from, until }: UsagePeriod): boolean {
  return from !== undefined || until !== undefined;
}

function actionOf(query: ListQuery): (typeof actions)[number] {
  const action = query['action'] ?? 'list';
  const known = actions.find((name) => name === action);
  if (known === undefined) throw new Refusal(400, 'Invalid action', { action });
  return known;
}
