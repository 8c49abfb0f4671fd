import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/**
 * The second net: whatever way a request came to a handler, the edge has judged it by its access rule and left a
 * principal. Otherwise it is our bug, and the answer is 500.
 */
@Injectable()
export class PrincipalGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { access } = request.routeOptions.config;
    if (access === undefined) throw new Error('a handler was reached without an access rule');
    if (request.mc.principal !== undefined || access.role === 'public' || access.publicAction !== undefined)
      return true;
    throw new Error('a guarded route was reached without a principal');
  }
}
