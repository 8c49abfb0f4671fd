import { eventContract } from '../platform/event-store/event-contract.js';

interface MemoryOfAgent {
  readonly agentId: number;
  readonly agentName: string;
}

/** Stream `agentmemory-{id}`: the whole memory from here on; what was before need not be read. */
export interface AgentMemoryWritten {
  readonly type: 'AgentMemoryWritten';
  readonly data: MemoryOfAgent & {
    readonly content: string;
    /** Of the whole memory, in UTF-8. */
    readonly bytes: number;
    /** Set when it is an addition that was written together with all before. */
    readonly appendId: string | null;
  };
}

export interface AgentMemoryAppended {
  readonly type: 'AgentMemoryAppended';
  readonly data: MemoryOfAgent & {
    /** Exactly what was added, with the blank line before it. */
    readonly text: string;
    /** Of the whole memory, in UTF-8. */
    readonly bytes: number;
    readonly appendId: string;
  };
}

export interface AgentMemoryCleared {
  readonly type: 'AgentMemoryCleared';
  readonly data: MemoryOfAgent;
}

export type AgentMemoryEvent = AgentMemoryWritten | AgentMemoryAppended | AgentMemoryCleared;

const agent = { agentId: { type: 'integer', minimum: 1 }, agentName: { type: 'string', minLength: 1, maxLength: 100 } };
const bytes = { type: 'integer', minimum: 0 };
const appendId = { type: 'string', minLength: 1, maxLength: 100 };
const content = { type: 'string', minLength: 1 };

function object(properties: Record<string, object>) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

const stream = 'agentmemory-{id}';
const producer = 'agents';
const frame = 'activity.created';

export const agentMemoryEventContracts = [
  eventContract<AgentMemoryWritten>({
    type: 'AgentMemoryWritten',
    stream,
    description: 'The working memory of an agent was set as a whole.',
    producer,
    frame,
    personal: ['content'],
    schema: object({ ...agent, content, bytes, appendId: { ...appendId, type: ['string', 'null'] } }),
  }),
  eventContract<AgentMemoryAppended>({
    type: 'AgentMemoryAppended',
    stream,
    description: 'Something was added at the end of the working memory of an agent.',
    producer,
    frame,
    personal: ['text'],
    schema: object({ ...agent, text: content, bytes, appendId }),
  }),
  eventContract<AgentMemoryCleared>({
    type: 'AgentMemoryCleared',
    stream,
    description: 'The working memory of an agent was emptied.',
    producer,
    frame,
    schema: object(agent),
  }),
];
