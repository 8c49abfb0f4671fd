import { Body, Controller, Delete, Get, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AgentStatusQueries } from '../../projections/agent-status/agent-status.queries.js';
import { AsOf } from '../audit/as-of.js';
import { stepOf } from '../platform/command/command-context.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { badRequest, conflict, notFound } from '../platform/http/errors.js';
import { oneOf, pageOf, text, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { AgentCommands } from './agents.commands.js';
import { AgentDetails, noDetail } from './agent-details.js';
import { AgentDirectory } from './agent-directory.js';
import { AgentHistory } from './agent-history.js';
import { agentJson, connectionJson, unixSeconds, viewOf } from './agent-json.js';
import type { AgentChanges } from './agent.decider.js';
import { ChangeAgentBody, ChangeAgentByNameBody, CreateAgentBody, RegisterAgentBody } from './agents.dto.js';
import { agentStatuses, type AgentProfile } from './agents.events.js';

const shownBy = ['agent-status', 'liveness', 'activities'] as const;
const readFrom = ['agent-status', 'liveness', 'agent-memory', 'tasks'] as const;

@ApiTags('agents')
@Controller('api/agents')
export class AgentsController {
  constructor(
    private readonly commands: AgentCommands,
    private readonly directory: AgentDirectory,
    private readonly queries: AgentStatusQueries,
    private readonly details: AgentDetails,
    private readonly asOf: AsOf,
    private readonly history: AgentHistory,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'List agents, newest first',
    description: 'Filters: status, role. Paged by limit and offset.',
  })
  async list(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const paging = pageOf(query);
    const status = oneOf(query, 'status', agentStatuses);
    const role = text(query, 'role', 200);
    // No agent is hidden yet: both answers are the same list.
    oneOf(query, 'show_hidden', ['0', '1', 'false', 'true']);
    const { workspaceId, agentId } = caller.principal;
    const filter = {
      ...(status === undefined ? {} : { status }),
      ...(role === undefined ? {} : { role }),
      ...(agentId === undefined ? {} : { agentId }),
    };
    return this.answers.answer(reply, readFrom, query, async () => {
      const { rows, total } = await this.queries.agents(workspaceId, filter, paging);
      const detailOf = await this.details.of(workspaceId, rows);
      return {
        agents: rows.map((row) => agentJson(row, detailOf(row))),
        total,
        page: paging.page,
        limit: paging.limit,
      };
    });
  }

  @Post()
  @ApiOperation({ summary: 'Create an agent' })
  create(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: CreateAgentBody,
  ): Promise<Json> {
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'POST /api/agents', shownBy, body },
      async (context) => {
        await this.directory.assertOwnName(caller.principal, body.name);
        const profile: AgentProfile = {
          role: body.role,
          sessionKey: body.session_key ?? null,
          soulContent: body.soul_content ?? null,
          config: (body.config ?? {}) as AgentProfile['config'],
          runtimeType: body.runtime_type ?? null,
        };
        const { agent, position, replayed, created } = await this.commands.register(context, {
          name: body.name,
          status: body.status ?? 'offline',
          source: 'api',
          profile,
        });
        if (!created) throw nameExists(agent.name);
        const view = viewOf(await this.directory.describe(agent.agentId));
        return { status: 201, body: { agent: agentJson(view, await this.detailOf(view)) }, position, replayed };
      },
    );
  }

  @Put()
  @ApiOperation({ summary: 'Change an agent by name' })
  changeByName(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: ChangeAgentByNameBody,
  ): Promise<Json> {
    const changes = changesOf(body);
    if (Object.keys(changes).length === 0 && !body.status) throw badRequest('No fields to update');
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'PUT /api/agents', shownBy, body },
      async (context) => {
        const agent = await this.directory.findNamed(caller.principal, body.name);
        const { position, replayed } = await this.commands.change(
          context,
          agent.agentId,
          changes,
          body.status ?? undefined,
        );
        return { status: 200, body: { success: true }, position, replayed };
      },
    );
  }

  @Post('register')
  @ApiOperation({ summary: 'Self-register an agent; a known name is found again' })
  register(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: RegisterAgentBody,
  ): Promise<Json> {
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'POST /api/agents/register', shownBy, body },
      async (context) => {
        await this.directory.assertOwnName(caller.principal, body.name);
        const registered = await this.commands.selfRegister(context, {
          name: body.name,
          role: body.role ?? 'agent',
          config: {
            ...(body.capabilities ? { capabilities: body.capabilities } : {}),
            ...(body.framework ? { framework: body.framework } : {}),
          },
        });
        const { agent, position, replayed, created } = registered;
        const { createdAt } = viewOf(await this.directory.describe(agent.agentId));
        return {
          status: created ? 201 : 200,
          body: {
            agent: {
              id: agent.agentId,
              name: agent.name,
              role: agent.profile.role,
              status: agent.status,
              created_at: unixSeconds(createdAt),
            },
            registered: created,
            message: created ? 'Agent registered' : 'Agent already registered',
          },
          position,
          replayed,
        };
      },
    );
  }

  @Get(':id')
  @ApiOperation({ summary: 'One agent, by id or name, with its open connection' })
  async one(
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { principal } = caller;
    const asOf = await this.asOf.momentOf(query);
    return this.answers.answer<Json>(reply, readFrom, query, async () => {
      if (asOf !== undefined) return this.history.agentAsOf(principal.workspaceId, reference, asOf);
      const { agentId } = await this.directory.find(principal, reference);
      const row = await this.queries.agentById(principal.workspaceId, agentId);
      if (row === undefined) throw notFound('Agent not found');
      const detailOf = await this.details.of(principal.workspaceId, [row]);
      return { agent: { ...agentJson(row, detailOf(row)), connection: connectionJson(row.connection) } };
    });
  }

  @Put(':id')
  @ApiOperation({ summary: 'Change role or config of an agent, or rename it' })
  change(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: ChangeAgentBody,
  ): Promise<Json> {
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'PUT /api/agents/{id}', shownBy, body },
      async (context) => {
        const agent = await this.directory.find(caller.principal, reference);
        const renamed = body.name ? await this.commands.rename(context, agent, body.name) : undefined;
        const changed = await this.commands.change(stepOf(context, 'change'), agent.agentId, {
          ...(body.role ? { role: body.role } : {}),
          ...(body.gateway_config ? { config: body.gateway_config as AgentProfile['config'] } : {}),
        });
        const seen = await this.seenOf(caller.principal.workspaceId, agent.agentId);
        const view = { ...viewOf(await this.directory.describe(agent.agentId)), ...seen };
        const position = changed.position ?? renamed?.position;
        const shown = { success: true, agent: agentJson(view, await this.detailOf(view)) };
        return { status: 200, body: shown, position, replayed: changed.replayed };
      },
    );
  }

  /** After a command, an absent read model must not turn it into a failure. */
  private async detailOf(agent: { readonly id: number; readonly name: string; readonly workspaceId: number }) {
    return this.details.of(agent.workspaceId, [agent]).then(
      (detail) => detail(agent),
      () => noDetail,
    );
  }

  /** What only the read model knows, if it can be asked: beats are not in the agent's own stream. */
  private async seenOf(workspaceId: number, agentId: number) {
    const row = await this.queries.agentById(workspaceId, agentId).catch(() => undefined);
    return row === undefined ? {} : { lastSeen: row.lastSeen, lastActivity: row.lastActivity };
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Retire an agent: its name becomes free, its history stays' })
  remove(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
  ): Promise<Json> {
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'DELETE /api/agents/{id}', shownBy, body: null },
      async (context) => {
        const agent = await this.directory.find(caller.principal, reference);
        const position = await this.commands.retire(context, agent);
        return { status: 200, body: { success: true, deleted: agent.name, remove_workspace: false }, position };
      },
    );
  }
}

function nameExists(name: string) {
  return conflict('Agent name already exists', { agent_name: name });
}

function changesOf(body: ChangeAgentByNameBody): AgentChanges {
  return {
    ...(body.role ? { role: body.role } : {}),
    ...(body.session_key === undefined ? {} : { sessionKey: body.session_key }),
    ...(body.soul_content === undefined ? {} : { soulContent: body.soul_content }),
    ...(body.config ? { config: body.config as AgentProfile['config'] } : {}),
    ...(body.runtime_type === undefined ? {} : { runtimeType: body.runtime_type }),
    ...(typeof body.last_activity === 'string' ? { lastActivity: body.last_activity } : {}),
  };
}
