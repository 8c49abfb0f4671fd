import { Body, Controller, Delete, Get, Param, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AgentMemoryQueries } from '../../../projections/agent-memory/agent-memory.queries.js';
import { CommandEndpoint } from '../../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../../platform/command/query-endpoint.js';
import type { Json } from '../../platform/event-store/stored-event.js';
import type { Query as ListQuery } from '../../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../../platform/http/request-context.js';
import { AgentDirectory } from '../agent-directory.js';
import { unixSeconds } from '../agent-json.js';
import { AgentMemories } from './agent-memories.js';
import { WriteMemoryBody } from './agent-memory.dto.js';

const readFrom = ['agent-memory'] as const;
const shownBy = [...readFrom, 'activities'] as const;

@ApiTags('agents')
@Controller('api/agents/:id/memory')
export class AgentMemoryController {
  constructor(
    private readonly memories: AgentMemories,
    private readonly directory: AgentDirectory,
    private readonly queries: AgentMemoryQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The working memory of an agent' })
  async read(
    @CurrentCaller() { principal }: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.answers.answer(reply, readFrom, query, async () => {
      const { agentId, name, profile } = await this.directory.find(principal, reference);
      const memory = (await this.queries.of(principal.workspaceId, [agentId])).get(agentId);
      return {
        agent: { id: agentId, name, role: profile.role },
        working_memory: memory?.content ?? '',
        source: memory === undefined || memory.content === '' ? 'none' : 'database',
        updated_at: unixSeconds(memory?.updatedAt ?? null),
        size: memory?.bytes ?? 0,
      };
    });
  }

  @Put()
  @ApiOperation({ summary: 'Set the working memory of an agent, or add to it' })
  write(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: WriteMemoryBody,
  ): Promise<Json> {
    const route = { route: 'PUT /api/agents/{id}/memory', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { agentId, name: agentName } = await this.directory.find(caller.principal, reference);
      const agent = { agentId, agentName };
      const { content, position, replayed } = await this.memories.execute(
        context,
        body.append === true
          ? { type: 'AppendMemory', agent, text: body.working_memory, appendId: context.commandId }
          : { type: 'WriteMemory', agent, content: body.working_memory },
      );
      return {
        status: 200,
        body: {
          success: true,
          message: `Working memory of ${agentName} ${body.append === true ? 'appended' : 'updated'}`,
          working_memory: content,
          updated_at: await this.changedAt(agentId),
          size: Buffer.byteLength(content),
        },
        position,
        replayed,
      };
    });
  }

  @Delete()
  @ApiOperation({ summary: 'Empty the working memory of an agent' })
  clear(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
  ): Promise<Json> {
    const route = { route: 'DELETE /api/agents/{id}/memory', shownBy, body: null };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { agentId, name: agentName } = await this.directory.find(caller.principal, reference);
      const { position, replayed } = await this.memories.execute(context, {
        type: 'ClearMemory',
        agent: { agentId, agentName },
      });
      return {
        status: 200,
        body: {
          success: true,
          message: `Working memory of ${agentName} cleared`,
          working_memory: '',
          updated_at: await this.changedAt(agentId),
        },
        position,
        replayed,
      };
    });
  }

  private async changedAt(agentId: number): Promise<number | null> {
    return unixSeconds((await this.memories.changedAt(agentId)) ?? null);
  }
}
