import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { CredentialStatus } from '../../platform/auth/credential-status.js';
import type { Principal } from '../../platform/auth/principal.js';
import { TicketVerifier } from '../../platform/auth/ticket-verifier.js';
import { badRequest, unavailable } from '../../platform/http/errors.js';
import { FILTER_PARAMETERS, readFilter } from '../stream-filter.js';
import { isStartText } from '../stream-start.js';
import type { TicketTable } from './ticket-table.js';

export interface IssuedTicket {
  readonly ticket: string;
  readonly expiresAtMs: number;
}

/** A ticket is 128 random bits as base64url. */
const SHAPE = /^[A-Za-z0-9_-]{22}$/;
const VALID_SECONDS = 30;
const BOUND_PARAMETERS = [...FILTER_PARAMETERS, 'from'] as const;

/**
 * Tickets for `EventSource` without a cookie: 30 s, once over all replicas, bound to credential, workspace and filters.
 * Stored as HMAC; the ticket itself is nowhere but in the answer.
 */
export class Tickets extends TicketVerifier {
  readonly #keys: readonly Buffer[];

  constructor(
    private readonly table: TicketTable,
    private readonly credentials: CredentialStatus,
    /** Newest first: tickets are issued under the first and accepted under all. */
    masterKeys: readonly Buffer[],
  ) {
    super();
    this.#keys = masterKeys.map((key) =>
      Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'mc/event-ticket/v1', 32)),
    );
  }

  /** Errors: 400 for malformed filters; 503 when the table is away. */
  async issue(principal: Principal, asked: Readonly<Record<string, unknown>>): Promise<IssuedTicket> {
    const query = boundQuery(asked);
    const ticket = randomBytes(16).toString('base64url');
    const [newest] = this.#keys;
    if (newest === undefined) throw new Error('there is no master key to issue tickets under');
    try {
      const expiresAtMs = await this.table.add(digestOf(ticket, newest), { principal, query }, VALID_SECONDS);
      return { ticket, expiresAtMs };
    } catch (error) {
      throw ticketsAway(error);
    }
  }

  override async redeem(ticket: string, query: Readonly<Record<string, unknown>>): Promise<Principal | undefined> {
    if (!SHAPE.test(ticket)) return undefined;
    const grant = await this.#spend(ticket);
    if (grant === undefined) return undefined;
    if (BOUND_PARAMETERS.some((name) => query[name] !== undefined && !sameParameter(name, query, grant.query))) {
      return undefined;
    }
    if (!(await this.#isActive(grant.principal))) return undefined;
    return { ...grant.principal, via: 'ticket', ticketQuery: grant.query };
  }

  async #spend(ticket: string) {
    try {
      return await this.table.spend(this.#keys.map((key) => digestOf(ticket, key)));
    } catch (error) {
      throw ticketsAway(error);
    }
  }

  async #isActive(principal: Principal): Promise<boolean> {
    try {
      return await this.credentials.isActive(principal);
    } catch (error) {
      throw ticketsAway(error);
    }
  }
}

/** The parameters as a query string would hold them, checked. */
function boundQuery(asked: Readonly<Record<string, unknown>>): Record<string, string> {
  readFilter(asked);
  const { from } = asked;
  if (from !== undefined && !isStartText(from)) throw badRequest('Invalid position');
  return Object.fromEntries(
    BOUND_PARAMETERS.flatMap((name) => {
      const value = asked[name];
      return value === undefined ? [] : [[name, textOf(value)]];
    }),
  );
}

function sameParameter(
  name: string,
  given: Readonly<Record<string, unknown>>,
  bound: Readonly<Record<string, string>>,
): boolean {
  return textOf(given[name]) === bound[name];
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',');
  if (value === true) return '1';
  if (value === false) return '0';
  return String(value);
}

function digestOf(ticket: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(ticket).digest();
}

function ticketsAway(cause: unknown): Error {
  const refusal = unavailable('Tickets are not available now');
  refusal.cause = cause;
  return refusal;
}
