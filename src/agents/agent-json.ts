import type { AgentRow } from '../../projections/agent-status/agent-status.queries.js';
import type { Loaded } from '../platform/command/aggregates.js';
import { noDetail, type AgentDetail } from './agent-details.js';
import type { AgentState } from './agent.decider.js';

type AgentView = Omit<AgentRow, 'epoch' | 'revision' | 'connection'>;

/** Unix seconds, or null. */
export function unixSeconds(at: Date | null): number | null {
  return at === null ? null : Math.floor(at.getTime() / 1_000);
}

/** An agent as the contract shows it. */
export function agentJson(agent: AgentView, detail: AgentDetail = noDetail) {
  return {
    id: agent.id,
    name: agent.name,
    role: agent.role,
    session_key: agent.sessionKey,
    soul_content: agent.soulContent,
    status: agent.status,
    last_seen: unixSeconds(agent.lastSeen),
    last_activity: agent.lastActivity,
    created_at: unixSeconds(agent.createdAt),
    updated_at: unixSeconds(agent.updatedAt),
    config: agent.config,
    workspace_id: agent.workspaceId,
    source: agent.source,
    hidden: false,
    working_memory: detail.workingMemory,
    runtime_type: agent.runtimeType,
    taskStats: detail.taskStats,
  };
}

export function connectionJson(connection: AgentRow['connection']) {
  return (
    connection && {
      connection_id: connection.connectionId,
      tool_name: connection.toolName,
      created_at: unixSeconds(connection.createdAt),
      last_heartbeat: unixSeconds(connection.lastHeartbeat),
    }
  );
}

/** The agent right after a command, from its own stream: the read model may still be on its way, or away. */
export function viewOf({ state, workspaceId, firstAt, lastAt }: Loaded<AgentState>): AgentView {
  if (state.kind === 'none' || firstAt === undefined || lastAt === undefined || workspaceId === undefined) {
    throw new Error('an agent without events has no view');
  }
  return {
    id: state.agentId,
    workspaceId,
    name: state.name,
    role: state.profile.role,
    status: state.status,
    source: state.source,
    sessionKey: state.profile.sessionKey,
    soulContent: state.profile.soulContent,
    config: state.profile.config,
    runtimeType: state.profile.runtimeType,
    lastSeen: null,
    lastActivity: state.lastActivity,
    createdAt: firstAt,
    updatedAt: lastAt,
  };
}
