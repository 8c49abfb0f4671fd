import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import type {
  AgentEvent,
  AgentProfile,
  AgentStatus,
  CloseReason,
  ConnectionClosed,
  StatusReason,
} from './agents.events.js';

export const agentStream = (agentId: number): string => `agent-${agentId}`;

export type AgentCommand =
  | { readonly type: 'RegisterAgent'; readonly registration: Registration }
  | {
      readonly type: 'OpenConnection';
      /** Used only when the agent does not exist yet; an agent that goes by another name by now is refused. */
      readonly registration: Registration;
      readonly connection: ConnectionRequest;
    }
  | { readonly type: 'CloseConnection'; readonly connectionId: string }
  | { readonly type: 'ExpireConnection'; readonly connectionId: string; readonly epoch: number }
  | { readonly type: 'TimeOutAgent' }
  | {
      readonly type: 'ChangeStatus';
      readonly status: AgentStatus;
      readonly reason: StatusReason;
      readonly lastActivity?: string;
      /** The connection that the change rests on (null: none). Another one by now: refused. */
      readonly epoch?: number | null;
    }
  | { readonly type: 'ReconfigureAgent'; readonly changes: AgentChanges }
  | { readonly type: 'RenameAgent'; readonly from: string; readonly name: string }
  | { readonly type: 'RetireAgent' };

export interface Registration {
  readonly agentId: number;
  readonly name: string;
  readonly status: AgentStatus;
  readonly source: 'connect' | 'api' | 'self';
  readonly profile: AgentProfile;
}

export interface ConnectionRequest {
  readonly connectionId: string;
  readonly toolName: string;
  readonly toolVersion: string | null;
  readonly metadata: ConnectionMetadata;
}

type ConnectionMetadata = Extract<AgentEvent, { type: 'ConnectionOpened' }>['data']['metadata'];
export type AgentChanges = Partial<AgentProfile> & { readonly lastActivity?: string };

export type AgentRefusal =
  'NotRegistered' | 'Retired' | 'NameChanged' | 'UnknownConnection' | 'StaleConnection' | 'StaleEpoch';

export interface OpenConnectionState {
  readonly id: string;
  readonly epoch: number;
  readonly toolName: string;
}

export interface RegisteredAgent {
  readonly kind: 'active' | 'retired';
  readonly agentId: number;
  readonly name: string;
  readonly status: AgentStatus;
  readonly source: Registration['source'];
  readonly profile: AgentProfile;
  readonly lastActivity: string | null;
  readonly epoch: number;
  readonly connection: OpenConnectionState | null;
  /** How the most recent connections ended, newest last. */
  readonly closed: readonly { readonly id: string; readonly reason: CloseReason }[];
}

export type AgentState = { readonly kind: 'none' } | RegisteredAgent;

export type AgentDecision = Decision<AgentEvent, AgentRefusal>;

const REMEMBERED_CONNECTIONS = 50;

function evolve(state: AgentState, event: AgentEvent): AgentState {
  if (event.type === 'AgentRegistered') {
    const { agentId, name, status, source, profile } = event.data;
    return {
      kind: 'active',
      agentId,
      name,
      status,
      source,
      profile,
      lastActivity: null,
      epoch: 0,
      connection: null,
      closed: [],
    };
  }
  if (state.kind === 'none') return state;
  switch (event.type) {
    case 'AgentRenamed':
      return { ...state, name: event.data.name };
    case 'AgentReconfigured': {
      const { lastActivity, ...profile } = event.data.changes;
      return {
        ...state,
        profile: { ...state.profile, ...profile },
        lastActivity: lastActivity ?? state.lastActivity,
      };
    }
    case 'AgentStatusChanged':
      return { ...state, status: event.data.status, lastActivity: event.data.lastActivity ?? state.lastActivity };
    case 'ConnectionOpened': {
      const { connectionId, epoch, toolName } = event.data;
      return { ...state, epoch, connection: { id: connectionId, epoch, toolName } };
    }
    case 'ConnectionClosed': {
      const { connectionId, reason } = event.data;
      return {
        ...state,
        connection: state.connection?.id === connectionId ? null : state.connection,
        closed: [...state.closed, { id: connectionId, reason }].slice(-REMEMBERED_CONNECTIONS),
      };
    }
    case 'AgentRetired':
      return { ...state, kind: 'retired', status: 'offline', connection: null };
    default:
      return state;
  }
}

function decide(command: AgentCommand, state: AgentState): AgentDecision {
  if (state.kind === 'none') return decideUnregistered(command);
  if (state.kind === 'retired') return command.type === 'RetireAgent' ? accepted() : refused('Retired');
  return decideActive(command, state);
}

function decideUnregistered(command: AgentCommand): AgentDecision {
  switch (command.type) {
    case 'RegisterAgent':
      return accepted(registered(command.registration));
    case 'OpenConnection':
      return accepted(
        registered({ ...command.registration, status: 'online' }),
        opened(command.connection, command.registration.agentId, command.registration.name, 1),
      );
    default:
      return refused('NotRegistered');
  }
}

