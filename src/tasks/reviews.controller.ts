import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TaskQueries, type ReviewRow } from '../../projections/tasks/tasks.queries.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { compiledBody } from '../platform/http/compiled-body.js';
import { badRequest } from '../platform/http/errors.js';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { ReviewCommands } from './reviews.commands.js';
import { reviewSchema, type ReviewBody } from './task-bodies.js';
import { answerOf, tasksReadFrom as readFrom, tasksShownBy as shownBy } from './task-effect.js';
import { TaskPeople } from './task-people.js';
import { TaskRunner } from './task-runner.js';

const MAX_IDS = 200;
const IDS = /^[1-9]\d{0,14}(,[1-9]\d{0,14})*$/;

@Controller('api/quality-review')
export class ReviewsController {
  constructor(
    private readonly commands: ReviewCommands,
    private readonly runner: TaskRunner,
    private readonly people: TaskPeople,
    private readonly queries: TaskQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  async read(
    @CurrentCaller() { principal }: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { workspaceId } = principal;
    const single = idsOf(query, 'taskId', 1)[0];
    const several = idsOf(query, 'taskIds', MAX_IDS);
    if (single === undefined && several.length === 0) throw badRequest('taskId is required');
    return this.answers.answer(reply, readFrom, query, async () => {
      const onlyFor = await this.people.confinementOf(principal);
      const asked = single === undefined ? several : [single];
      if (onlyFor !== undefined) for (const taskId of asked) await this.runner.current(workspaceId, taskId, onlyFor);
      if (single !== undefined) return { reviews: (await this.queries.reviews(workspaceId, single)).map(reviewJson) };
      const latest = await this.queries.latestReviews(workspaceId, several);
      return { latest: Object.fromEntries(several.map((id) => [String(id), verdictJson(latest.get(id))])) };
    });
  }

  @Post()
  review(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body(compiledBody(reviewSchema)) body: ReviewBody,
  ): Promise<Json> {
    const route = { route: 'POST /api/quality-review', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const effect = await this.commands.review(context, caller.principal, body);
      const { reviewId, status, gate } = effect.review;
      return answerOf(200, { success: true, id: reviewId, task_status: status, gate }, effect);
    });
  }
}

function idsOf(query: ListQuery, name: string, most: number): readonly number[] {
  const value = query[name];
  if (value === undefined) return [];
  const ids = typeof value === 'string' && IDS.test(value) ? value.split(',').map(Number) : [];
  if (ids.length === 0 || ids.length > most) {
    throw badRequest(`Invalid ${name}. Expected ${most === 1 ? 'a task id' : `1 to ${most} task ids`}.`);
  }
  return ids;
}

function reviewJson(review: ReviewRow): Json {
  return {
    id: review.id,
    task_id: review.taskId,
    reviewer: review.reviewer,
    status: review.verdict,
    notes: review.notes,
    actor: review.actor,
    created_at: secondsOf(review.createdAt),
  };
}

function verdictJson(review: ReviewRow | undefined): Json {
  if (review === undefined) return null;
  return { status: review.verdict, reviewer: review.reviewer, created_at: secondsOf(review.createdAt) };
}

function secondsOf(at: Date): number {
  return Math.floor(at.getTime() / 1_000);
}
