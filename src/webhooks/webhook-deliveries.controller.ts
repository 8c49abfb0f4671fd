import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ListedAttempt, WebhooksQueries } from '../../projections/webhooks/webhooks.queries.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { notFound } from '../platform/http/errors.js';
import { integer, oneOf, pageOf, type Query as ListQuery, text } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { DeliveryStreams } from './dispatch/delivery-stream.js';
import { KnownEndpoints } from './known-endpoints.js';
import { ManualDelivery } from './manual-delivery.js';
import { ResponseExcerpts } from './response-excerpts.js';
import { factOf } from './webhook-facts.js';
import { attemptJson, sentJson } from './webhook-json.js';
import { bodyOf } from './webhook-message.js';
import { WebhookCommands } from './webhooks.commands.js';
import { ReplayBody, RetryBody, WebhookIdBody } from './webhooks.dto.js';

const shownBy = ['webhooks'] as const;
const STATES = ['pending', 'delivered', 'failed', 'dead'] as const;

@ApiTags('webhooks')
@Controller('api/webhooks')
export class WebhookDeliveriesController {
  constructor(
    private readonly commands: WebhookCommands,
    private readonly manual: ManualDelivery,
    private readonly endpoints: KnownEndpoints,
    private readonly streams: DeliveryStreams,
    private readonly excerpts: ResponseExcerpts,
    private readonly queries: WebhooksQueries,
    private readonly generation: LogGeneration,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get('deliveries')
  @ApiOperation({ summary: 'List attempts, newest first' })
  list(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Json> {
    const { workspaceId } = caller.principal;
    const { limit, offset, page } = pageOf(query);
    const since = integer(query, 'since', 0, 253_402_300_799);
    const filter = {
      webhookId: integer(query, 'webhook_id', 1),
      state: oneOf(query, 'state', STATES),
      event: text(query, 'event_type'),
      since: since === undefined ? undefined : new Date(since * 1_000),
      limit,
      offset,
    };
    return this.answers.answer(reply, shownBy, query, async () => {
      const { rows, total } = await this.queries.attempts(workspaceId, filter);
      const [bodies, payloads] = await Promise.all([
        this.excerpts.of(rows.map(({ eventId }) => eventId)),
        Promise.all(rows.map((row) => this.payloadOf(row))),
      ]);
      const deliveries = rows.map((row, index) =>
        attemptJson(row, workspaceId, payloads[index] ?? null, bodies.get(row.eventId) ?? null),
      );
      return { deliveries, total, page, limit };
    });
  }

  @Post('test')
  @ApiOperation({ summary: 'Send test.ping at once and show the answer' })
  test(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: WebhookIdBody,
  ): Promise<Json> {
    const route = { route: 'POST /api/webhooks/test', shownBy: [], body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const view = await this.endpoints.find(context.workspaceId, body.id);
      const sent = await this.manual.test(context, view);
      return { status: 200, body: sentJson(sent, null), position: undefined };
    });
  }

  @Post('retry')
  @ApiOperation({ summary: 'Send a message once more, now' })
  retry(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: RetryBody,
  ): Promise<Json> {
    const route = { route: 'POST /api/webhooks/retry', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const listed = await this.queries.attempt(context.workspaceId, body.delivery_id);
      if (listed === undefined) throw notFound('Delivery not found');
      const { sent, position } = await this.manual.retry(context, listed);
      const id = position === undefined ? null : Number(position.commit);
      return { status: 200, body: sentJson(sent, id), position };
    });
  }

  @Post('replay')
  @ApiOperation({ summary: 'Send messages of the past again, under their own ids' })
  replay(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: ReplayBody,
  ): Promise<Json> {
    const route = { route: 'POST /api/webhooks/replay', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { outcome, queued, replayId } = await this.commands.replay(context, body);
      const { position, replayed } = outcome;
      return { status: 200, body: { queued, replay_id: replayId }, position, replayed };
    });
  }

  /** The very bytes that were sent: made again from the fact. */
  private async payloadOf({ stream, revision, event }: ListedAttempt): Promise<string | null> {
    const entry = await this.streams.entryAt(stream, revision);
    const fact = entry === undefined ? undefined : factOf(entry);
    return fact === undefined ? null : bodyOf(fact, event, this.generation.current).toString('utf8');
  }
}
