import { Body, Controller, Get, Param, Post, Query, Req, Res, type PipeTransform } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TaskQueries } from '../../projections/tasks/tasks.queries.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { compiledBody } from '../platform/http/compiled-body.js';
import { badRequest } from '../platform/http/errors.js';
import { notJson } from '../platform/http/json-guard.js';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { commentOf, threadsOf } from './comment-json.js';
import { CommentCommands } from './comments.commands.js';
import { broadcastSchema, commentSchema, type CommentBody } from './task-bodies.js';
import { answerOf, tasksReadFrom as readFrom, tasksShownBy as shownBy } from './task-effect.js';
import { TaskId } from './task-id.pipe.js';
import { TaskPeople } from './task-people.js';
import { TaskRunner } from './task-runner.js';

@Controller('api/tasks/:id')
export class CommentsController {
  constructor(
    private readonly commands: CommentCommands,
    private readonly runner: TaskRunner,
    private readonly people: TaskPeople,
    private readonly queries: TaskQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get('comments')
  async list(
    @CurrentCaller() { principal }: Caller,
    @Param('id', TaskId) taskId: number,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.answers.answer(reply, readFrom, query, async () => {
      const onlyFor = await this.people.confinementOf(principal);
      await this.runner.current(principal.workspaceId, taskId, onlyFor);
      const rows = await this.queries.comments(principal.workspaceId, taskId);
      return { comments: threadsOf(rows), total: rows.length };
    });
  }

  @Post('comments')
  comment(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id', TaskId) taskId: number,
    @Body(compiledBody(commentSchema)) body: CommentBody,
  ): Promise<Json> {
    const route = { route: 'POST /api/tasks/{id}/comments', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const effect = await this.commands.comment(context, caller.principal, taskId, body);
      const comment = commentOf(effect.comment, context);
      const assigned = effect.assigned === null ? {} : { auto_assigned_to: effect.assigned };
      return answerOf(201, { comment, ...assigned }, effect);
    });
  }

  @Post('broadcast')
  broadcast(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id', TaskId) taskId: number,
    @Body(broadcastBody()) body: { readonly message: string },
  ): Promise<Json> {
    const route = { route: 'POST /api/tasks/{id}/broadcast', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const effect = await this.commands.broadcast(context, caller.principal, taskId, body.message);
      return answerOf(200, { sent: effect.sent, skipped: effect.skipped }, effect);
    });
  }
}

function broadcastBody(): PipeTransform<unknown, unknown> {
  const rest = compiledBody(broadcastSchema);
  return {
    transform(body, metadata): unknown {
      if (body === undefined) throw notJson();
      const { message } = (body ?? {}) as { readonly message?: unknown };
      if (message === undefined || message === null || message === '') throw badRequest('Message is required');
      return rest.transform(body, metadata);
    },
  };
}
