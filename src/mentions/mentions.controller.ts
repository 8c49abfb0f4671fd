import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AgentStatusQueries } from '../../projections/agent-status/agent-status.queries.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { badRequest } from '../platform/http/errors.js';
import { oneOf, pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { handleOf } from '../tasks/mention.names.js';

const readFrom = ['agent-status'] as const;
const MAX_TEXT = 100;

@ApiTags('mentions')
@Controller('api/mentions')
export class MentionsController {
  constructor(
    private readonly agents: AgentStatusQueries,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Who can be mentioned, for completing what follows an @' })
  async find(
    @CurrentCaller() { principal }: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const q = textOf(query);
    const { limit } = pageOf(query);
    // There are no users of their own yet: nobody of that type can be mentioned.
    const wantsAgents = oneOf(query, 'type', ['user', 'agent']) !== 'user';
    const { workspaceId, agentId } = principal;
    return this.answers.answer(reply, readFrom, query, async () => {
      const { rows, total } = wantsAgents
        ? await this.agents.mentionable(workspaceId, { text: q, ...(agentId === undefined ? {} : { agentId }) }, limit)
        : { rows: [], total: 0 };
      return { mentions: rows.map(mentionJson), total, q };
    });
  }
}

function mentionJson({ name, role }: { readonly name: string; readonly role: string }) {
  return { handle: handleOf(name), recipient: name, type: 'agent', display: name, role };
}

/** Absent and empty ask for everybody; the `@` itself may be typed. */
function textOf({ q }: ListQuery): string {
  if (q === undefined) return '';
  if (typeof q === 'string' && q.length <= MAX_TEXT) return q.replace(/^@/, '');
  throw badRequest(`Invalid q. Expected a text of at most ${MAX_TEXT} characters.`);
}
