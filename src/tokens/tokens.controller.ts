import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type AgentUsage,
  TokenUsageQueries,
  type UsagePage,
  type UsageRow,
} from '../../projections/token-usage/token-usage.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { CommandEndpoint, idempotencyKeyOf } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { badRequest, Refusal } from '../platform/http/errors.js';
import { integer, oneOf, pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { TokenCommands, type ReportAnswer } from './tokens.commands.js';
import { usageReportSchema } from './tokens.openapi.js';
import { parseLines } from './usage-batch.js';
import { agentFigures, byName, figures, figuresByName, totalOf } from './usage-figures.js';
import { usageJson } from './usage-json.js';
import { periodOf, zoneOf, type UsagePeriod } from './usage-period.js';

const shownBy = ['token-usage'] as const;
const actions = ['list', 'stats', 'agent-costs'] as const;
const DAY_MS = 86_400_000;

@ApiTags('tokens')
@Controller('api/tokens')
export class TokensController {
  constructor(
    private readonly commands: TokenCommands,
    private readonly usage: TokenUsageQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
    private readonly clock: Clock,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Report token usage: one record, an array, or NDJSON',
    description:
      'Each (workspace, eventId) counts once, for ever. The four buckets are disjoint: inputTokens holds neither cache ' +
      'reads nor cache writes. For a single record the Idempotency-Key header is the eventId; in bulk, record i ' +
      'without one becomes <Idempotency-Key>#<i>. ?onError=skip records the valid ones of a batch.',
  })
  @ApiBody({ schema: usageReportSchema })
  async report(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
    @Query() query: ListQuery,
  ) {
    const key = idempotencyKeyOf(request);
    const context = this.endpoint.contextOf(request, caller, 'POST /api/tokens', null);
    const onError = oneOf(query, 'onError', ['refuse', 'skip'] as const) ?? 'refuse';
    const records = Buffer.isBuffer(body) ? parseLines(body, onError) : body;
    const answer: ReportAnswer = Array.isArray(records)
      ? await this.commands.reportMany(context, caller.principal, records, key, onError)
      : await this.commands.reportOne(context, caller.principal, records, key);
    await this.endpoint.settle(request, reply, answer.position, shownBy);
    reply.status(answer.status);
    return answer.body;
  }

  @Get()
  @ApiOperation({
    summary: 'Read token usage',
    description:
      'action: list (default), stats, agent-costs. timeframe: hour, day, week, month, all; or since and until.',
  })
  async read(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const action = actionOf(query);
    const period = periodOf(query, this.clock.now());
    const zone = zoneOf(query);
    const paging = pageOf(query, { cap: 500, byDefault: 100 });
    const { workspaceId } = caller.principal;
    const range = { ...period, ...ownOnly(caller) };
    return this.answers.answer(reply, shownBy, query, async () => {
      switch (action) {
        case 'list':
          return listJson(await this.usage.list(workspaceId, range, paging), period);
        case 'stats': {
          const { summary, models, sessions, agents } = await this.usage.stats(workspaceId, range);
          return {
            summary: figures(summary),
            models: figuresByName(models),
            sessions: figuresByName(sessions),
            agents: figuresByName(agents),
            timeframe: period.timeframe,
            recordCount: Number(summary.requests),
          };
        }
        case 'agent-costs': {
          const agents = await this.usage.agentCosts(workspaceId, range, zone);
          const records = [...agents.values()].reduce((sum, { stats }) => sum + stats.requests, 0n);
          return { agents: byName(agents, agentFigures), timeframe: period.timeframe, recordCount: Number(records) };
        }
        default:
          return action satisfies never;
      }
    });
  }

  @Get('by-agent')
  @ApiOperation({ summary: 'Usage by agent over the last days' })
  async byAgent(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const days = integer(query, 'days', 1, 365) ?? 30;
    const from = this.clock.now().getTime() - days * DAY_MS;
    const { workspaceId } = caller.principal;
    return this.answers.answer(reply, shownBy, query, async () => {
      const agents = await this.usage.agentCosts(workspaceId, { from, ...ownOnly(caller) });
      const tokens = [...agents.values()].reduce((sum, { stats }) => sum + totalOf(stats), 0n);
      return {
        agents: [...agents].map(([name, usage]) => byAgentJson(name, usage)),
        summary: {
          total_cost: 0,
          total_cost_usd: '0.000000000000',
          total_tokens: Number(tokens),
          agent_count: agents.size,
          days,
        },
      };
    });
  }
}

/** An agent's key reads the usage of its own agent. */
function ownOnly({ principal: { agentId } }: Caller): { readonly agentId?: number } {
  return agentId === undefined ? {} : { agentId };
}

function actionOf(query: ListQuery): (typeof actions)[number] {
  const action = query['action'] ?? 'list';
  const known = actions.find((name) => name === action);
  if (known === undefined) throw new Refusal(400, 'Invalid action', { action });
  if ((query['format'] ?? 'json') !== 'json') throw badRequest('Invalid format. Expected json.');
  return known;
}

function listJson({ rows, total }: UsagePage, { timeframe }: UsagePeriod) {
  return { usage: rows.map((row) => usageJson(recordOf(row), row.workspaceId)), total, timeframe };
}

/** A ledger row in the shape of the fact it came from. */
function recordOf(row: UsageRow) {
  const { cacheWrite1hTokens, reasoningTokens, provider, serviceClass, durationMs, reportedCostUsd, ...fields } = row;
  return {
    ...fields,
    ...(cacheWrite1hTokens === null ? {} : { cacheWrite1hTokens }),
    ...(reasoningTokens === null ? {} : { reasoningTokens }),
    ...(provider === null ? {} : { provider }),
    ...(serviceClass === null ? {} : { serviceClass }),
    ...(durationMs === null ? {} : { durationMs }),
    ...(reportedCostUsd === null ? {} : { reportedCostUsd }),
  };
}

function byAgentJson(agent: string, usage: AgentUsage) {
  return {
    agent,
    total_input_tokens: Number(usage.stats.inputTokens),
    total_output_tokens: Number(usage.stats.outputTokens),
    total_tokens: Number(totalOf(usage.stats)),
    total_cost: 0,
    total_cost_usd: '0.000000000000',
    session_count: usage.sessions.length,
    request_count: Number(usage.stats.requests),
    unpriced_requests: Number(usage.stats.requests),
    last_active: new Date(usage.lastActive).toISOString(),
    models: [...usage.models].map(([model, sums]) => ({
      model,
      input_tokens: Number(sums.inputTokens),
      output_tokens: Number(sums.outputTokens),
      request_count: Number(sums.requests),
      cost: 0,
      cost_usd: null,
    })),
  };
}
