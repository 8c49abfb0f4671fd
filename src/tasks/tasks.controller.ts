import { Body, Controller, Delete, Get, Headers, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AsOf } from '../audit/as-of.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { etagOf, expectedRevisions, isKnown, tagged } from './entity-tag.js';
import {
  changeTaskSchema,
  createTaskSchema,
  setStatusesSchema,
  taskBody,
  type ChangeTaskBody,
  type CreateTaskBody,
  type SetStatusesBody,
} from './task-bodies.js';
import { answerOf, tasksReadFrom as readFrom, tasksShownBy as shownBy, type TaskEffect } from './task-effect.js';
import { TaskId } from './task-id.pipe.js';
import { TaskHistory } from './task-history.js';
import { TaskLists } from './task-lists.js';
import { TaskPeople } from './task-people.js';
import { TaskRunner } from './task-runner.js';
import { TaskViews } from './task-views.js';
import { TaskCommands } from './tasks.commands.js';

@Controller('api/tasks')
export class TasksController {
  constructor(
    private readonly commands: TaskCommands,
    private readonly runner: TaskRunner,
    private readonly people: TaskPeople,
    private readonly views: TaskViews,
    private readonly asOf: AsOf,
    private readonly history: TaskHistory,
    private readonly lists: TaskLists,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  async list(
    @CurrentCaller() { principal }: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.lists.answer(reply, principal, query);
  }

  @Post()
  async create(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body(taskBody(createTaskSchema)) body: CreateTaskBody,
  ): Promise<Json> {
    const route = { route: 'POST /api/tasks', shownBy, body };
    const answer = await this.endpoint.handle(request, reply, caller, route, async (context) => {
      const effect = await this.commands.create(context, caller.principal, body);
      const task = await this.views.view(context.workspaceId, effect.known);
      const warnings = effect.warnings.length === 0 ? {} : { warnings: effect.warnings };
      return answerOf(201, { task, ...warnings }, effect);
    });
    return tagged(reply, answer);
  }

  @Put()
  async setStatuses(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body(taskBody(setStatusesSchema)) body: SetStatusesBody,
  ): Promise<Json> {
    const route = { route: 'PUT /api/tasks', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { updated, skipped, position, causes } = await this.commands.setStatuses(context, caller.principal, body);
      return { status: 200, body: { success: true, updated, skipped }, position, causes };
    });
  }

  @Get(':id')
  async one(
    @CurrentCaller() { principal }: Caller,
    @Param('id', TaskId) taskId: number,
    @Query() query: ListQuery,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Json | undefined> {
    const asOf = await this.asOf.momentOf(query);
    return this.answers.answer(reply, readFrom, query, async () => {
      if (asOf !== undefined) return this.history.taskAsOf(principal.workspaceId, taskId, asOf);
      const onlyFor = await this.people.confinementOf(principal);
      const task = await this.runner.current(principal.workspaceId, taskId, onlyFor);
      reply.header('etag', etagOf(task.revision));
      if (isKnown(known, task.revision)) {
        reply.status(304);
        return undefined;
      }
      return { task: await this.views.view(principal.workspaceId, task) };
    });
  }

  @Put(':id')
  async change(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id', TaskId) taskId: number,
    @Headers('if-match') ifMatch: string | undefined,
    @Body(taskBody(changeTaskSchema)) body: ChangeTaskBody,
  ): Promise<Json> {
    const expected = expectedRevisions(ifMatch);
    const route = { route: 'PUT /api/tasks/{id}', shownBy, body };
    const answer = await this.endpoint.handle(request, reply, caller, route, async (context) => {
      const effect = await this.commands.change(context, caller.principal, taskId, body, expected);
      const task = await this.views.view(context.workspaceId, effect.known, renewsTheLease(effect));
      return answerOf(200, effect.events.length === 0 ? { task, unchanged: true } : { task }, effect);
    });
    return tagged(reply, answer);
  }

  @Delete(':id')
  remove(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id', TaskId) taskId: number,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<Json> {
    const expected = expectedRevisions(ifMatch);
    const route = { route: 'DELETE /api/tasks/{id}', shownBy, body: null };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const position = await this.commands.remove(context, caller.principal, taskId, expected);
      return { status: 200, body: { success: true }, position };
    });
  }
}

function renewsTheLease({ events }: TaskEffect): boolean {
  return events.some((event) => event.type === 'TaskChanged' && event.data.lease === 'renewed');
}
