import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { readFrom } from '../audit/audit-query.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { TaskHistory } from './task-history.js';
import { TaskId } from './task-id.pipe.js';
import { tasksReadFrom } from './task-effect.js';

const PAGE = { byDefault: 1_000, cap: 10_000 };

@Controller('api/tasks/:id/history')
export class TaskHistoryController {
  constructor(
    private readonly history: TaskHistory,
    private readonly generation: LogGeneration,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  async events(
    @CurrentCaller() { principal }: Caller,
    @Param('id', TaskId) taskId: number,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { limit } = pageOf(query, PAGE);
    const from = readFrom(query, this.generation.current);
    return this.answers.answer(reply, tasksReadFrom, query, async () => ({
      task_id: taskId,
      ...(await this.history.page(principal.workspaceId, taskId, from, limit)),
    }));
  }
}
