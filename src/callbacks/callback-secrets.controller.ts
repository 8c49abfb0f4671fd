import { Body, Controller, Delete, Get, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsOptional, IsString, Length, Matches, Max, Min, ValidateBy } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CallbacksQueries } from '../../projections/callbacks/callbacks.queries.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Clock } from '../platform/clock/clock.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { conflict, notFound, Refusal } from '../platform/http/errors.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { CallbackSecrets, type CallbackSecretOutcome } from './callback-secrets.js';
import { SecretImport } from './secret-import.js';

const shownBy = ['callbacks'] as const;
const DAY_SECONDS = 86_400;

export class IssueSecretBody {
  @IsOptional()
  @IsInt({ message: 'grace_seconds must be an integer' })
  @Min(0)
  @Max(7 * DAY_SECONDS)
  grace_seconds?: number;

  @IsOptional()
  @IsString()
  @Length(24, 512, { message: 'import must be a secret of 24 to 512 characters' })
  @Matches(/^[\x21-\x7e]+$/, { message: 'import must be printable ASCII without blanks' })
  @HasDifferentCharacters(8)
  import?: string;
}

function HasDifferentCharacters(least: number): PropertyDecorator {
  return (target, key) => {
    ValidateBy({
      name: 'hasDifferentCharacters',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && new Set(value).size >= least,
        defaultMessage: () => `$property must have at least ${least} different characters`,
      },
    })(target, key);
  };
}

export class LegacyBody {
  @IsBoolean()
  legacy_allowed!: boolean;
}

export class EndSecretBody {
  @IsInt()
  @Min(1)
  id!: number;
}

@ApiTags('callbacks')
@Controller('api/agents/:id/callback-secrets')
export class CallbackSecretsController {
  constructor(
    private readonly secrets: CallbackSecrets,
    private readonly secretImport: SecretImport,
    private readonly directory: AgentDirectory,
    private readonly queries: CallbacksQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the secrets that sign callbacks of an agent' })
  async list(
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.answers.answer(reply, shownBy, {}, async () => {
      const { agentId } = await this.directory.find(caller.principal, reference);
      const [rows, { legacyAllowed }] = await Promise.all([
        this.queries.secrets(agentId, this.clock.now()),
        this.secrets.state(agentId),
      ]);
      return {
        secrets: rows.map((row) => ({
          id: row.secretId,
          created_at: secondsOf(row.createdAt),
          valid_until: row.validUntil === null ? null : secondsOf(row.validUntil),
          last_used_at: row.lastUsedAt === null ? null : secondsOf(row.lastUsedAt),
          use_count: row.useCount,
        })),
        legacy_allowed: legacyAllowed,
      };
    });
  }

  @Post()
  @ApiOperation({ summary: 'Issue a secret; the answer shows it once. Those before it end after a grace' })
  issue(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: IssueSecretBody,
  ): Promise<Json> {
    const { workspaceId } = caller.principal;
    // The secret is no part of what an Idempotency-Key keeps: it is derived again for the answer.
    const reveal = (_: unknown, kept: Json): Promise<Json> => {
      const { agentId, masterKeyId, shown } = kept as unknown as Kept;
      if (shown.imported === true) return Promise.resolve({ ...shown, secret: null });
      const secret = this.secrets.shown(workspaceId, agentId, shown.id, masterKeyId);
      if (secret === undefined) throw notFound('The master key of this secret is gone');
      return Promise.resolve({ ...shown, secret });
    };
    const route = { route: 'POST /api/agents/{id}/callback-secrets', shownBy, body, reveal };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const agent = await this.directory.find(caller.principal, reference);
      const now = context.receivedAt;
      const ends = new Date(now.getTime() + (body.grace_seconds ?? DAY_SECONDS) * 1_000);
      const outcome = accepted(
        body.import === undefined
          ? await this.secrets.execute(context, {
              type: 'IssueSecret',
              agentId: agent.agentId,
              agentName: agent.name,
              masterKeyId: this.secrets.masterKeyId,
              previousValidUntil: ends.toISOString(),
              now: now.toISOString(),
              fingerprint: null,
            })
          : await this.secretImport.issue(context, agent, body.import, ends.toISOString()),
      );
      const [event] = outcome.events;
      if (event?.type !== 'CallbackSecretIssued') throw new Error('a secret was issued without its fact');
      const { secretId, masterKeyId, previousValidUntil, fingerprint } = event.data;
      const kept: Kept = {
        agentId: agent.agentId,
        masterKeyId,
        shown: {
          id: secretId,
          created_at: secondsOf(now),
          previous_valid_until: previousValidUntil === null ? null : secondsOf(new Date(previousValidUntil)),
          ...(fingerprint === null ? {} : { imported: true }),
        },
      };
      return { status: 201, body: { ...kept }, position: outcome.position, replayed: outcome.replayed };
    });
  }

  @Put()
  @ApiOperation({ summary: 'Allow or forbid the compatibility scheme, which signs neither time nor id' })
  setLegacy(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: LegacyBody,
  ): Promise<Json> {
    const route = { route: 'PUT /api/agents/{id}/callback-secrets', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { agentId, name: agentName } = await this.directory.find(caller.principal, reference);
      const type = body.legacy_allowed ? 'AllowLegacy' : 'ForbidLegacy';
      const outcome = accepted(await this.secrets.execute(context, { type, agentId, agentName }));
      const answer = { success: true, legacy_allowed: body.legacy_allowed };
      return { status: 200, body: answer, position: outcome.position, replayed: outcome.replayed };
    });
  }

  @Delete()
  @ApiOperation({ summary: 'End a secret at once' })
  end(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: EndSecretBody,
  ): Promise<Json> {
    const route = { route: 'DELETE /api/agents/{id}/callback-secrets', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { agentId, name: agentName } = await this.directory.find(caller.principal, reference);
      const now = context.receivedAt.toISOString();
      const outcome = accepted(
        await this.secrets.execute(context, { type: 'EndSecret', agentId, agentName, secretId: body.id, now }),
      );
      // An imported one is removed with it; should that fail now, the next sweep does it.
      await this.secretImport.sweep().catch(() => undefined);
      return {
        status: 200,
        body: { success: true, id: body.id },
        position: outcome.position,
        replayed: outcome.replayed,
      };
    });
  }
}

/** What an `Idempotency-Key` keeps of the answer. */
interface Kept {
  readonly agentId: number;
  readonly masterKeyId: string;
  readonly shown: {
    readonly id: number;
    readonly created_at: number;
    readonly previous_valid_until: number | null;
    /** Not shown: who imported it has it. */
    readonly imported?: boolean;
  };
}

function accepted(outcome: CallbackSecretOutcome): Extract<CallbackSecretOutcome, { kind: 'accepted' }> {
  if (outcome.kind === 'accepted') return outcome;
  switch (outcome.refusal) {
    case 'TooManyLive':
      throw new Refusal(422, 'The agent already has 5 live secrets; end one first');
    case 'NotLive':
      throw notFound('Secret not found');
    case 'AlreadyLive':
      throw conflict('The agent has this secret already');
  }
}

function secondsOf(date: Date): number {
  return Math.floor(date.getTime() / 1_000);
}
