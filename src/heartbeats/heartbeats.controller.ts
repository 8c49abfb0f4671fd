import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WorkingAgent } from '../../projections/work-items/work-items.queries.js';
import type { RegisteredAgent } from '../agents/agent.decider.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Clock } from '../platform/clock/clock.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { workJson } from '../work-items/work-item-json.js';
import { type Work, WorkItems } from '../work-items/work-items.js';
import { parseHeartbeat } from './heartbeat-body.js';
import { heartbeatBodySchema } from './heartbeats.openapi.js';
import { HeartbeatCommands } from './heartbeats.commands.js';

/** What a look at the work rests on. */
const shownBy = ['agent-status', 'tasks', 'notifications', 'activities'] as const;

@ApiTags('heartbeats')
@Controller('api/agents/:id/heartbeat')
export class HeartbeatsController {
  constructor(
    private readonly commands: HeartbeatCommands,
    private readonly directory: AgentDirectory,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
    private readonly generation: LogGeneration,
    private readonly work: WorkItems,
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
    const changed = [
      ...(outcome.statusChanged ? (['agent-status'] as const) : []),
      ...(outcome.usageRecorded ? (['cost'] as const) : []),
      ...(outcome.acknowledged > 0 ? (['notifications'] as const) : []),
    ];
    await this.endpoint.settle(request, reply, outcome.position, changed);
    if (changed.length === 0) reply.header('x-mc-consistency', 'eventual');
    const working = workingOf(caller, agent);
    return {
      ...this.answered(working, await this.work.forBeat(working), true),
      ...outcome.token,
      connection_status: outcome.connected ? 'connected' : 'none',
      acknowledged: outcome.acknowledged,
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
    return this.answers.answer(reply, shownBy, query, async () => {
      const agent = await this.directory.find(caller.principal, reference);
      const working = workingOf(caller, agent);
      return {
        ...this.answered(working, await this.work.read(working), false),
        connection_status: agent.connection === null ? 'none' : 'connected',
      };
    });
  }

  private answered(agent: WorkingAgent, { sections, asOf }: Work, beaten: boolean) {
    const at = Math.floor(this.clock.now().getTime() / 1_000);
    return {
      ...workJson(sections, agent, { at, beaten }),
      asOfPosition: positionText(asOf, this.generation.current),
    };
  }
}

function workingOf({ principal }: Caller, { agentId, name }: RegisteredAgent): WorkingAgent {
  return { workspaceId: principal.workspaceId, agentId, name };
}
