import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  ActivityQueries,
  type ActivityFilter,
  type ActivityViewer,
} from '../../projections/activities/activities.queries.js';
import { hasRole, type Principal } from '../platform/auth/principal.js';
import { Clock } from '../platform/clock/clock.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { badRequest } from '../platform/http/errors.js';
import { integer, pageOf, text, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { activityJson, activityStatsJson } from './activity-json.js';

const readFrom = ['activities', 'tasks', 'agent-status'] as const;
const MOST = 500;
const MAX_TYPES = 50;
const MAX_SECONDS = 4_102_444_800;
const HOUR_MS = 3_600_000;
const TYPE = /^[a-z][a-z_]{0,99}$/;

@ApiTags('activities')
@Controller('api/activities')
export class ActivitiesController {
  constructor(
    private readonly queries: ActivityQueries,
    private readonly answers: QueryEndpoint,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Who did what to what, newest first; with ?stats how much of it' })
  async list(
    @CurrentCaller() { principal }: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const viewer = viewerOf(principal);
    if (query['stats'] !== undefined) {
      const hours = integer(query, 'hours', 1, 720) ?? 24;
      const since = new Date(this.clock.now().getTime() - hours * HOUR_MS);
      return this.answers.answer(reply, readFrom, query, async () =>
        activityStatsJson(await this.queries.stats(viewer, since), hours),
      );
    }
    const paging = pageOf(query, { cap: MOST });
    const filter = filterOf(query);
    return this.answers.answer(reply, readFrom, query, async () => {
      const { rows, total } = await this.queries.list(viewer, filter, paging);
      return { activities: rows.map(activityJson), total, hasMore: paging.offset + rows.length < total };
    });
  }
}

/** An agent's key reads what its own agent did and what was done to it. */
function viewerOf(principal: Principal): ActivityViewer {
  const { workspaceId, agentId } = principal;
  if (agentId !== undefined) return { workspaceId, isAdmin: false, agentId };
  return { workspaceId, isAdmin: hasRole(principal, 'admin') };
}

function filterOf(query: ListQuery): ActivityFilter {
  const types = typesOf(text(query, 'type', 2_000));
  const actor = text(query, 'actor');
  const entityType = text(query, 'entity_type', 100);
  const since = integer(query, 'since', 0, MAX_SECONDS);
  return {
    ...(types === undefined ? {} : { types }),
    ...(actor === undefined ? {} : { actor }),
    ...(entityType === undefined ? {} : { entityType }),
    ...(since === undefined ? {} : { since: new Date(since * 1_000) }),
  };
}

function typesOf(list: string | undefined): readonly string[] | undefined {
  if (list === undefined) return undefined;
  const types = [...new Set(list.split(',').map((type) => type.trim()))];
  if (types.length > MAX_TYPES || types.some((type) => !TYPE.test(type))) {
    throw badRequest(`Invalid type. Expected at most ${MAX_TYPES} names such as task_created, with commas between.`);
  }
  return types;
}
