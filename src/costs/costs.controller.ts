import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CostQueries } from '../../projections/cost/cost.queries.js';
import { type SliceAnswer, type SliceKey, SliceQueries } from '../../projections/cost/slice.queries.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { oneOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { csvLine, Plain } from './csv.js';
import { sliceQuestion } from './slice-query.js';
import { figures, totalOf } from './usage-figures.js';

const shownBy = ['cost', 'tasks'] as const;

/** Usage and cost, sliced freely. */
@ApiTags('costs')
@Controller('api/costs')
export class CostsController {
  constructor(
    private readonly slices: SliceQueries,
    private readonly costs: CostQueries,
    private readonly answers: QueryEndpoint,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Usage and cost by any keys and filters' })
  async read(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object | string> {
    const question = sliceQuestion(query, this.config.reportingZones);
    const format = oneOf(query, 'format', ['json', 'csv']) ?? 'json';
    const raw = oneOf(query, 'raw', ['0', '1']) === '1';
    const { workspaceId, agentId } = caller.principal;
    return this.answers.answer(reply, shownBy, query, async () => {
      const answer = await this.slices.slice({
        ...question,
        workspaceId,
        ...(agentId === undefined ? {} : { agentId }),
      });
      if (format === 'csv') {
        reply.header('content-type', 'text/csv; charset=utf-8');
        return csvOf(question.groupBy, answer, raw);
      }
      const repricing = await this.costs.repricing();
      return {
        groupBy: question.groupBy,
        zone: question.zone,
        rows: answer.rows.map(({ keys, sums }) => ({ ...keys, ...figures(sums) })),
        summary: figures(answer.total),
        total: answer.groups,
        limit: question.limit,
        currency: 'USD',
        ...(repricing === undefined ? {} : { repricing }),
      };
    });
  }
}

function csvOf(groupBy: readonly SliceKey[], { rows }: SliceAnswer, raw: boolean): string {
  const measures = ['requests', 'unpricedRequests', 'totalTokens', 'inputTokens', 'outputTokens', 'cacheReadTokens'];
  const head = csvLine([...groupBy, ...measures, 'cacheWriteTokens', 'costUsd']);
  const lines = rows.map(({ keys, sums }) =>
    csvLine(
      [
        ...groupBy.map((key) => keys[key] ?? null),
        sums.requests,
        sums.unpricedRequests,
        totalOf(sums),
        sums.inputTokens,
        sums.outputTokens,
        sums.cacheReadTokens,
        sums.cacheWriteTokens,
        new Plain(sums.costUsd),
      ],
      raw,
    ),
  );
  return [head, ...lines].join('');
}
