import { Body, Controller, Headers, Param, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { compiledBody } from '../platform/http/compiled-body.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { expectedRevisions, tagged } from '../tasks/entity-tag.js';
import { answerOf, tasksShownBy as shownBy } from '../tasks/task-effect.js';
import { TaskId } from '../tasks/task-id.pipe.js';
import { TaskViews } from '../tasks/task-views.js';
import { ReleaseCommands } from './release.commands.js';

interface ReleaseBody {
  readonly lease_id?: string | null;
  readonly reason?: string | null;
}

const releaseSchema = {
  type: 'object',
  properties: {
    lease_id: { type: ['string', 'null'], minLength: 1, maxLength: 100 },
    reason: { type: ['string', 'null'], maxLength: 500 },
  },
};

@ApiTags('queue')
@Controller('api/tasks/:id/release')
export class ReleaseController {
  constructor(
    private readonly commands: ReleaseCommands,
    private readonly views: TaskViews,
    private readonly endpoint: CommandEndpoint,
  ) {}

  @Post()
  async release(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id', TaskId) taskId: number,
    @Headers('if-match') ifMatch: string | undefined,
    @Body(compiledBody(releaseSchema, { optional: true })) body: ReleaseBody,
  ): Promise<Json> {
    const expected = expectedRevisions(ifMatch);
    const release = { leaseId: body.lease_id?.toLowerCase(), reason: body.reason ?? null };
    const route = { route: 'POST /api/tasks/{id}/release', shownBy, body };
    const answer = await this.endpoint.handle(request, reply, caller, route, async (context) => {
      const effect = await this.commands.release(context, caller.principal, taskId, release, expected);
      const task = await this.views.view(context.workspaceId, effect.known);
      return answerOf(200, { success: true, ...(effect.events.length === 0 ? { unchanged: true } : {}), task }, effect);
    });
    return tagged(reply, answer);
  }
}
