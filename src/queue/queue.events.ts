import { eventContract } from '../platform/event-store/event-contract.js';

/** A task that the agent was seen to have in progress when its stream stood at `revision`. */
export interface HeldTask {
  readonly taskId: number;
  readonly revision: number;
}

/**
 * Stream `holder-{uuid}`, one an agent: the agent is about to take this task, and this is all that it had at that moment.
 * The claim itself follows on the task's stream, right after `taskRevision` or never, with ids derived from `leaseId`: so
 * everybody can tell whether it came, and finish it when it is still open.
 */
export interface ClaimIntended {
  readonly type: 'ClaimIntended';
  readonly data: {
    readonly agent: string;
    /** Null: no agent has registered under the name. */
    readonly agentId: number | null;
    readonly taskId: number;
    readonly taskRevision: number;
    readonly leaseId: string;
    readonly leaseSeconds: number;
    readonly held: readonly HeldTask[];
  };
}

const id = { type: 'integer', minimum: 1 };
const revision = { type: 'integer', minimum: 0 };
const properties = {
  agent: { type: 'string', minLength: 1, maxLength: 100 },
  agentId: { type: ['integer', 'null'], minimum: 1 },
  taskId: id,
  taskRevision: revision,
  leaseId: { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' },
  leaseSeconds: { type: 'integer', minimum: 1 },
  held: {
    type: 'array',
    items: {
      type: 'object',
      properties: { taskId: id, revision },
      required: ['taskId', 'revision'],
      additionalProperties: false,
    },
  },
};

export const queueEventContracts = [
  eventContract<ClaimIntended>({
    type: 'ClaimIntended',
    stream: 'holder-{uuid}',
    description: 'An agent is about to take a task: its claims come one after the other, so that its capacity holds.',
    producer: 'queue',
    schema: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
  }),
];