function decideActive(command: AgentCommand, agent: RegisteredAgent): AgentDecision {
  switch (command.type) {
    case 'RegisterAgent':
      return accepted();
    case 'OpenConnection':
      if (command.registration.name !== agent.name) return refused('NameChanged');
      return decideOpen(command.connection, agent);
    case 'CloseConnection':
      if (agent.connection?.id === command.connectionId) {
        return accepted(...ended(agent, agent.connection, 'client', 'disconnect'));
      }
      return agent.closed.some(({ id }) => id === command.connectionId) ? accepted() : refused('UnknownConnection');
    case 'ExpireConnection':
      if (agent.connection?.id !== command.connectionId || agent.connection.epoch !== command.epoch) return accepted();
      return accepted(...ended(agent, agent.connection, 'expired', 'connection_expired'));
    case 'TimeOutAgent':
      return agent.connection === null ? accepted(...statusChange(agent, 'offline', 'agent_timeout')) : accepted();
    case 'ChangeStatus':
      if (command.epoch !== undefined && command.epoch !== (agent.connection?.epoch ?? null))
        return refused('StaleEpoch');
      return accepted(...statusChange(agent, command.status, command.reason, command.lastActivity));
    case 'ReconfigureAgent':
      return decideReconfigure(command.changes, agent);
    case 'RenameAgent':
      if (command.name === agent.name) return accepted();
      if (command.from !== agent.name) return refused('NameChanged');
      return accepted({
        type: 'AgentRenamed',
        data: { agentId: agent.agentId, name: command.name, previousName: agent.name },
      });
    case 'RetireAgent':
      return accepted<AgentEvent>(
        ...(agent.connection === null ? [] : [closed(agent, agent.connection, 'agent_deleted')]),
        { type: 'AgentRetired', data: { agentId: agent.agentId, name: agent.name } },
      );
    default:
      return unreachable(command);
  }
}

function decideOpen(request: ConnectionRequest, agent: RegisteredAgent): AgentDecision {
  if (agent.connection?.id === request.connectionId) return accepted();
  if (agent.closed.some(({ id }) => id === request.connectionId)) return refused('StaleConnection');
  return accepted(
    ...(agent.connection === null ? [] : [closed(agent, agent.connection, 'superseded', request.connectionId)]),
    ...statusChange(agent, 'online', 'connect'),
    opened(request, agent.agentId, agent.name, agent.epoch + 1),
  );
}

function decideReconfigure(changes: AgentChanges, agent: RegisteredAgent): AgentDecision {
  const current: Record<string, unknown> = { ...agent.profile, lastActivity: agent.lastActivity };
  const different = Object.fromEntries(
    Object.entries(changes).filter(
      ([field, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(current[field]),
    ),
  );
  if (Object.keys(different).length === 0) return accepted();
  return accepted({
    type: 'AgentReconfigured',
    data: { agentId: agent.agentId, name: agent.name, changes: different },
  });
}

function registered({ agentId, name, status, source, profile }: Registration): AgentEvent {
  return { type: 'AgentRegistered', data: { agentId, name, status, source, profile } };
}

function opened(request: ConnectionRequest, agentId: number, agentName: string, epoch: number): AgentEvent {
  return { type: 'ConnectionOpened', data: { ...request, agentId, agentName, epoch } };
}

function closed(
  agent: RegisteredAgent,
  connection: OpenConnectionState,
  reason: CloseReason,
  replacedBy?: string,
): ConnectionClosed {
  return {
    type: 'ConnectionClosed',
    data: {
      connectionId: connection.id,
      agentId: agent.agentId,
      agentName: agent.name,
      epoch: connection.epoch,
      reason,
      ...(replacedBy === undefined ? {} : { replacedBy }),
    },
  };
}

/** The connection ends and takes the agent offline with it. */
function ended(
  agent: RegisteredAgent,
  connection: OpenConnectionState,
  reason: CloseReason,
  statusReason: StatusReason,
): readonly AgentEvent[] {
  return [closed(agent, connection, reason), ...statusChange(agent, 'offline', statusReason)];
}

function statusChange(
  agent: RegisteredAgent,
  status: AgentStatus,
  reason: StatusReason,
  lastActivity?: string,
): readonly AgentEvent[] {
  if (agent.status === status) return [];
  return [
    {
      type: 'AgentStatusChanged',
      data: {
        agentId: agent.agentId,
        name: agent.name,
        status,
        previousStatus: agent.status,
        reason,
        ...(lastActivity === undefined ? {} : { lastActivity }),
      },
    },
  ];
}

function unreachable(command: never): never {
  throw new Error(`no such command: ${JSON.stringify(command)}`);
}

export const agentDecider: Decider<AgentState, AgentCommand, AgentEvent, AgentRefusal> = {
  initialState: { kind: 'none' },
  decide,
  evolve,
};
