import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { TaskQueries, type TaskFilter } from '../../projections/tasks/tasks.queries.js';
import type { Principal } from '../platform/auth/principal.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { integer, oneOf, pageOf, text, type Query as ListQuery } from '../platform/http/list-query.js';
import { tasksReadFrom } from './task-effect.js';
import { taskJson } from './task-json.js';
import { TaskPeople } from './task-people.js';
import { taskPriorities, taskStatuses, type Recipient } from './tasks.events.js';

/** The list of tasks as the contract shows it, for every route that has one. */
@Injectable()
export class TaskLists {
  constructor(
    private readonly queries: TaskQueries,
    private readonly people: TaskPeople,
    private readonly answers: QueryEndpoint,
  ) {}

  /** `within`: a filter that the route brings, whatever the query asks for. An agent's key sees its own tasks only. */
  async answer(reply: FastifyReply, principal: Principal, query: ListQuery, within: TaskFilter = {}) {
    const paging = pageOf(query);
    const filter = { ...filterOf(query, await this.people.confinementOf(principal)), ...within };
    return this.answers.answer(reply, tasksReadFrom, query, async () => {
      const { rows, total } = await this.queries.list(principal.workspaceId, filter, paging);
      const tasks = rows.map((row) => ({ ...taskJson(row.task, row), comment_count: row.commentCount }));
      return { tasks, total, page: paging.page, limit: paging.limit };
    });
  }
}

function filterOf(query: ListQuery, own: Recipient | undefined): TaskFilter {
  const status = oneOf(query, 'status', taskStatuses);
  const priority = oneOf(query, 'priority', taskPriorities);
  // As assignments are recorded.
  const assignedTo = text(query, 'assigned_to', 100)?.normalize('NFC').trim();
  const projectId = integer(query, 'project_id', 1);
  return {
    ...(status === undefined ? {} : { status }),
    ...(priority === undefined ? {} : { priority }),
    ...(assignedTo === undefined ? {} : { assignedTo }),
    ...(projectId === undefined ? {} : { projectId }),
    ...(own === undefined || own.agentId === null ? {} : { agent: { id: own.agentId, name: own.name } }),
  };
}
