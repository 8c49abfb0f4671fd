import { Body, Controller, Delete, Get, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WebhooksQueries } from '../../projections/webhooks/webhooks.queries.js';
import { RefusalJournal } from '../platform/auth/refusal-journal.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { validated } from '../platform/http/dto.pipe.js';
import { badRequest } from '../platform/http/errors.js';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { verifyDocs } from './verify-docs.js';
import { WebhookBalance } from './webhook-balance.js';
import { webhookJson } from './webhook-json.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { TargetRefused, WebhookCommands, type AcceptedWebhook } from './webhooks.commands.js';
import { CreateWebhookBody, UpdateWebhookBody, WebhookIdBody } from './webhooks.dto.js';

const shownBy = ['webhooks'] as const;

@ApiTags('webhooks')
@Controller('api/webhooks')
export class WebhooksController {
  constructor(
    private readonly commands: WebhookCommands,
    private readonly secrets: WebhookSecrets,
    private readonly queries: WebhooksQueries,
    private readonly balances: WebhookBalance,
    private readonly generation: LogGeneration,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
    private readonly journal: RefusalJournal,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the webhook endpoints of the workspace' })
  list(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Json> {
    const { workspaceId } = caller.principal;
    return this.answers.answer(reply, shownBy, query, async () => {
      const rows = await this.queries.ofWorkspace(workspaceId);
      const webhooks = rows.map((row) => {
        const secret = row.secret === null ? undefined : this.secrets.shown(workspaceId, row.webhookId, row.secret);
        return webhookJson(row, secret);
      });
      return { webhooks };
    });
  }

  @Post()
  @ApiOperation({ summary: 'Register an endpoint; the answer shows its secret once' })
  create(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: CreateWebhookBody,
  ): Promise<Json> {
    const route = { route: 'POST /api/webhooks', shownBy, body, reveal: this.revealing(caller) };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const webhookId = await this.commands.nextNumber();
      const outcome = await this.commands
        .register(context, webhookId, body)
        .catch((error: unknown) => this.noteTarget(request, caller, error));
      const { name, url, events, secrets } = outcome.state;
      const shown = {
        id: webhookId,
        name,
        url,
        events,
        enabled: true,
        message:
          secrets.length === 0
            ? 'Messages to this webhook are not signed.'
            : 'Keep this secret: it is not shown again. Verify webhook-signature with it.',
      };
      return answer(outcome, { webhookId, shown, secret: secretOf(outcome) });
    });
  }

  @Put()
  @ApiOperation({ summary: 'Change an endpoint, pause or enable it, or rotate its secret' })
  update(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() given: object,
  ): Promise<Json> {
    if (typeof given === 'object' && given !== null && !('id' in given)) throw badRequest('Webhook ID is required');
    const body = validated(UpdateWebhookBody, given);
    const route = { route: 'PUT /api/webhooks', shownBy, body, reveal: this.revealing(caller) };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const outcome = await this.commands
        .update(context, body)
        .catch((error: unknown) => this.noteTarget(request, caller, error));
      const secret = body.regenerate_secret === true ? secretOf(outcome) : null;
      const message = 'Keep this secret: it is not shown again. The old one signs beside it until its grace ends.';
      const shown = { success: true, ...(secret === null ? {} : { message }) };
      return answer(outcome, { webhookId: body.id, shown, secret });
    });
  }

  @Delete()
  @ApiOperation({ summary: 'Delete an endpoint and what is pending for it' })
  remove(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() given: object | undefined,
  ): Promise<Json> {
    if (given === undefined) throw badRequest('Request body required');
    const body = validated(WebhookIdBody, given);
    const route = { route: 'DELETE /api/webhooks', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { position, replayed } = await this.commands.remove(context, body.id);
      return { status: 200, body: { success: true, deleted: 1 }, position, replayed };
    });
  }

  @Get('balance')
  @ApiOperation({ summary: 'Count what every endpoint was to be told, and what became of it' })
  balance(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Json> {
    const { workspaceId } = caller.principal;
    return this.answers.answer(reply, shownBy, query, async () => {
      const rows = await this.queries.ofWorkspace(workspaceId);
      const balances = [];
      for (const { webhookId } of rows) {
        const balance = await this.balances.of(workspaceId, webhookId);
        balances.push({
          webhook_id: webhookId,
          position: positionText(balance.position, this.generation.current),
          matching: balance.matching,
          delivered: balance.delivered,
          pending: balance.pending,
          dead: balance.dead,
          error: balance.error,
          waiting_behind: balance.waitingBehind,
        });
      }
      return { balances };
    });
  }

  @Get('verify-docs')
  @ApiOperation({ summary: 'How a receiver verifies messages' })
  verifyDocs(): typeof verifyDocs {
    return verifyDocs;
  }

  private noteTarget(request: FastifyRequest, { principal }: Caller, error: unknown): never {
    if (error instanceof TargetRefused) {
      const { credentialId } = principal;
      this.journal.record('webhook_target_refused', request.mc, '/api/webhooks', {
        credentialId,
        reason: error.reason,
      });
    }
    throw error;
  }

  /** The secret is no part of what an Idempotency-Key keeps: it is derived again for the answer. */
  private revealing(caller: Caller) {
    return (_: unknown, kept: Json): Json => {
      const { webhookId, shown, secret } = kept as unknown as Kept;
      if (secret === null) return shown;
      const text = this.secrets.shown(caller.principal.workspaceId, webhookId, secret);
      return text === undefined ? shown : { ...shown, secret: text };
    };
  }
}

/** What is kept of an answer instead of its secret. */
interface Kept {
  readonly webhookId: number;
  readonly shown: { readonly [key: string]: Json };
  readonly secret: { readonly secretId: number; readonly masterKeyId: string } | null;
}

function secretOf({ state }: AcceptedWebhook): Kept['secret'] {
  const newest = state.secrets.at(-1);
  return newest === undefined ? null : { secretId: newest.secretId, masterKeyId: newest.masterKeyId };
}

function answer({ position, replayed }: AcceptedWebhook, kept: Kept) {
  return { status: 200, body: { ...kept }, position, replayed };
}
