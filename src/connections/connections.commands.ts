import { Injectable } from '@nestjs/common';
import { AgentDirectory, assertReachable } from '../agents/agent-directory.js';
import { AgentCapacity } from '../agents/agent-capacity.js';
import { checkName } from '../agents/agent.names.js';
import { MAX_ROUNDS } from '../agents/agents.commands.js';
import type { AgentEvent } from '../agents/agents.events.js';
import type { Principal } from '../platform/auth/principal.js';
import { metadataOf, stepOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore, isReadable } from '../platform/event-store/event-store.js';
import { RevisionConflict } from '../platform/event-store/event-store.errors.js';
import type { Position } from '../platform/event-store/position.js';
import { conflict, invalid, notFound, unavailable } from '../platform/http/errors.js';
import { derivedId, eventIdOf, Ids } from '../platform/ids/ids.js';
import type { ConnectBody } from './connections.dto.js';
import type { ConnectionAssigned } from './connections.events.js';

type Opened = Extract<AgentEvent, { type: 'ConnectionOpened' }>;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface OpenedConnection {
  readonly opened: Opened['data'];
  readonly position: Position | undefined;
  readonly replayed: boolean;
}

/** Opening and closing connections: one atomic append to the agent's stream each. */
@Injectable()
export class ConnectionCommands {
  constructor(
    private readonly store: EventStore,
    private readonly directory: AgentDirectory,
    private readonly capacity: AgentCapacity,
    private readonly ids: Ids,
  ) {}

  /**
   * Opens the agent's only connection, creating the agent if the name is new and superseding an open connection. An agent
   * that is deleted or renamed meanwhile has left the name: whoever owns it now is connected.
   * Errors: 400 bad name, 403 another agent's key, 409 look-alike name, 422 too many agents.
   */
  async open(context: CommandContext, principal: Principal, body: ConnectBody): Promise<OpenedConnection> {
    const checked = checkName(body.agent_name);
    if (checked.kind === 'invalid') throw invalid([`agent_name: ${checked.reason}`]);
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const step = round === 0 ? context : stepOf(context, `again:${round}`);
      const opened = await this.openAs(step, principal, checked.name, body);
      if (opened !== undefined) return opened;
    }
    throw unavailable('The agent is being renamed or deleted at the same time');
  }

  /** Undefined: the agent of this name has gone by another one, or for good, in between. */
  private async openAs(
    context: CommandContext,
    principal: Principal,
    name: string,
    body: ConnectBody,
  ): Promise<OpenedConnection | undefined> {
    const agentId = await this.agentFor(context, principal, name);
    const connectionId = context.keyed ? derivedId('connection', context.commandId) : this.ids.newId();
    if (!(await this.assign(stepOf(context, 'assign'), connectionId, agentId))) return undefined;
    const outcome = await this.directory.execute(context, agentId, {
      type: 'OpenConnection',
      registration: {
        agentId,
        name,
        status: 'online',
        source: 'connect',
        profile: {
          role: body.agent_role ?? 'cli',
          sessionKey: null,
          soulContent: null,
          config: {},
          runtimeType: null,
        },
      },
      connection: {
        connectionId,
        toolName: body.tool_name,
        toolVersion: body.tool_version ?? null,
        metadata: (body.metadata ?? null) as Opened['data']['metadata'],
      },
    });
    if (outcome.kind === 'refused') {
      if (outcome.refusal === 'StaleConnection') throw conflict('The connection was opened and closed already');
      return undefined;
    }
    const opened = outcome.events.find((event): event is Opened => event.type === 'ConnectionOpened');
    if (opened === undefined) throw conflict('The connection is already open');
    return { opened: opened.data, position: outcome.position, replayed: outcome.replayed };
  }

  /** Closes a connection; the repeat is a success without an event. Errors: 404 for one that this workspace never had. */
  async close(context: CommandContext, principal: Principal, connectionId: string): Promise<Position | undefined> {
    const agentId = await this.agentOf(connectionId);
    const agent = agentId === undefined ? undefined : await this.directory.byId(context.workspaceId, agentId);
    if (agent === undefined || (principal.agentId !== undefined && principal.agentId !== agent.agentId)) {
      throw notFound('Connection not found');
    }
    if (agent.kind === 'retired') return undefined;
    const outcome = await this.directory.execute(context, agent.agentId, { type: 'CloseConnection', connectionId });
    if (outcome.kind === 'accepted') return outcome.position;
    if (outcome.refusal === 'Retired' || (await this.wasOpened(agent.agentId, connectionId))) return undefined;
    throw notFound('Connection not found');
  }

  /** Which agent a connection id was given to, if it is one of ours. */
  async agentOf(connectionId: string): Promise<number | undefined> {
    if (!UUID.test(connectionId)) return undefined;
    const [first] = ((await this.store.readStream(`connection-${connectionId}`, { max: 1 })) ?? []).filter(isReadable);
    return first?.type === 'ConnectionAssigned' ? (first.data as ConnectionAssigned['data']).agentId : undefined;
  }

  private async agentFor(context: CommandContext, principal: Principal, name: string): Promise<number> {
    if (principal.agentId !== undefined) {
      const owner = await this.directory.ownerOf(context.workspaceId, name);
      assertReachable(principal, owner === undefined ? undefined : { agentId: owner });
    }
    if ((await this.directory.ownerOf(context.workspaceId, name)) === undefined) {
      await this.capacity.assertRoom(context.workspaceId);
    }
    const reservation = await this.directory.reserve(context, name);
    if (reservation.name !== name) throw conflict('Agent name already exists', { agent_name: reservation.name });
    return reservation.agentId;
  }

  /** False when an earlier attempt of the same command gave the id to another agent. */
  private async assign(context: CommandContext, connectionId: string, agentId: number): Promise<boolean> {
    const event: ConnectionAssigned = { type: 'ConnectionAssigned', data: { connectionId, agentId } };
    try {
      await this.store.append(
        `connection-${connectionId}`,
        [{ ...event, id: eventIdOf(context.commandId, 0), metadata: metadataOf(context) }],
        'no_stream',
      );
      return true;
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      return (await this.agentOf(connectionId)) === agentId;
    }
  }

  /** Whether the agent ever had this connection: its fold remembers only the most recent ones. */
  private async wasOpened(agentId: number, connectionId: string): Promise<boolean> {
    const history = await this.directory.history(agentId);
    return history.some(
      (event) =>
        event.type === 'ConnectionOpened' && 'connectionId' in event.data && event.data.connectionId === connectionId,
    );
  }
}
