import type { AgentMemoryEvent } from '../../src/agents/agent-memory.events.js';
import { defineProjection } from '../engine/projection.js';
import { foldAgentMemory, type AgentMemoryChanges } from './agent-memory.fold.js';
import { agentMemoryTables } from './agent-memory.tables.js';
import { writeAgentMemory } from './agent-memory.writer.js';

export const agentMemory = defineProjection<AgentMemoryEvent, AgentMemoryChanges>({
  name: 'agent-memory',
  policy: 'park-key',
  handles: ['AgentMemoryWritten', 'AgentMemoryAppended', 'AgentMemoryCleared'],
  tables: agentMemoryTables,
  keyOf: ({ stream }) => stream,
  fold: foldAgentMemory,
  write: writeAgentMemory,
});
