import type { AgentEvent, AgentProfile, AgentRegistered, AgentStatus } from '../../src/agents/agents.events.js';
import type { HeartbeatsSummarised } from '../../src/connections/connections.events.js';
import type { Stored } from '../engine/projection.js';

export type AgentStatusEvent = AgentEvent | HeartbeatsSummarised;

/** What a batch says about one agent. An absent field was not touched; `null` was set to nothing. */
export interface AgentChange {
  readonly agentId: number;
  /** Set when the batch holds the registration: then the change is the whole row. */
  registered?: { readonly source: string; readonly workspaceId: number; readonly at: string };
  name?: string;
  role?: string;
  status?: AgentStatus;
  sessionKey?: string | null;
  soulContent?: string | null;
  config?: AgentProfile['config'];
  runtimeType?: string | null;
  lastActivity?: string;
  lastActivityAt?: string;
  connectionId?: string | null;
  epoch?: number;
  retiredAt?: string;
  updatedAt: string;
  /** Of the agent's stream, of the last event folded: an older change never overwrites a newer one. */
  revision: bigint;
}

export interface OpenedConnection {
  readonly number: bigint;
  readonly agentId: number;
  readonly workspaceId: number;
  readonly toolName: string;
  readonly toolVersion: string | null;
  readonly metadata: object | null;
  readonly epoch: number;
  readonly openedAt: string;
}

export interface ClosedConnection {
  readonly at: string;
  readonly reason: string;
  readonly replacedBy: string | null;
}

export interface ConnectionChange {
  readonly connectionId: string;
  opened?: OpenedConnection;
  closed?: ClosedConnection;
  updatedAt: string;
  revision: bigint;
}

export interface AgentStatusChanges {
  readonly agents: ReadonlyMap<number, AgentChange>;
  readonly connections: ReadonlyMap<string, ConnectionChange>;
  /** Last summarised beat per connection. */
  readonly lastBeats: ReadonlyMap<string, string>;
}

export function foldAgentStatus(events: readonly Stored<AgentStatusEvent>[]): AgentStatusChanges {
  const agents = new Map<number, AgentChange>();
  const connections = new Map<string, ConnectionChange>();
  const lastBeats = new Map<string, string>();

  for (const event of events) {
    if (event.type === 'HeartbeatsSummarised') {
      const known = lastBeats.get(event.data.connectionId);
      if (known === undefined || known < event.data.to) lastBeats.set(event.data.connectionId, event.data.to);
      continue;
    }
    foldAgent(changeOf(agents, event), event);
    if (event.type === 'ConnectionOpened' || event.type === 'ConnectionClosed') foldConnection(connections, event);
  }
  return { agents, connections, lastBeats };
}

function changeOf(agents: Map<number, AgentChange>, event: Stored<AgentEvent>): AgentChange {
  const { agentId } = event.data;
  let change = agents.get(agentId);
  if (change === undefined) {
    change = { agentId, updatedAt: event.metadata.recordedAt, revision: event.revision };
    agents.set(agentId, change);
  }
  change.updatedAt = event.metadata.recordedAt;
  change.revision = event.revision;
  return change;
}

function foldAgent(change: AgentChange, event: Stored<AgentEvent>): void {
  const at = event.metadata.recordedAt;
  switch (event.type) {
    case 'AgentRegistered':
      Object.assign(change, rowOf(event.data), {
        registered: { source: event.data.source, workspaceId: event.metadata.workspaceId, at },
      });
      return;
    case 'AgentRenamed':
      change.name = event.data.name;
      return;
    case 'AgentReconfigured': {
      const { lastActivity, ...profile } = event.data.changes;
      Object.assign(change, profile);
      if (lastActivity !== undefined) noteActivity(change, lastActivity, at);
      return;
    }
    case 'AgentStatusChanged':
      change.status = event.data.status;
      if (event.data.lastActivity !== undefined) noteActivity(change, event.data.lastActivity, at);
      return;
    case 'AgentRetired':
      change.retiredAt = at;
      change.connectionId = null;
      return;
    case 'ConnectionOpened':
      change.connectionId = event.data.connectionId;
      change.epoch = event.data.epoch;
      return;
    case 'ConnectionClosed':
      change.connectionId = null;
  }
}

function rowOf(data: AgentRegistered['data']): Partial<AgentChange> {
  return { name: data.name, status: data.status, ...data.profile };
}

function noteActivity(change: AgentChange, text: string, at: string): void {
  change.lastActivity = text;
  change.lastActivityAt = at;
}

function foldConnection(
  connections: Map<string, ConnectionChange>,
  event: Extract<Stored<AgentEvent>, { type: 'ConnectionOpened' | 'ConnectionClosed' }>,
): void {
  const { connectionId } = event.data;
  const at = event.metadata.recordedAt;
  const change = connections.get(connectionId) ?? { connectionId, updatedAt: at, revision: event.revision };
  connections.set(connectionId, change);
  change.updatedAt = at;
  change.revision = event.revision;
  if (event.type === 'ConnectionOpened') {
    const { agentId, toolName, toolVersion, metadata, epoch } = event.data;
    change.opened = {
      number: event.position.commit,
      agentId,
      workspaceId: event.metadata.workspaceId,
      toolName,
      toolVersion,
      metadata,
      epoch,
      openedAt: at,
    };
  } else {
    change.closed = { at, reason: event.data.reason, replacedBy: event.data.replacedBy ?? null };
  }
}
