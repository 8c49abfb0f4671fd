import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BudgetQueries } from '../../projections/budgets/budgets.queries.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { notFound } from '../platform/http/errors.js';
import { pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { budgetTermsIn } from './budget-body.js';
import { standingJson, termsJson } from './budget-json.js';
import { BudgetStandings } from './budget-standings.js';
import { BudgetCommands } from './budgets.commands.js';

const shownBy = ['budgets'] as const;
const readFrom = ['budgets', 'cost'] as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@ApiTags('budgets')
@Controller('api/budgets')
export class BudgetsController {
  constructor(
    private readonly commands: BudgetCommands,
    private readonly queries: BudgetQueries,
    private readonly standings: BudgetStandings,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Budgets and how they stand, newest first' })
  list(
    @CurrentCaller() { principal }: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const paging = pageOf(query, { cap: 100, byDefault: 50 });
    return this.answers.answer(reply, readFrom, query, async () => {
      const { rows, total } = await this.queries.list(principal.workspaceId, paging);
      const budgets = await this.standings.ofAll(rows);
      return { budgets: budgets.map(standingJson), total, page: paging.page, limit: paging.limit };
    });
  }

  @Post()
  @HttpCode(201)
  @ApiOperation({ summary: 'Define a budget' })
  define(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
  ): Promise<Json> {
    const terms = budgetTermsIn(body);
    const route = { route: 'POST /api/budgets', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { budgetId, position, replayed } = await this.commands.define(context, terms);
      return { status: 201, body: { budget: { id: budgetId, ...termsJson(terms) } }, position, replayed };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'One budget and how it stands' })
  one(
    @CurrentCaller() { principal }: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.answers.answer(reply, readFrom, query, async () => {
      const id = budgetIdOf(reference);
      const budget = await this.queries.byId(principal.workspaceId, id);
      if (budget === undefined) throw notFound('Budget not found');
      return { budget: standingJson(await this.standings.of(budget)) };
    });
  }

  @Put(':id')
  @ApiOperation({ summary: 'Give a budget other terms' })
  change(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
    @Body() body: unknown,
  ): Promise<Json> {
    const id = budgetIdOf(reference);
    const terms = budgetTermsIn(body);
    const route = { route: 'PUT /api/budgets/{id}', shownBy, body };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { position, replayed } = await this.commands.change(context, id, terms);
      return { status: 200, body: { budget: { id, ...termsJson(terms) } }, position, replayed };
    });
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a budget' })
  remove(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Param('id') reference: string,
  ): Promise<Json> {
    const id = budgetIdOf(reference);
    const route = { route: 'DELETE /api/budgets/{id}', shownBy, body: null };
    return this.endpoint.handle(request, reply, caller, route, async (context) => {
      const { terms, position, replayed } = await this.commands.delete(context, id);
      return { status: 200, body: { success: true, deleted: terms.name }, position, replayed };
    });
  }
}

/** Errors: 404, for what is no id at all too. */
function budgetIdOf(reference: string): string {
  const id = reference.toLowerCase();
  if (!UUID.test(id)) throw notFound('Budget not found');
  return id;
}
