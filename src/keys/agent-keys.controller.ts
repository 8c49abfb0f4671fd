import { Body, Controller, Delete, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KeysQueries } from '../../projections/keys/keys.queries.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { KeyIssuer } from './key-issuer.js';
import { issuedKeyJson, listedKeyJson, revokedJson } from './key-json.js';
import { agentTerms } from './key-terms.js';
import { KeyringCommands } from './keyring.commands.js';
import { AgentKeyBody, RevokeKeyBody } from './keys.dto.js';

const shownBy = ['keys'] as const;

@ApiTags('keys')
@Controller('api/agents/:id/keys')
export class AgentKeysController {
  constructor(
    private readonly commands: KeyringCommands,
    private readonly issuer: KeyIssuer,
    private readonly directory: AgentDirectory,
    private readonly queries: KeysQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the keys of an agent' })
  async list(
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { principal } = caller;
    const paging = pageOf(query, { byDefault: 200 });
    return this.answers.answer(reply, shownBy, query, async () => {
      const { agentId, name } = await this.directory.find(principal, reference);
      const { rows, total } = await this.queries.ofAgent(principal.workspaceId, agentId, paging);
      return {
        agent: { id: agentId, name },
        keys: rows.map(listedKeyJson),
        total,
        page: paging.page,
        limit: paging.limit,
      };
    });
  }

  @Post()
  @ApiOperation({ summary: 'Issue a key for this agent alone; the answer shows it once' })
  issue(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: AgentKeyBody,
  ): Promise<Json> {
    return this.issuer.handle(request, reply, caller, {
      route: 'POST /api/agents/{id}/keys',
      status: 201,
      body,
      prefix: 'mca_',
      issue: async (context, minted) => {
        const agent = await this.directory.find(caller.principal, reference);
        return this.commands.issueFor(context, agent, minted, agentTerms(body, context.receivedAt));
      },
      answer: ({ key }) => ({ key: issuedKeyJson(key) }),
      field: 'api_key',
    });
  }

  @Delete()
  @ApiOperation({ summary: 'Revoke a key of this agent' })
  revoke(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: RevokeKeyBody,
  ): Promise<Json> {
    const route = { route: 'DELETE /api/agents/{id}/keys', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { agentId } = await this.directory.find(caller.principal, reference);
      const { key, position, replayed } = await this.commands.revoke(context, body.key_id, agentId);
      return { status: 200, body: revokedJson(key), position, replayed };
    });
  }
}
