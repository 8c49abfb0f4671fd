import type { FastifyRequest } from 'fastify';
import { badRequest, Refusal } from '../http/errors.js';
import { networkOf } from '../http/network.js';
import type { AccessRule } from './access-rule.js';
import { type Authentication, type Authenticator, unauthenticated } from './authenticator.js';
import { refusedAccess, refusedPast } from './authorization.js';
import { hasKeyInQuery } from './presented-key.js';
import type { Principal } from './principal.js';
import type { RefusalJournal, RefusedKind } from './refusal-journal.js';
import type { TicketVerifier } from './ticket-verifier.js';
import type { WrongKeys } from './wrong-keys.js';

/** Who gets in: credentials (step 2 of the contract's order) and role or scope (step 5). */
export class Gatekeeper {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly wrongKeys: WrongKeys,
    private readonly journal: RefusalJournal,
    private readonly tickets: TicketVerifier | undefined,
  ) {}

  /** Sets the principal of the request's context, or says why nobody comes in. */
  admit(request: FastifyRequest): Refusal | undefined | Promise<Refusal | undefined> {
    const { access } = request.routeOptions.config;
    if (request.is404 && !isApiPath(request)) return undefined;
    if (hasKeyInQuery(request.raw.url ?? '')) return this.refuse('key_in_query', request);
    if (access?.role === 'public' || isPublicAction(access, request)) return undefined;
    if (access?.ticket === true) {
      const ticket = this.ticketOf(request);
      if (ticket !== undefined) return this.redeem(ticket, request);
    }
    return this.requireAnyone(request);
  }

  /** Any valid key, whatever its role. */
  requireAnyone(request: FastifyRequest): Refusal | undefined | Promise<Refusal | undefined> {
    const found = this.authenticator.authenticate(request.raw.headers, isRead(request));
    return found instanceof Promise
      ? found.then((authentication) => this.judge(authentication, request))
      : this.judge(found, request);
  }

  authorize(access: AccessRule, request: FastifyRequest): Refusal | undefined {
    const { principal } = request.mc;
    if (principal === undefined) return undefined;
    const refused =
      refusedAccess(access, principal) ?? (asksForThePast(request) ? refusedPast(access, principal) : undefined);
    if (refused?.status === 403) {
      const { credentialId } = principal;
      this.journal.record('role_refused', request.mc, access.path, { credentialId });
    }
    return refused;
  }

  private judge(found: Authentication, request: FastifyRequest): Refusal | undefined {
    switch (found.kind) {
      case 'principal':
        setPrincipal(request, found.principal);
        return undefined;
      case 'anonymous':
        return unauthenticated();
      case 'conflicting':
        this.record('conflicting_credentials', request);
        return new Refusal(400, 'Conflicting credentials');
      case 'refused':
        return this.wrongKey(request);
      case 'misattributed':
        return badRequest('Invalid x-agent-name');
    }
  }

  private ticketOf(request: FastifyRequest): string | undefined {
    const { 'x-api-key': apiKey, authorization } = request.raw.headers;
    if (apiKey !== undefined || authorization !== undefined) return undefined;
    const { ticket } = request.query as Record<string, unknown>;
    return typeof ticket === 'string' ? ticket : undefined;
  }

  private async redeem(ticket: string, request: FastifyRequest): Promise<Refusal | undefined> {
    const query = request.query as Record<string, unknown>;
    const principal = await this.tickets?.redeem(ticket, query);
    if (principal === undefined) return this.refuse('bad_ticket', request);
    setPrincipal(request, principal);
    return undefined;
  }

  private wrongKey(request: FastifyRequest): Refusal {
    const refused = this.refuse('unknown_key', request);
    const network = networkOf(request.mc.clientAddress, { v4: 32, v6: 64 });
    const waitSeconds = this.wrongKeys.refused(network, performance.now());
    if (waitSeconds === 0) return refused;
    return new Refusal(
      429,
      'Too many requests. Please try again later.',
      {},
      {
        'retry-after': String(waitSeconds),
        'ratelimit-limit': '10',
        'ratelimit-remaining': '0',
        'ratelimit-reset': String(waitSeconds),
      },
    );
  }

  private refuse(kind: RefusedKind, request: FastifyRequest): Refusal {
    this.record(kind, request);
    return unauthenticated();
  }

  private record(kind: RefusedKind, request: FastifyRequest): void {
    this.journal.record(kind, request.mc, request.routeOptions.config.access?.path);
  }
}

function isApiPath(request: FastifyRequest): boolean {
  const { url = '' } = request.raw;
  return url === '/api' || url.startsWith('/api/') || url.startsWith('/api?');
}

/** Routes whose GET takes work or opens a stream have no HEAD: they are no mere reads. */
function isRead({ raw, routeOptions }: FastifyRequest): boolean {
  return (raw.method === 'GET' || raw.method === 'HEAD') && routeOptions.config.access?.head !== false;
}

function asksForThePast(request: FastifyRequest): boolean {
  const { asOf } = request.query as Record<string, unknown>;
  return asOf !== undefined && (request.raw.method === 'GET' || request.raw.method === 'HEAD');
}

function isPublicAction(access: AccessRule | undefined, request: FastifyRequest): boolean {
  if (access?.publicAction === undefined) return false;
  return (request.query as Record<string, unknown>)['action'] === access.publicAction;
}

function setPrincipal(request: FastifyRequest, principal: Principal): void {
  (request.mc as { principal?: Principal }).principal = principal;
}
