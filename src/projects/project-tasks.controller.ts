import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { TaskLists } from '../tasks/task-lists.js';
import { livingProject, projectId } from './project-access.js';
import { ProjectDirectory } from './project-directory.js';

@ApiTags('projects')
@Controller('api/projects/:id/tasks')
export class ProjectTasksController {
  constructor(
    private readonly lists: TaskLists,
    private readonly directory: ProjectDirectory,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The tasks of a project, newest first' })
  async list(
    @CurrentCaller() { principal }: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = projectId(reference);
    await livingProject(this.directory, principal.workspaceId, id);
    return this.lists.answer(reply, principal, query, { projectId: id });
  }
}
