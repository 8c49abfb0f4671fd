import { Body, Controller, Delete, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProjectQueries } from '../../projections/projects/projects.queries.js';
import { AgentDirectory, assertReachable } from '../agents/agent-directory.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { badRequest, notFound } from '../platform/http/errors.js';
import { text, type Query as ListQuery } from '../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { livingProject, projectId } from './project-access.js';
import { ProjectDirectory } from './project-directory.js';
import { seenAgents } from './project-json.js';
import { DEFAULT_ROLE, type KnownProject } from './project.decider.js';
import { ProjectCommands } from './projects.commands.js';
import { AssignAgentBody } from './projects.dto.js';

const readFrom = ['projects', 'agent-status'] as const;
const shownBy = ['projects', 'activities'] as const;

@ApiTags('projects')
@Controller('api/projects/:id/agents')
export class ProjectAgentsController {
  constructor(
    private readonly commands: ProjectCommands,
    private readonly directory: ProjectDirectory,
    private readonly agents: AgentDirectory,
    private readonly queries: ProjectQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Who works for a project' })
  async list(
    @CurrentCaller() { principal }: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = projectId(reference);
    return this.answers.answer(reply, readFrom, query, async () => {
      const project = await this.queries.byId(principal.workspaceId, id);
      if (project === undefined) throw notFound('Project not found');
      return {
        assignments: seenAgents(project, principal).map(({ name, role, assignedAt }) => ({
          project_id: id,
          agent_name: name,
          role,
          assigned_at: assignedAt,
        })),
      };
    });
  }

  @Post()
  @ApiOperation({ summary: 'Let an agent work for a project' })
  assign(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: AssignAgentBody,
  ): Promise<Json> {
    const id = projectId(reference);
    const route = { route: 'POST /api/projects/{id}/agents', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { agentId, name: agentName } = await this.agents.findNamed(caller.principal, body.agent_name.trim());
      const role = body.role?.trim() ?? DEFAULT_ROLE;
      await livingProject(this.directory, context.workspaceId, id);
      const { position, replayed } = await this.commands.assign(context, id, { agentId, agentName, role });
      return { status: 201, body: { success: true }, position, replayed };
    });
  }

  @Delete()
  @ApiOperation({ summary: 'An agent no longer works for a project' })
  unassign(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
  ): Promise<Json> {
    const id = projectId(reference);
    if (query['agent_name'] === undefined || query['agent_name'] === '') throw badRequest('agent_name is required');
    const name = text(query, 'agent_name', 100) ?? '';
    const route = { route: 'DELETE /api/projects/{id}/agents', shownBy, body: null };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { workspaceId } = context;
      const owner = await this.agents.ownerOf(workspaceId, name.normalize('NFC'));
      assertReachable(caller.principal, owner === undefined ? undefined : { agentId: owner });
      const project = await livingProject(this.directory, workspaceId, id);
      const agentId = owner ?? assignedAs(project, name);
      const body = { success: true };
      if (agentId === undefined) return { status: 200, body, position: undefined };
      const { position, replayed } = await this.commands.unassign(context, id, agentId);
      return { status: 200, body, position, replayed };
    });
  }
}

/** An agent that is gone by now can still be taken off, under the name that it had. */
function assignedAs({ agents }: KnownProject, name: string): number | undefined {
  return agents.find(({ agentName }) => agentName === name)?.agentId;
}
