import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CurrentCaller, type Caller } from '../platform/http/request-context.js';
import { LiveStreams } from './live-streams.js';

/**
 * The raw reply, by hand: the framework's own event streams invent ids, which would move the cursors of the listeners.
 * Everything that may be refused is refused before `hijack()`; after it an exception would leave the response open.
 */
@Controller('api/events')
export class EventsController {
  constructor(private readonly streams: LiveStreams) {}

  @Get()
  async stream(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    const httpMajor = request.raw.httpVersionMajor;
    const prepared = await this.streams.prepare({
      principal: caller.principal,
      headers: request.headers,
      query: request.query as Readonly<Record<string, unknown>>,
    });
    // What hooks have set (CORS, security headers) would not be sent after hijacking.
    const headers = reply.getHeaders();
    reply.hijack();
    if (prepared.kind === 'stream') this.streams.begin(prepared, reply.raw, headers, httpMajor);
    else this.streams.sendLater(reply.raw, headers, httpMajor);
  }
}
