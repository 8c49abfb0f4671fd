import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { AccessRule } from '../auth/access-rule.js';
import type { AccessTable } from '../auth/access-table.js';
import type { Gatekeeper } from '../auth/gatekeeper.js';
import type { RateLimits } from '../rate-limit/rate-limits.js';
import type { Logger } from '../telemetry/logger.js';
import { countRequest, type RequestMetrics, type RouteFigures } from '../telemetry/request-metrics.js';
import { redactedUrl } from '../telemetry/redacted-url.js';
import type { AllowedHosts } from './allowed-hosts.js';
import { isProtobuf, parseBody, routedContentType } from './body-parser.js';
import type { ClientAddresses } from './client-address.js';
import { answeredPreflight, writeCorsHeaders } from './cors.js';
import type { Drain } from './drain.js';
import { EdgeContext } from './edge-context.js';
import { badRequest, notFound, Refusal } from './errors.js';
import { mayChange } from './origin-check.js';
import { refusalOf } from './refusal-of.js';
import { sendFailure, sendRefusal } from './refusal-reply.js';
import { API_HEADERS, SECURITY_HEADERS } from './security-headers.js';

const QUERY_LIMIT = 8 * 1024;
const ROUTED_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The rule of the matched route. */
    access?: AccessRule;
    /** Set where a path is known but the method is not: what `Allow` says. */
    allow?: string;
    figures?: RouteFigures;
  }
}

/** What the edge stands on. */
export interface EdgeParts {
  readonly table: AccessTable;
  readonly gatekeeper: Gatekeeper;
  readonly rateLimits: RateLimits;
  readonly hosts: AllowedHosts;
  readonly addresses: ClientAddresses;
  readonly corsOrigins: ReadonlySet<string>;
  readonly metrics: RequestMetrics;
  readonly drain: Drain;
  readonly logger: Logger;
}

/**
 * Everything that happens to a request before a handler sees it, in the order of the contract (1.9): host, origin and
 * limits, credentials, route, rate, role, then the body. It hangs on the matched route, never on a path. Refusals are
 * answered here, before any byte of a body is waited for.
 */
export class HttpEdge {
  private readonly methodsByUrl = new Map<string, Set<string>>();

  constructor(private readonly parts: EdgeParts) {}

