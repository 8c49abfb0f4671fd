import { eventContract } from '../platform/event-store/event-contract.js';
import type { Json } from '../platform/event-store/stored-event.js';

export const agentStatuses = ['online', 'idle', 'busy', 'error', 'offline'] as const;
export type AgentStatus = (typeof agentStatuses)[number];

export const runtimeTypes = ['hermes', 'openclaw', 'claude', 'codex', 'custom'] as const;
export type RuntimeType = (typeof runtimeTypes)[number];

export type StatusReason =
  'connect' | 'disconnect' | 'connection_expired' | 'agent_timeout' | 'heartbeat' | 'register' | 'set';

export interface AgentProfile {
  readonly role: string;
  readonly sessionKey: string | null;
  readonly soulContent: string | null;
  readonly config: { readonly [key: string]: Json | undefined };
  readonly runtimeType: RuntimeType | null;
}

/** Stream `agentname-{hash}`: the first reservation decides which agent id owns the name. */
export interface AgentNameReserved {
  readonly type: 'AgentNameReserved';
  readonly data: { readonly agentId: number; readonly name: string };
}

export interface AgentNameReleased {
  readonly type: 'AgentNameReleased';
  readonly data: { readonly agentId: number; readonly name: string };
}

/** Stream `agent-{id}`. */
export interface AgentRegistered {
  readonly type: 'AgentRegistered';
  readonly data: {
    readonly agentId: number;
    readonly name: string;
    readonly status: AgentStatus;
    readonly source: 'connect' | 'api' | 'self';
    readonly profile: AgentProfile;
  };
}

export interface AgentRenamed {
  readonly type: 'AgentRenamed';
  readonly data: { readonly agentId: number; readonly name: string; readonly previousName: string };
}

export interface AgentReconfigured {
  readonly type: 'AgentReconfigured';
  readonly data: {
    readonly agentId: number;
    readonly name: string;
    readonly changes: Partial<AgentProfile> & { readonly lastActivity?: string };
  };
}

export interface AgentStatusChanged {
  readonly type: 'AgentStatusChanged';
  readonly data: {
    readonly agentId: number;
    readonly name: string;
    readonly status: AgentStatus;
    readonly previousStatus: AgentStatus;
    readonly reason: StatusReason;
    readonly lastActivity?: string;
  };
}

export interface AgentRetired {
  readonly type: 'AgentRetired';
  readonly data: { readonly agentId: number; readonly name: string };
}

export interface ConnectionOpened {
  readonly type: 'ConnectionOpened';
  readonly data: {
    readonly connectionId: string;
    readonly agentId: number;
    readonly agentName: string;
    readonly toolName: string;
    readonly toolVersion: string | null;
    /** Grows by one per connection of the agent; a message of an older epoch is refused. */
    readonly epoch: number;
    readonly metadata: { readonly [key: string]: Json | undefined } | null;
  };
}

export type CloseReason = 'client' | 'superseded' | 'expired' | 'agent_deleted';

export interface ConnectionClosed {
  readonly type: 'ConnectionClosed';
  readonly data: {
    readonly connectionId: string;
    readonly agentId: number;
    readonly agentName: string;
    readonly epoch: number;
    readonly reason: CloseReason;
    /** The connection that took over, when superseded. */
    readonly replacedBy?: string;
  };
}

export type AgentEvent =
  | AgentRegistered
  | AgentRenamed
  | AgentReconfigured
  | AgentStatusChanged
  | AgentRetired
  | ConnectionOpened
  | ConnectionClosed;

export type AgentNameEvent = AgentNameReserved | AgentNameReleased;

const agentId = { type: 'integer', minimum: 1 };
const name = { type: 'string', minLength: 1, maxLength: 100 };
const status = { enum: agentStatuses };
const uuid = { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' };
const nullableText = (maxLength: number) => ({ type: ['string', 'null'], maxLength });
const profileFields = {
  role: { type: 'string', minLength: 1, maxLength: 100 },
  sessionKey: nullableText(200),
  soulContent: nullableText(50_000),
  config: { type: 'object' },
  runtimeType: { enum: [...runtimeTypes, null] },
};

function object(properties: Record<string, object>, optional: readonly string[] = []) {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((key) => !optional.includes(key)),
    additionalProperties: false,
  };
}

