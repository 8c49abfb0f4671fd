import { Body, Controller, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CommandEndpoint, idempotencyKeyOf } from '../platform/command/command-endpoint.js';
import { oneOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { TokenCommands, type ReportAnswer } from './tokens.commands.js';
import { usageReportSchema } from './tokens.openapi.js';
import { UsageAmendments } from './usage-amendments.js';
import { parseLines } from './usage-batch.js';

const shownBy = ['cost'] as const;

@ApiTags('tokens')
@Controller('api/tokens')
export class TokensController {
  constructor(
    private readonly commands: TokenCommands,
    private readonly amendments: UsageAmendments,
    private readonly endpoint: CommandEndpoint,
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

  @Post(':id/correct')
  @ApiOperation({ summary: 'Correct a report: other counts or another model, priced by the time of use' })
  async correct(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body() body: unknown,
  ) {
    const route = 'POST /api/tokens/{id}/correct';
    return this.endpoint.handle(request, reply, caller, { route, shownBy, body }, (context) =>
      this.amendments.correct(context, caller.principal, id, body),
    );
  }

  @Post(':id/void')
  @ApiOperation({ summary: 'Void a report: it counts no more, and its id stays taken' })
  async void(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body() body: unknown,
  ) {
    const route = 'POST /api/tokens/{id}/void';
    return this.endpoint.handle(request, reply, caller, { route, shownBy, body }, (context) =>
      this.amendments.void(context, caller.principal, id, body),
    );
  }
}
