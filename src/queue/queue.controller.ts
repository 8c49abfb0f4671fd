import { Body, Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Principal } from '../platform/auth/principal.js';
import { Clock } from '../platform/clock/clock.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { Refusal } from '../platform/http/errors.js';
import type { Query as PollQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import { tasksReadFrom, tasksShownBy as shownBy } from '../tasks/task-effect.js';
import type { Recipient } from '../tasks/tasks.events.js';
import { DispatchGate } from './dispatch-gate.js';
import { PollCommands } from './poll.commands.js';
import { pollRequest } from './poll-request.js';
import { pollJson } from './queue-json.js';

@ApiTags('queue')
@Controller('api/tasks/queue')
export class QueueController {
  constructor(
    private readonly commands: PollCommands,
    private readonly gate: DispatchGate,
    private readonly directory: AgentDirectory,
    private readonly endpoint: CommandEndpoint,
    private readonly progress: ReadModelProgress,
    private readonly generation: LogGeneration,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Take the next task', description: 'A GET that claims, as existing clients call it.' })
  pollByGet(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Query() query: PollQuery,
  ): Promise<Json> {
    return this.poll(request, reply, caller, query, undefined);
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Take the next task', description: 'The same as GET.' })
  pollByPost(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Query() query: PollQuery,
    @Body() body: unknown,
  ): Promise<Json> {
    return this.poll(request, reply, caller, query, body);
  }

  private poll(
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    query: PollQuery,
    body: unknown,
  ): Promise<Json> {
    const { principal } = caller;
    const { agent, maxCapacity } = pollRequest(query, body, principal.attributedTo);
    const route = `${request.method} /api/tasks/queue`;
    return this.endpoint.handle(request, reply, caller, { route, shownBy, body: body ?? null }, async (context) => {
      const who = await this.pollerNamed(principal, agent);
      const outcome = await this.commands.poll(context, who, maxCapacity);
      const position = outcome.position ?? (await this.progress.consistencyOf(tasksReadFrom)).position;
      const asOfPosition = positionText(position, this.generation.current);
      const isIdle = outcome.reason === 'no_tasks_available';
      const stoppedBy = isIdle ? (await this.gate.closuresFor(context.workspaceId, who)).reasons : [];
      const circumstances = { workspaceId: context.workspaceId, agent, now: this.clock.now(), asOfPosition, stoppedBy };
      return { status: 200, body: pollJson(outcome, circumstances), position };
    });
  }

  /** Anybody may be named, registered or not; an agent's key queues for its own agent only. */
  private async pollerNamed(principal: Principal, name: string): Promise<Recipient> {
    const agentId = (await this.directory.ownerOf(principal.workspaceId, name)) ?? null;
    if (principal.agentId !== undefined && principal.agentId !== agentId) {
      throw new Refusal(403, 'Access denied: agent key may only queue tasks for itself.');
    }
    return { name, agentId };
  }
}
