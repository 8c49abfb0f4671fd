import { Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KeysQueries } from '../../projections/keys/keys.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import type { Json } from '../platform/event-store/stored-event.js';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import type { IssuedKey } from './issued-key.js';
import { KeyIssuer } from './key-issuer.js';
import { secondsOf } from './key-json.js';
import { DEFAULT_DAYS, rotationTerms } from './key-terms.js';
import { KeyringCommands } from './keyring.commands.js';

const shownBy = ['keys'] as const;

@ApiTags('keys')
@Controller('api/tokens/rotate')
export class KeyRotationController {
  constructor(
    private readonly commands: KeyringCommands,
    private readonly issuer: KeyIssuer,
    private readonly queries: KeysQueries,
    private readonly answers: QueryEndpoint,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Which admin key the last rotation issued' })
  async current(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { workspaceId } = caller.principal;
    return this.answers.answer(reply, shownBy, query, async () => {
      const rotated = await this.queries.lastRotated(workspaceId);
      const isLive =
        rotated !== undefined &&
        rotated.revokedAt === null &&
        (rotated.expiresAt === null || rotated.expiresAt > this.clock.now());
      const fromEnvironment = this.environmentKeys(workspaceId).length > 0 ? 'environment' : 'none';
      return {
        masked_key: isLive ? masked(rotated.prefix) : null,
        configured: isLive || fromEnvironment === 'environment',
        source: isLive ? 'api' : fromEnvironment,
        last_rotated_at: secondsOf(rotated?.createdAt ?? null),
        last_rotated_by: rotated?.createdBy ?? null,
      };
    });
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Issue a new admin key and revoke the one that the rotation before issued' })
  rotate(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
  ): Promise<Json> {
    return this.issuer.handle(request, reply, caller, {
      route: 'POST /api/tokens/rotate',
      status: 200,
      body: null,
      prefix: 'mck_',
      issue: (context, minted) => this.commands.rotate(context, minted, rotationTerms(context.receivedAt)),
      answer: ({ key }) => this.answerFor(key),
      field: 'key',
    });
  }

  private answerFor(key: IssuedKey) {
    return {
      masked_key: masked(key.prefix),
      expires_at: secondsOf(key.expiresAt),
      rotated_at: secondsOf(key.issuedAt),
      rotated_by: key.issuedBy,
      message: this.messageFor(key.workspaceId),
    };
  }

  private messageFor(workspaceId: number): string {
    const shown = `Keep this key: it is not shown again. It works for ${DEFAULT_DAYS} days.`;
    const given = this.environmentKeys(workspaceId).length;
    if (given === 0) return shown;
    return `${shown} Keys from the environment stay valid; only whoever runs the process can withdraw them.`;
  }

  private environmentKeys(workspaceId: number) {
    return this.config.environmentKeys.filter((key) => key.workspaceId === workspaceId && key.role === 'admin');
  }
}

function masked(prefix: string): string {
  return `${prefix}••••••`;
}