export const agentEventContracts = [
  eventContract<AgentNameReserved>({
    type: 'AgentNameReserved',
    stream: 'agentname-{hash}',
    description: 'A name was taken; this event decides which agent id owns it.',
    producer: 'agents',
    schema: object({ agentId, name }),
  }),
  eventContract<AgentNameReleased>({
    type: 'AgentNameReleased',
    stream: 'agentname-{hash}',
    description: 'A name became free again, by rename or retirement.',
    producer: 'agents',
    schema: object({ agentId, name }),
  }),
  eventContract<AgentRegistered>({
    type: 'AgentRegistered',
    stream: 'agent-{id}',
    description: 'An agent exists from here on.',
    producer: 'agents, connections',
    frame: 'agent.created',
    schema: object({
      agentId,
      name,
      status,
      source: { enum: ['connect', 'api', 'self'] },
      profile: object(profileFields),
    }),
  }),
  eventContract<AgentRenamed>({
    type: 'AgentRenamed',
    stream: 'agent-{id}',
    description: 'An agent goes by another name; its history stays with its id.',
    producer: 'agents',
    frame: 'agent.updated',
    schema: object({ agentId, name, previousName: name }),
  }),
  eventContract<AgentReconfigured>({
    type: 'AgentReconfigured',
    stream: 'agent-{id}',
    description: 'Role, configuration, soul, session key, runtime or last activity of an agent was set.',
    producer: 'agents',
    frame: 'agent.updated',
    schema: object({
      agentId,
      name,
      changes: object({ ...profileFields, lastActivity: { type: 'string', maxLength: 500 } }, [
        ...Object.keys(profileFields),
        'lastActivity',
      ]),
    }),
  }),
  eventContract<AgentStatusChanged>({
    type: 'AgentStatusChanged',
    stream: 'agent-{id}',
    description: 'The status of an agent changed, and why.',
    producer: 'agents, connections, heartbeats, liveness',
    frame: 'agent.status_changed',
    schema: object(
      {
        agentId,
        name,
        status,
        previousStatus: status,
        reason: {
          enum: ['connect', 'disconnect', 'connection_expired', 'agent_timeout', 'heartbeat', 'register', 'set'],
        },
        lastActivity: { type: 'string', maxLength: 500 },
      },
      ['lastActivity'],
    ),
  }),
  eventContract<AgentRetired>({
    type: 'AgentRetired',
    stream: 'agent-{id}',
    description: 'An agent was deleted: it never connects again, its name is free, its history stays.',
    producer: 'agents',
    frame: 'agent.deleted',
    schema: object({ agentId, name }),
  }),
  eventContract<ConnectionOpened>({
    type: 'ConnectionOpened',
    stream: 'agent-{id}',
    description: 'A tool connected as this agent; it is the only open connection of the agent.',
    producer: 'connections',
    frame: 'connection.created',
    schema: object({
      connectionId: uuid,
      agentId,
      agentName: name,
      toolName: { type: 'string', minLength: 1, maxLength: 100 },
      toolVersion: nullableText(50),
      epoch: { type: 'integer', minimum: 1 },
      metadata: { type: ['object', 'null'] },
    }),
  }),
  eventContract<ConnectionClosed>({
    type: 'ConnectionClosed',
    stream: 'agent-{id}',
    description: 'The open connection of an agent ended: by the client, superseded, expired, or with the agent.',
    producer: 'connections, liveness, agents',
    frame: 'connection.disconnected',
    schema: object(
      {
        connectionId: uuid,
        agentId,
        agentName: name,
        epoch: { type: 'integer', minimum: 1 },
        reason: { enum: ['client', 'superseded', 'expired', 'agent_deleted'] },
        replacedBy: uuid,
      },
      ['replacedBy'],
    ),
  }),
];