  /** Before the routes are registered. */
  install(fastify: FastifyInstance): void {
    fastify.decorateRequest('mc');
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
      try {
        done(null, parseBody(request, bytes));
      } catch (error) {
        done(error as Error);
      }
    });
    fastify.addHook('onRoute', (route) => this.admitRoute(route));
    fastify.addHook('onRequest', this.onRequest);
    fastify.addHook('onResponse', this.onResponse);
  }

  /** After the routes are registered: a known path with another method is 405. */
  registerOtherMethods(fastify: FastifyInstance): void {
    for (const [url, known] of this.methodsByUrl) {
      const allow = [...known].join(', ');
      const method = ROUTED_METHODS.filter((name) => !known.has(name === 'HEAD' ? 'GET' : name));
      fastify.route({ method, url, config: { allow }, handler: (_, reply) => reply.callNotFound() });
    }
  }

  /** A target that the router could not read: no hook has run. */
  readonly unroutable = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    this.prepare(request, reply);
    const broken = refusalOf(error) ?? badRequest('Invalid path');
    const refused = this.beforeRouting(request, reply) ?? this.parts.gatekeeper.requireAnyone(request) ?? broken;
    if (refused instanceof Refusal) sendRefusal(reply, refused);
    else this.settle(refused, request, reply, () => sendRefusal(reply, broken));
  };

  private admitRoute(route: RouteOptions): void {
    if (route.config?.allow !== undefined) return;
    for (const method of [route.method].flat()) this.admit(route, method);
  }

  private admit(route: RouteOptions, method: string): void {
    const access = this.parts.table.ruleFor(method === 'HEAD' ? 'GET' : method, route.url);
    route.config = { ...route.config, access, figures: this.parts.metrics.forRoute(method, route.url) };
    route.bodyLimit = access.bodyLimit;
    if (access.limit === 'queue' && method === 'POST') route.preHandler = this.afterBody(access);
    if (method === 'HEAD' && !access.head) return;
    const methods = this.methodsByUrl.get(route.url) ?? new Set();
    this.methodsByUrl.set(route.url, methods.add(method));
  }

  private readonly onRequest = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    this.prepare(request, reply);
    this.parts.drain.begin();
    reply.raw.once('close', this.parts.drain.end);
    const early = this.beforeRouting(request, reply);
    if (early !== undefined) {
      sendRefusal(reply, early);
      return;
    }
    const { headers, method } = request.raw;
    if (answeredPreflight(method ?? '', headers, reply, this.parts.corsOrigins)) return;
    const admitted = this.parts.gatekeeper.admit(request);
    const refused =
      admitted instanceof Promise
        ? admitted.then((refusal) => refusal ?? this.afterCredentials(request, reply))
        : (admitted ?? this.afterCredentials(request, reply));
    if (refused === undefined) done();
    else if (refused instanceof Refusal) sendRefusal(reply, refused);
    else this.settle(refused, request, reply, done);
  };

  /** The slow path: a ticket to spend, or a bucket to fetch. */
  private settle(
    pending: Promise<Refusal | undefined>,
    request: FastifyRequest,
    reply: FastifyReply,
    done: () => void,
  ): void {
    const finish = (refused: Refusal | undefined) => {
      if (refused === undefined) done();
      else sendRefusal(reply, refused);
    };
    pending.then(finish, (error: unknown) => {
      const refusal = refusalOf(error);
      if (refusal !== undefined) return sendRefusal(reply, refusal);
      this.parts.logger.error({ err: error, requestId: request.mc.requestId }, 'failed at the edge');
      sendFailure(reply, 500, 'Internal server error');
    });
  }

  private prepare(request: FastifyRequest, reply: FastifyReply): void {
    const { raw } = request;
    request.mc = new EdgeContext(request.id, raw, this.parts.addresses);
    reply.headers(raw.url?.startsWith('/api') === true ? API_HEADERS : SECURITY_HEADERS);
    reply.header('x-request-id', request.id);
    writeCorsHeaders(reply, raw.headers.origin, this.parts.corsOrigins);
  }

  /** Step 1: host, origin, limits. */
  private beforeRouting(request: FastifyRequest, reply: FastifyReply): Refusal | undefined {
    const { headers, method = '', url = '' } = request.raw;
    if (headers.host === undefined && request.raw.httpVersion !== '1.0') return badRequest('Host header is missing');
    if (headers.host !== undefined && !this.parts.hosts.allows(headers.host))
      return new Refusal(403, 'Host not allowed');
    if (!mayChange(method, headers.origin, headers.host, this.parts.corsOrigins)) {
      return new Refusal(403, 'CSRF origin mismatch');
    }
    const query = url.indexOf('?');
    if (query !== -1 && url.length - query - 1 > QUERY_LIMIT) return new Refusal(431, 'Query string is too long');
    if (this.parts.drain.isDraining && request.routeOptions.config.access?.role !== 'public') {
      reply.header('connection', 'close');
      return new Refusal(503, 'Shutting down', {}, { 'retry-after': '1' });
    }
    return undefined;
  }

  /** Steps 3 to 6a: route, rate, role, and what the headers say about the body. */
  private afterCredentials(
    request: FastifyRequest,
    reply: FastifyReply,
  ): Refusal | undefined | Promise<Refusal | undefined> {
    const { access, allow } = request.routeOptions.config;
    if (allow !== undefined) return methodNotAllowed(allow);
    if (access === undefined) return notFound();
    if (request.raw.method === 'HEAD' && !access.head) return methodNotAllowed(this.allowedOn(request));
    if (request.raw.url?.includes('%00') === true) return badRequest('Invalid path or query');
    const limited = this.parts.rateLimits.take(access, request, reply);
    if (limited instanceof Promise) {
      return limited.then((refused) => refused ?? this.authorized(access, request));
    }
    return limited ?? this.authorized(access, request);
  }

  /** Step 4 once more, where only the body says whom a request is counted for. */
  private afterBody(access: AccessRule) {
    return async (request: FastifyRequest, reply: FastifyReply) => {
      const refused = await this.parts.rateLimits.takeNamed(access, request, reply);
      if (refused === undefined) return;
      sendRefusal(reply, refused);
      return reply;
    };
  }

  private authorized(access: AccessRule, request: FastifyRequest): Refusal | undefined {
    return this.parts.gatekeeper.authorize(access, request) ?? checkBodyHeaders(access, request);
  }

  private allowedOn(request: FastifyRequest): string {
    return [...(this.methodsByUrl.get(request.routeOptions.url ?? '') ?? [])].join(', ');
  }

  private readonly onResponse = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const status = reply.raw.statusCode;
    const figures = request.routeOptions.config.figures ?? this.unmatched;
    countRequest(figures, status, reply.elapsedTime / 1000);
    this.log(request, reply, status);
    done();
  };

  private get unmatched(): RouteFigures {
    return this.parts.metrics.forRoute('*', '(unmatched)');
  }

  private log(request: FastifyRequest, reply: FastifyReply, status: number): void {
    const { logger } = this.parts;
    const level = levelOf(status);
    if (!logger.isLevelEnabled(level)) return;
    logger[level](
      {
        requestId: request.mc.requestId,
        method: request.method,
        url: redactedUrl(request.raw.url ?? ''),
        status,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        credential: request.mc.principal?.credentialId,
        client: request.mc.clientAddress,
      },
      'request',
    );
  }
}

function levelOf(status: number): 'debug' | 'info' | 'warn' {
  if (status >= 500) return 'warn';
  return status >= 400 ? 'info' : 'debug';
}

function methodNotAllowed(allow: string): Refusal {
  return new Refusal(405, 'Method not allowed', {}, { allow });
}

const PLAIN_JSON = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/** What is signed is taken as it came: nothing but JSON in UTF-8, as the sender says it. */
function isPlainJson(contentType: string | undefined): boolean {
  return contentType !== undefined && PLAIN_JSON.test(contentType);
}

function unsupportedType(): Refusal {
  return new Refusal(415, 'Content-Type must be application/json');
}

function checkBodyHeaders(access: AccessRule, request: FastifyRequest): Refusal | undefined {
  const { headers } = request.raw;
  if (headers['content-encoding'] !== undefined) return new Refusal(415, 'Content-Encoding is not supported');
  const contentType = headers['content-type'];
  if (access.body === 'otlp' && contentType !== undefined && isProtobuf(contentType)) {
    return new Refusal(415, 'Only OTLP in JSON is accepted: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json');
  }
  if (access.body === 'raw') return isPlainJson(contentType) ? undefined : unsupportedType();
  if (contentType !== undefined) headers['content-type'] = routedContentType(contentType);
  return undefined;
}
