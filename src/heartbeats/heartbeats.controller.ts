import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Clock } from '../platform/clock/clock.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { parseHeartbeat } from './heartbeat-body.js';
import { heartbeatBodySchema } from './heartbeats.openapi.js';
import { HeartbeatCommands } from './heartbeats.commands.js';

@ApiTags('heartbeats')
@Controller('api/agents/:id/heartbeat')
export class HeartbeatsController {
  constructor(
    private readonly commands: HeartbeatCommands,
    private readonly directory: AgentDirectory,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
    private readonly generation: LogGeneration,
    private readonly tail: LogTail,
    private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Stay alive and get work',
    description: 'Durable before it is answered. An answer to a plain beat does not wait for the liveness read model.',
  })
  @ApiBody({ required: false, schema: heartbeatBodySchema })
  async beat(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: unknown,
  ) {
    const beat = parseHeartbeat(body);
    const agent = await this.directory.find(caller.principal, reference);
    const context = this.endpoint.contextOf(request, caller, 'POST /api/agents/{id}/heartbeat', body);
    const outcome = await this.commands.beat(context, agent, beat);
    const shownBy = [
      ...(outcome.statusChanged ? (['agent-status'] as const) : []),
      ...(outcome.usageRecorded ? (['token-usage'] as const) : []),
    ];
    await this.endpoint.settle(request, reply, outcome.position, shownBy);
    if (shownBy.length === 0) reply.header('x-mc-consistency', 'eventual');
    return {
      ...this.workFor(agent.name),
      ...outcome.token,
      connection_status: outcome.connected ? 'connected' : 'none',
      acknowledged: 0,
      ...(beat.statusError === undefined ? {} : { status_error: beat.statusError }),
    };
  }

  @Get()
  @ApiOperation({ summary: 'Look at the work without giving a sign of life', description: 'Changes nothing.' })
  async look(
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.answers.answer(reply, ['agent-status'], query, async () => {
      const agent = await this.directory.find(caller.principal, reference);
      return {
        ...this.workFor(agent.name),
        connection_status: agent.connection === null ? 'none' : 'connected',
      };
    });
  }

  /** Nothing hands out work yet, so there is none up to wherever this process has followed the log. */
  private workFor(agentName: string) {
    return {
      status: 'HEARTBEAT_OK',
      agent: agentName,
      checked_at: Math.floor(this.clock.now().getTime() / 1_000),
      message: 'No work items found',
      asOfPosition: positionText(this.tail.position, this.generation.current),
    };
  }
}
