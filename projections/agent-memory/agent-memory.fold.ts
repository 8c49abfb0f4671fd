import type { AgentMemoryEvent } from '../../src/agents/agent-memory.events.js';
import type { Stored } from '../engine/projection.js';

/** What a batch says about the memory of one agent: what it is from now on, or what is added to it. */
export interface MemoryChange {
  readonly agentId: number;
  readonly workspaceId: number;
  readonly isWhole: boolean;
  readonly text: string;
  readonly bytes: number;
  readonly updatedAt: string;
  /** Of the memory's stream, of the last event folded. */
  readonly revision: bigint;
}

export type AgentMemoryChanges = ReadonlyMap<number, MemoryChange>;

export function foldAgentMemory(events: readonly Stored<AgentMemoryEvent>[]): AgentMemoryChanges {
  const changes = new Map<number, MemoryChange>();
  for (const event of events) {
    const { agentId } = event.data;
    const before = changes.get(agentId);
    changes.set(agentId, {
      agentId,
      workspaceId: event.metadata.workspaceId,
      ...contentAfter(before, event),
      updatedAt: event.metadata.recordedAt,
      revision: event.revision,
    });
  }
  return changes;
}

function contentAfter(
  before: MemoryChange | undefined,
  event: Stored<AgentMemoryEvent>,
): Pick<MemoryChange, 'isWhole' | 'text' | 'bytes'> {
  switch (event.type) {
    case 'AgentMemoryWritten':
      return { isWhole: true, text: event.data.content, bytes: event.data.bytes };
    case 'AgentMemoryCleared':
      return { isWhole: true, text: '', bytes: 0 };
    case 'AgentMemoryAppended':
      return {
        isWhole: before?.isWhole ?? false,
        text: (before?.text ?? '') + event.data.text,
        bytes: event.data.bytes,
      };
    default:
      return event satisfies never;
  }
}
