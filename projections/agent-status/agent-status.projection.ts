import { isReadable } from '../../src/platform/event-store/event-store.js';
import { defineProjection } from '../engine/projection.js';
import { type AgentStatusChanges, type AgentStatusEvent, foldAgentStatus } from './agent-status.fold.js';
import { agentStatusTables } from './agent-status.tables.js';
import { writeAgentStatus } from './agent-status.writer.js';

export const agentStatus = defineProjection<AgentStatusEvent, AgentStatusChanges>({
  name: 'agent-status',
  policy: 'park-key',
  handles: [
    'AgentRegistered',
    'AgentRenamed',
    'AgentReconfigured',
    'AgentStatusChanged',
    'AgentRetired',
    'ConnectionOpened',
    'ConnectionClosed',
    'HeartbeatsSummarised',
  ],
  tables: agentStatusTables,
  // An agent and its connections are one key: the agent's stream. Summaries lie in the connection's stream.
  keyOf: (entry) =>
    isReadable(entry) && 'agentId' in entry.data ? `agent-${String(entry.data.agentId)}` : entry.stream,
  fold: foldAgentStatus,
  write: writeAgentStatus,
});
