import type { IncomingMessage } from 'node:http';
import type { Principal } from '../auth/principal.js';
import { traceparentOf } from '../event-store/trace-context.js';
import type { ClientAddresses } from './client-address.js';
import type { RequestContext } from './request-context.js';
import { correlationIdOf } from './request-id.js';

/** The context of a request while the edge is establishing it. Only the edge sets the principal. */
export class EdgeContext implements RequestContext {
  declare principal?: Principal;
  declare readonly traceparent?: string;
  readonly correlationId: string;

  constructor(
    readonly requestId: string,
    private readonly raw: IncomingMessage,
    private readonly addresses: ClientAddresses,
  ) {
    this.correlationId = correlationIdOf(requestId);
    const traceparent = traceparentOf(raw.headers['traceparent'] as string | undefined);
    if (traceparent !== undefined) this.traceparent = traceparent;
  }

  /** Worked out when somebody asks: most requests never need it. */
  get clientAddress(): string {
    return this.addresses.of(this.raw);
  }
}
