import type {
  AgentReconfigured,
  AgentRegistered,
  AgentRenamed,
  AgentRetired,
  AgentStatusChanged,
  ConnectionClosed,
  ConnectionOpened,
  StatusReason,
} from '../../agents/agents.events.js';
import type { EventMetadata } from '../../platform/event-store/stored-event.js';
import { frameMapping, type FrameSubject } from './frame-mapping.js';

/** Reasons that are themselves a sign of life: the agent was seen when the fact was recorded. */
const SEEN_BY: readonly StatusReason[] = ['connect', 'disconnect', 'heartbeat', 'register'];

const PUBLIC_FIELD: Readonly<Record<string, string>> = {
  role: 'role',
  sessionKey: 'session_key',
  soulContent: 'soul_content',
  config: 'config',
  runtimeType: 'runtime_type',
  lastActivity: 'last_activity',
};

export const agentFrames = [
  frameMapping<AgentRegistered>({
    event: 'AgentRegistered',
    frame: 'agent.created',
    map: ({ agentId, name, status, profile }) => ({
      data: { id: agentId, name, role: profile.role, status },
      about: agent(agentId, name),
    }),
  }),
  frameMapping<AgentRenamed>({
    event: 'AgentRenamed',
    frame: 'agent.updated',
    map: ({ agentId, name, previousName }) => ({
      data: { id: agentId, name, previous_name: previousName, changes: ['name'] },
      about: { agentIds: [agentId], agentNames: [name, previousName] },
    }),
  }),
  frameMapping<AgentReconfigured>({
    event: 'AgentReconfigured',
    frame: 'agent.updated',
    map: ({ agentId, name, changes }) => ({
      data: {
        id: agentId,
        name,
        role: changes.role,
        changes: Object.keys(changes).flatMap((field) => PUBLIC_FIELD[field] ?? []),
      },
      about: agent(agentId, name),
    }),
  }),
  frameMapping<AgentStatusChanged>({
    event: 'AgentStatusChanged',
    frame: 'agent.status_changed',
    map: ({ agentId, name, status, previousStatus, reason, lastActivity }, metadata) => ({
      data: {
        id: agentId,
        name,
        status,
        previous_status: previousStatus,
        last_seen: SEEN_BY.includes(reason) ? recordedSecond(metadata) : null,
        last_activity: lastActivity ?? null,
        reason,
      },
      about: agent(agentId, name),
    }),
  }),
  frameMapping<AgentRetired>({
    event: 'AgentRetired',
    frame: 'agent.deleted',
    map: ({ agentId, name }) => ({ data: { id: agentId, name }, about: agent(agentId, name) }),
  }),
  frameMapping<ConnectionOpened>({
    event: 'ConnectionOpened',
    frame: 'connection.created',
    map: ({ connectionId, agentId, agentName, toolName, toolVersion, epoch }) => ({
      data: {
        connection_id: connectionId,
        agent_id: agentId,
        agent_name: agentName,
        tool_name: toolName,
        tool_version: toolVersion,
        epoch,
      },
      about: agent(agentId, agentName),
    }),
  }),
  frameMapping<ConnectionClosed>({
    event: 'ConnectionClosed',
    frame: 'connection.disconnected',
    map: ({ connectionId, agentId, agentName, reason, replacedBy }) => ({
      data: {
        connection_id: connectionId,
        agent_id: agentId,
        agent_name: agentName,
        reason,
        replaced_by: replacedBy,
      },
      about: agent(agentId, agentName),
    }),
  }),
];

function agent(id: number, name: string): FrameSubject {
  return { agentIds: [id], agentNames: [name] };
}

function recordedSecond({ recordedAt }: EventMetadata): number {
  return Math.floor(Date.parse(recordedAt) / 1000);
}
