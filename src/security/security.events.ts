import type { RefusedKind } from '../platform/auth/refusal-journal.js';
import { eventContract } from '../platform/event-store/event-contract.js';

/** Stream `security`: refused access, folded to one event per (kind, source, reason, minute), so that a flood cannot grow the log. */
export interface AccessRefused {
  readonly type: 'AccessRefused';
  readonly data: {
    readonly kind: RefusedKind;
    /** Keyed hash of the client address, or the id of the key. Never an address, never a key. */
    readonly source: string;
    /** The /24 or /48 network of the address. */
    readonly network: string;
    /** Start of the minute, ISO 8601. */
    readonly minute: string;
    readonly count: number;
    readonly route?: string;
    /** Of kinds that have several: what was wrong with a signature, or a target. */
    readonly reason?: string;
  };
}

export const securityEventContracts = [
  eventContract<AccessRefused>({
    type: 'AccessRefused',
    version: 2,
    stream: 'security',
    description: 'Requests were refused: how many, of which kind, from which network, in one minute.',
    producer: 'security',
    schema: {
      type: 'object',
      properties: {
        kind: {
          enum: [
            'unknown_key',
            'key_in_query',
            'role_refused',
            'bad_ticket',
            'conflicting_credentials',
            'callback_refused',
            'webhook_target_refused',
          ],
        },
        source: { type: 'string' },
        network: { type: 'string' },
        minute: { type: 'string' },
        count: { type: 'integer', minimum: 1 },
        route: { type: 'string' },
        reason: { type: 'string' },
      },
      required: ['kind', 'source', 'network', 'minute', 'count'],
      additionalProperties: false,
    },
    upcasters: { 1: (data) => data },
  }),
];
