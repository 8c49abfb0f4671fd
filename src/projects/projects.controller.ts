import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProjectQueries } from '../../projections/projects/projects.queries.js';
import { hasRole, type Principal } from '../platform/auth/principal.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import type { CommandAnswer } from '../platform/command/idempotency.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { notFound, Refusal } from '../platform/http/errors.js';
import { oneOf, pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { GeneralProject } from './general-project.js';
import { assertNoAgentKey, projectId } from './project-access.js';
import { projectJson } from './project-json.js';
import { ProjectRemoval } from './project-removal.js';
import { ProjectView } from './project-view.js';
import { ProjectCommands, type ProjectEffect } from './projects.commands.js';
import { ChangeProjectBody, CreateProjectBody } from './projects.dto.js';
import type { ProjectFields } from './projects.events.js';

const readFrom = ['projects', 'agent-status', 'tasks'] as const;
const shownBy = ['projects', 'activities'] as const;
/** Projects are few: all of them come at once unless somebody asks for less. */
const MOST = 1_000;

@ApiTags('projects')
@Controller('api/projects')
export class ProjectsController {
  constructor(
    private readonly commands: ProjectCommands,
    private readonly removal: ProjectRemoval,
    private readonly general: GeneralProject,
    private readonly queries: ProjectQueries,
    private readonly view: ProjectView,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List projects, newest first' })
  async list(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const paging = pageOf(query, { cap: MOST, byDefault: MOST });
    const archived = ['1', 'true'].includes(oneOf(query, 'includeArchived', ['0', '1', 'false', 'true']) ?? '0');
    const { principal } = caller;
    await this.general.ensure(caller);
    return this.answers.answer(reply, readFrom, query, async () => {
      const { rows, total } = await this.queries.list(principal.workspaceId, { archived }, paging);
      return {
        projects: rows.map((row) => projectJson(row, principal)),
        total,
        page: paging.page,
        limit: paging.limit,
      };
    });
  }

  @Post()
  @ApiOperation({ summary: 'Create a project' })
  create(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: CreateProjectBody,
  ): Promise<Json> {
    assertNoAgentKey(caller.principal);
    const route = { route: 'POST /api/projects', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const effect = await this.commands.create(context, {
        name: nameOf(body.name),
        ticketPrefix: body.ticket_prefix?.toUpperCase(),
        description: body.description ?? null,
        githubRepo: body.github_repo ?? null,
        deadline: body.deadline ?? null,
        color: body.color ?? null,
      });
      return this.answer(201, caller.principal, effect);
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'One project' })
  async one(
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { principal } = caller;
    const id = projectId(reference);
    return this.answers.answer(reply, readFrom, query, async () => {
      const row = await this.queries.byId(principal.workspaceId, id);
      if (row === undefined) throw notFound('Project not found');
      return { project: projectJson(row, principal) };
    });
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a project; null clears a field' })
  change(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: ChangeProjectBody,
  ): Promise<Json> {
    const id = projectId(reference);
    assertNoAgentKey(caller.principal);
    const route = { route: 'PATCH /api/projects/{id}', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const effect = await this.commands.change(context, id, {
        fields: fieldsOf(body),
        ...(body.status === undefined ? {} : { status: body.status }),
        ...(body.assigned_agents === undefined ? {} : { agents: body.assigned_agents ?? [] }),
      });
      return this.answer(200, caller.principal, effect);
    });
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Archive a project, or delete it: then its tasks move to general' })
  remove(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
  ): Promise<Json> {
    const id = projectId(reference);
    const mode = oneOf(query, 'mode', ['archive', 'delete']) ?? 'archive';
    assertNoAgentKey(caller.principal);
    if (mode === 'delete' && !hasRole(caller.principal, 'admin')) {
      throw new Refusal(403, 'Requires admin role or higher');
    }
    const route = { route: 'DELETE /api/projects/{id}', shownBy: [...shownBy, 'tasks'] as const, body: null };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const body = { success: true, mode };
      if (mode === 'archive') {
        const { position, replayed } = await this.commands.archive(context, id);
        return { status: 200, body, position, replayed };
      }
      const { complete, position } = await this.removal.remove(context, id);
      if (!complete) reply.header('x-mc-consistency', 'eventual');
      return { status: 200, body, position };
    });
  }

  private async answer(
    status: number,
    principal: Principal,
    { project, position, replayed }: ProjectEffect,
  ): Promise<CommandAnswer> {
    const row = await this.view.of(principal.workspaceId, project.projectId);
    return { status, body: { project: projectJson(row, principal) }, position, replayed };
  }
}

function nameOf(given: string): string {
  return given.normalize('NFC').trim();
}

function fieldsOf(body: ChangeProjectBody): Partial<ProjectFields> {
  return {
    ...(body.name === undefined ? {} : { name: nameOf(body.name) }),
    ...(body.ticket_prefix === undefined ? {} : { ticketPrefix: body.ticket_prefix.toUpperCase() }),
    ...(body.description === undefined ? {} : { description: body.description }),
    ...(body.github_repo === undefined ? {} : { githubRepo: body.github_repo }),
    ...(body.deadline === undefined ? {} : { deadline: body.deadline }),
    ...(body.color === undefined ? {} : { color: body.color }),
  };
}
