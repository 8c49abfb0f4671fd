import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Logger } from '../telemetry/logger.js';
import { refusalOf } from './refusal-of.js';
import { sendFailure, sendRefusal } from './refusal-reply.js';

/** The one place where errors become answers. What is not a refusal is our bug: 500, no details, logged with the request id. */
@Catch()
export class RefusalFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const refusal = refusalOf(error);
    if (refusal === undefined && clientIsGone(request, error)) {
      reply.raw.destroy();
      return;
    }
    if (refusal === undefined) this.report(error, request);
    if (refusal?.status === 503) this.logger.warn({ err: error, requestId: request.mc.requestId }, 'answered 503');
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (refusal === undefined) sendFailure(reply, 500, 'Internal server error');
    else sendRefusal(reply, refusal);
  }

  private report(error: unknown, request: FastifyRequest): void {
    const { requestId } = request.mc;
    this.logger.error({ err: error, requestId, method: request.method, route: request.routeOptions.url }, 'failed');
  }
}

/** The body broke off because the connection did: nobody is left to answer. */
function clientIsGone(request: FastifyRequest, error: unknown): boolean {
  return request.raw.destroyed && error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
}
