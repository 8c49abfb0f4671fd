import { eventContract } from '../platform/event-store/event-contract.js';

/** Stream `connection-{uuid}`: which agent a connection id belongs to. Written before the agent's stream opens it. */
export interface ConnectionAssigned {
  readonly type: 'ConnectionAssigned';
  readonly data: { readonly connectionId: string; readonly agentId: number };
}

/**
 * Stream `connection-{uuid}`: the permanent proof of liveness, written every few minutes and at the end, and complete
 * when the raw beats have been removed by their retention.
 */
export interface HeartbeatsSummarised {
  readonly type: 'HeartbeatsSummarised';
  readonly data: {
    readonly connectionId: string;
    readonly agentId: number;
    /** First and last beat, ISO 8601. */
    readonly from: string;
    readonly to: string;
    readonly count: number;
    /** Longest silence between two beats, ms. */
    readonly largestGapMs: number;
    /** SHA-256 chain over the event ids of the raw beats, in log order, hex. */
    readonly digest: string;
    readonly final: boolean;
  };
}

const connectionId = { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' };
const agentId = { type: 'integer', minimum: 1 };

export const connectionEventContracts = [
  eventContract<ConnectionAssigned>({
    type: 'ConnectionAssigned',
    stream: 'connection-{uuid}',
    description: 'A connection id was given to an agent, before the connection is opened on the agent.',
    producer: 'connections',
    schema: {
      type: 'object',
      properties: { connectionId, agentId },
      required: ['connectionId', 'agentId'],
      additionalProperties: false,
    },
  }),
  eventContract<HeartbeatsSummarised>({
    type: 'HeartbeatsSummarised',
    stream: 'connection-{uuid}',
    description: 'How a connection beat over a period: count, largest gap, digest over the raw beats.',
    producer: 'liveness',
    schema: {
      type: 'object',
      properties: {
        connectionId,
        agentId,
        from: { type: 'string' },
        to: { type: 'string' },
        count: { type: 'integer', minimum: 0 },
        largestGapMs: { type: 'integer', minimum: 0 },
        digest: { type: 'string', pattern: '^[0-9a-f]{64}$' },
        final: { type: 'boolean' },
      },
      required: ['connectionId', 'agentId', 'from', 'to', 'count', 'largestGapMs', 'digest', 'final'],
      additionalProperties: false,
    },
  }),
];
