import type { Principal } from './principal.js';

/** Spends the single-use tickets of `GET /api/events?ticket=`. */
export abstract class TicketVerifier {
  /**
   * The principal that asked for the ticket (with `via: 'ticket'`), or undefined when it is unknown, late, spent, was
   * asked for with other filters, or its credential no longer stands. Spends it in any case. Rejects with a `Refusal`
   * of 503 when the tickets cannot be read now.
   */
  abstract redeem(ticket: string, query: Readonly<Record<string, unknown>>): Promise<Principal | undefined>;
}
