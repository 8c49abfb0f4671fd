import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../auth/principal.js';

/** What the edge has established about a request before any handler sees it. */
export interface RequestContext {
  /** The `X-Request-Id` of the answer and of the log lines. */
  readonly requestId: string;
  /** The request id when it is a UUID, else a new UUID: all facts of one request share it. */
  readonly correlationId: string;
  readonly traceparent?: string;
  readonly clientAddress: string;
  /** Absent on public routes only. */
  readonly principal?: Principal;
}

declare module 'fastify' {
  interface FastifyRequest {
    mc: RequestContext;
  }
}

/** A request on a guarded route, where the principal is certain. */
export interface Caller extends RequestContext {
  readonly principal: Principal;
}

/** `@CurrentCaller() caller: Caller` in a controller method of a guarded route. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { mc } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!isCaller(mc)) throw new Error('a guarded route was reached without a principal');
  return mc;
});

function isCaller(context: RequestContext): context is Caller {
  return context.principal !== undefined;
}
