import { Body, Controller, Delete, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KeysQueries } from '../../projections/keys/keys.queries.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { KeyIssuer } from './key-issuer.js';
import { environmentKeyJson, issuedKeyJson, listedKeyJson, revokedJson } from './key-json.js';
import { workspaceTerms } from './key-terms.js';
import { KeyringCommands } from './keyring.commands.js';
import { RevokeKeyBody, WorkspaceKeyBody } from './keys.dto.js';

const shownBy = ['keys'] as const;

@ApiTags('keys')
@Controller('api/keys')
export class KeysController {
  constructor(
    private readonly commands: KeyringCommands,
    private readonly issuer: KeyIssuer,
    private readonly queries: KeysQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the keys of the workspace' })
  async list(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { limit, offset, page } = pageOf(query, { byDefault: 200 });
    const { workspaceId } = caller.principal;
    const own = this.config.environmentKeys.filter((key) => key.workspaceId === workspaceId);
    return this.answers.answer(reply, shownBy, query, async () => {
      const first = own.slice(offset, offset + limit);
      const lastUses = await this.queries.lastUses(first.map(({ id }) => id));
      const { rows, total } = await this.queries.ofWorkspace(workspaceId, {
        limit: limit - first.length,
        offset: Math.max(0, offset - own.length),
      });
      return {
        keys: [...first.map((key) => environmentKeyJson(key, lastUses.get(key.id))), ...rows.map(listedKeyJson)],
        total: own.length + total,
        page,
        limit,
      };
    });
  }

  @Post()
  @ApiOperation({ summary: 'Issue a key of the workspace; the answer shows it once' })
  issue(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: WorkspaceKeyBody,
  ): Promise<Json> {
    return this.issuer.handle(request, reply, caller, {
      route: 'POST /api/keys',
      status: 201,
      body,
      prefix: 'mck_',
      issue: (context, minted) => this.commands.issue(context, minted, workspaceTerms(body, context.receivedAt)),
      answer: ({ key }) => ({ key: issuedKeyJson(key) }),
      field: 'api_key',
    });
  }

  @Delete()
  @ApiOperation({ summary: 'Revoke a key of the workspace' })
  revoke(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: RevokeKeyBody,
  ): Promise<Json> {
    const route = { route: 'DELETE /api/keys', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { key, position, replayed } = await this.commands.revoke(context, body.key_id, null);
      return { status: 200, body: revokedJson(key), position, replayed };
    });
  }
}
