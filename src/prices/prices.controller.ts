import { Body, Controller, Delete, Get, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommandContext } from '../platform/command/command-context.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { leastPosition, QueryEndpoint } from '../platform/command/query-endpoint.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import type { Position } from '../platform/event-store/position.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { badRequest, notFound } from '../platform/http/errors.js';
import { integer, oneOf, pageOf, text, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { modelKeyOf } from '../../projections/cost/price-layers.js';
import { PriceImpactQueries } from '../../projections/cost/price-impact.queries.js';
import { PriceBook } from './price-book.js';
import type { PriceCommand } from './price-book.decider.js';
import { PriceImpacts } from './price-impacts.js';
import { bookJson, differenceJson, impactJson, repricingJson } from './price-json.js';
import { priceWarnings } from './price-warnings.js';
import { documentIn, PriceCommands, type PriceRevision } from './prices.commands.js';
import { publishedPrices } from './published-prices.js';

const shownBy = ['cost'] as const;
const ENTITY_TAG = /^"(\d{1,15})"$/;

@ApiTags('prices')
@Controller('api/prices')
export class PricesController {
  constructor(
    private readonly book: PriceBook,
    private readonly commands: PriceCommands,
    private readonly impacts: PriceImpacts,
    private readonly repricingStates: PriceImpactQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
    private readonly generation: LogGeneration,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The prices in force, or one layer of them, now or as of a version' })
  async read(@Query() query: ListQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    const layer = oneOf(query, 'layer', ['effective', 'book', 'override']) ?? 'effective';
    const version = integer(query, 'version', 1);
    this.checkFreshness(query);
    const loaded = version === undefined ? await this.book.load() : await this.book.at(version);
    if (loaded === undefined) throw notFound('Price book version not found');
    this.describe(reply, loaded.position);
    reply.header('etag', `"${loaded.state.bookVersion}"`);
    return bookJson(loaded.state, layer, loaded.lastAt?.toISOString() ?? null);
  }

  @Get('history')
  @ApiOperation({ summary: 'Every revision of the prices, newest first' })
  async history(@Query() query: ListQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    const { limit, offset, page } = pageOf(query);
    this.checkFreshness(query);
    const revisions = (await this.book.revisions()).toReversed();
    this.describe(reply, revisions[0]?.position);
    return {
      revisions: revisions.slice(offset, offset + limit).map(({ data, metadata, position }) => ({
        bookVersion: data.bookVersion,
        layer: data.layer,
        label: data.label,
        source: data.source,
        authorRecordedAt: data.authorRecordedAt,
        documentHash: data.documentHash,
        reason: data.reason,
        recordedAt: metadata.recordedAt,
        actor: metadata.actor.name,
        position: positionText(position, this.generation.current),
        changed: data.changed,
        removed: data.removed,
      })),
      total: revisions.length,
      page,
      limit,
    };
  }

  @Get('repricing')
  @ApiOperation({ summary: 'How far old usage has been priced by the newest prices' })
  async repricing(@Query() query: ListQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.answers.answer(reply, shownBy, query, async () => ({
      repricing: repricingJson(await this.repricingStates.repricing()),
    }));
  }

  @Put()
  @ApiOperation({ summary: 'Replace the price book, or see what that would do' })
  replace(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
    @Query() query: ListQuery,
  ): Promise<Json> {
    const command = { type: 'RevisePrices', layer: 'book', ...wishes(request, query), ...documentIn(body) } as const;
    return this.run(request, reply, caller, query, 'PUT /api/prices', command, body);
  }

  @Post('refresh')
  @ApiOperation({ summary: 'Replace the price book by the prices of this release, or see what that would do' })
  refresh(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
  ): Promise<Json> {
    const published = publishedPrices();
    const command = { type: 'RevisePrices', layer: 'book', ...wishes(request, query), ...published } as const;
    return this.run(request, reply, caller, query, 'POST /api/prices/refresh', command, published.hash);
  }

  @Delete('overrides')
  @ApiOperation({ summary: 'Clear the price overrides, or see what that would do' })
  clearOverrides(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
  ): Promise<Json> {
    const command = { type: 'ClearOverrides', ...wishes(request, query) } as const;
    return this.run(request, reply, caller, query, 'DELETE /api/prices/overrides', command, null);
  }

  private async run(
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    query: ListQuery,
    route: string,
    command: PriceCommand,
    body: unknown,
  ): Promise<Json> {
    const { workspaceId } = caller.principal;
    if (oneOf(query, 'dryRun', ['true', 'false']) === 'true') {
      const preview = await this.commands.preview(command);
      this.describe(reply, preview.position);
      const impact = impactJson(await this.impacts.of(workspaceId, preview.difference));
      return { dryRun: true, ...revisionJson(command, preview), impact };
    }
    return this.endpoint.handle(request, reply, caller, { route, shownBy, body }, (context) =>
      this.answerTo(context, command),
    );
  }

  /** The impact is taken before the revision: afterwards the books know no other prices than the new ones. */
  private async answerTo(context: CommandContext, command: PriceCommand) {
    const preview = await this.commands.preview(command);
    const impact = await this.impacts.ifKnown(context.workspaceId, preview.difference);
    const revision = await this.commands.revise(context, command);
    const { bookVersion, isChange, position, replayed } = revision;
    const isAsSeen = bookVersion === preview.bookVersion + (isChange ? 1 : 0);
    const body = {
      success: true,
      ...revisionJson(command, revision),
      impact: impact === undefined || !isAsSeen ? null : impactJson(impact),
      repricing: repricingJson(await this.impacts.repricingAfter(position)),
    };
    return { status: 200, body, position, replayed };
  }

  /** Prices are read from their stream: no read model can lag behind them. */
  private describe(reply: FastifyReply, position: Position | undefined): void {
    reply.header('x-mc-lag-events', '0').header('x-mc-lag-seconds', '0.000');
    if (position !== undefined) reply.header('x-mc-position', positionText(position, this.generation.current));
  }

  private checkFreshness(query: ListQuery): void {
    leastPosition(query, this.generation.current);
  }
}

function revisionJson(command: PriceCommand, { bookVersion, difference, isChange }: PriceRevision) {
  const before = new Map([...difference.before.sets.keys()].map((entry) => [modelKeyOf(entry), entry]));
  return {
    bookVersion,
    recorded: isChange,
    warnings: 'document' in command ? priceWarnings(command.document.models, before) : [],
    ...differenceJson(difference),
  };
}

/** What a caller says beside the prices. Errors: 400. */
function wishes(request: FastifyRequest, query: ListQuery) {
  return { reason: text(query, 'reason', 500) ?? null, expectedVersion: expectedVersion(request) };
}

function expectedVersion(request: FastifyRequest): number | undefined {
  const header = request.headers['if-match'];
  if (header === undefined || header === '*') return undefined;
  const version = ENTITY_TAG.exec(header)?.[1];
  if (version === undefined) throw badRequest('Invalid If-Match. Expected a book version in quotes, such as "7".');
  return parseInt(version, 10);
}
