import type { Actor } from '../event-store/stored-event.js';

export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Who a request was proved to come from. Made from a credential, never from a body or a name in a header. */
export interface Principal {
  /** Stable id of the credential: rate limits, idempotency scope and stream limits count per this. */
  readonly credentialId: string;
  /** `header` callers understand 429; `cookie` and `ticket` callers may be a native EventSource. */
  readonly via: 'header' | 'cookie' | 'ticket';
  readonly role: Role;
  readonly scopes: readonly string[];
  readonly workspaceId: number;
  /** Set for a per-agent key: everything outside this agent is out of reach. */
  readonly agentId?: number;
  readonly actor: Actor;
  /** From `x-agent-name`: attribution only. */
  readonly attributedTo?: string;
  /** Via `ticket`: the query parameters that the ticket was asked for with; the stream is bound to them. */
  readonly ticketQuery?: Readonly<Record<string, string>>;
  /** When the credential ends, if it does. */
  readonly expiresAt?: Date;
}

export function hasRole(principal: Principal, role: Role): boolean {
  return roles.indexOf(principal.role) >= roles.indexOf(role);
}
