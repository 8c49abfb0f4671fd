import { Readable } from 'node:stream';
import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { leastPosition } from '../platform/command/query-endpoint.js';
import { PositionRefused } from '../platform/event-store/event-store.errors.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { badRequest, unavailable } from '../platform/http/errors.js';
import { oneOf, type Query as QueryParameters } from '../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { AuditLog, type AuditPage } from './audit-log.js';
import { readAuditQuery } from './audit-query.js';

@Controller('api/audit/events')
export class AuditController {
  constructor(
    private readonly log: AuditLog,
    private readonly generation: LogGeneration,
  ) {}

  @Get()
  async events(
    @CurrentCaller() caller: Caller,
    @Query() query: QueryParameters,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AuditPage | Readable> {
    const { workspaceId } = caller.principal;
    const isNdjson = wantsNdjson(query, accept);
    const asked = readAuditQuery(query, this.generation.current, isNdjson);
    const position = leastPosition(query, this.generation.current);
    if (position !== undefined && !(await this.log.reaches(position))) {
      if (query['stale'] !== 'ok') throw unavailable('The log has not reached this position yet');
      reply.header('x-mc-consistency', 'eventual');
    }
    // The log itself is read here: no read model can lag behind it.
    reply.header('x-mc-lag-events', '0').header('x-mc-lag-seconds', '0.000');
    if (isNdjson) {
      reply.header('content-type', 'application/x-ndjson; charset=utf-8');
      return Readable.from(this.log.lines(asked, workspaceId), { objectMode: false });
    }
    try {
      const page = await this.log.page(asked, workspaceId);
      reply.header('x-mc-position', page.head);
      return page;
    } catch (error) {
      if (error instanceof PositionRefused) throw badRequest('Invalid position');
      throw error;
    }
  }
}

function wantsNdjson(query: QueryParameters, accept: string | undefined): boolean {
  const format = oneOf(query, 'format', ['json', 'ndjson']);
  if (format !== undefined) return format === 'ndjson';
  return accept?.split(',').some((type) => type.trim().startsWith('application/x-ndjson')) === true;
}
