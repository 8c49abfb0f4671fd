import { Body, Controller, Get, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AgentStatusQueries } from '../../../projections/agent-status/agent-status.queries.js';
import { CommandEndpoint } from '../../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../../platform/command/query-endpoint.js';
import type { Json } from '../../platform/event-store/stored-event.js';
import { notFound } from '../../platform/http/errors.js';
import type { Query as ListQuery } from '../../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../../platform/http/request-context.js';
import { AgentDirectory } from '../agent-directory.js';
import { unixSeconds, viewOf } from '../agent-json.js';
import { AgentCommands } from '../agents.commands.js';
import { WriteSoulBody } from './agent-memory.dto.js';

const readFrom = ['agent-status'] as const;
const shownBy = [...readFrom, 'activities'] as const;

@ApiTags('agents')
@Controller('api/agents/:id/soul')
export class AgentSoulController {
  constructor(
    private readonly commands: AgentCommands,
    private readonly directory: AgentDirectory,
    private readonly queries: AgentStatusQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Who an agent is told to be' })
  async read(
    @CurrentCaller() { principal }: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.answers.answer(reply, readFrom, query, async () => {
      const { agentId } = await this.directory.find(principal, reference);
      const row = await this.queries.agentById(principal.workspaceId, agentId);
      if (row === undefined) throw notFound('Agent not found');
      return soulJson(row);
    });
  }

  @Put()
  @ApiOperation({ summary: 'Set who an agent is told to be; null empties it' })
  write(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: WriteSoulBody,
  ): Promise<Json> {
    const route = { route: 'PUT /api/agents/{id}/soul', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { agentId, name } = await this.directory.find(caller.principal, reference);
      const { position, replayed } = await this.commands.change(context, agentId, { soulContent: body.soul_content });
      const soul = soulJson(viewOf(await this.directory.describe(agentId)));
      return { status: 200, body: { success: true, message: `Soul of ${name} updated`, ...soul }, position, replayed };
    });
  }
}

function soulJson(agent: ReturnType<typeof viewOf>) {
  return {
    agent: { id: agent.id, name: agent.name, role: agent.role },
    soul_content: agent.soulContent ?? '',
    updated_at: unixSeconds(agent.updatedAt),
  };
}
