import { eventContract } from '../platform/event-store/event-contract.js';

/** Stream `heartbeat-{shard}`, `$maxAge`: evidence with retention. No read model depends on it beyond a lease. */
export interface HeartbeatReceived {
  readonly type: 'HeartbeatReceived';
  readonly data: {
    readonly agentId: number;
    /** The open connection that the beat counts for; null when the agent has none. */
    readonly connectionId: string | null;
    readonly epoch: number | null;
    readonly lastActivity?: string;
  };
}

export const heartbeatEventContracts = [
  eventContract<HeartbeatReceived>({
    type: 'HeartbeatReceived',
    stream: 'heartbeat-{shard}',
    description: 'An agent gave a sign of life.',
    producer: 'heartbeats',
    retention: 'maxAge',
    schema: {
      type: 'object',
      properties: {
        agentId: { type: 'integer', minimum: 1 },
        connectionId: { type: ['string', 'null'] },
        epoch: { type: ['integer', 'null'] },
        lastActivity: { type: 'string', maxLength: 500 },
      },
      required: ['agentId', 'connectionId', 'epoch'],
      additionalProperties: false,
    },
  }),
];
