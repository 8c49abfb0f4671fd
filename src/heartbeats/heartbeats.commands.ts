import { Injectable } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { RegisteredAgent } from '../agents/agent.decider.js';
import type { AgentStatus, StatusReason } from '../agents/agents.events.js';
import { ConnectionCommands } from '../connections/connections.commands.js';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import { NotificationCommands } from '../notifications/notifications.commands.js';
import { laterOf, type Position } from '../platform/event-store/position.js';
import { conflict, notFound, type Refusal } from '../platform/http/errors.js';
import { UsageRecorder } from '../tokens/usage-recorder.js';
import { parseInlineUsage } from '../tokens/usage-report.js';
import type { HeartbeatBody } from './heartbeat-body.js';
import { HeartbeatWriter } from './heartbeat-writer.js';

export interface HeartbeatOutcome {
  readonly position: Position;
  /** True when more than liveness changed, so that the answer should wait for its read models. */
  readonly statusChanged: boolean;
  readonly usageRecorded: boolean;
  readonly connected: boolean;
  /** How many notifications became read by this beat. */
  readonly acknowledged: number;
  readonly token: {
    readonly token_recorded: boolean;
    readonly token_duplicate?: true;
    readonly token_error?: string;
  };
}

type EndedStatus = 'superseded' | 'disconnected' | 'unknown';

/** One beat: connection, then acknowledgements, then status, then usage, then the beat itself. Durable before it is answered. */
@Injectable()
export class HeartbeatCommands {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly connections: ConnectionCommands,
    private readonly writer: HeartbeatWriter,
    private readonly usage: UsageRecorder,
    private readonly notifications: NotificationCommands,
  ) {}

  /** Errors: 409 for a connection that is not the agent's open one; nothing of the beat is recorded then. */
  async beat(context: CommandContext, found: RegisteredAgent, body: HeartbeatBody): Promise<HeartbeatOutcome> {
    const agent = await this.withConnection(context, found, body.connectionId);
    const acknowledged = await this.notifications.acknowledge(stepOf(context, 'ack'), agent, body.ack);
    const changed = await this.changeStatus(context, agent, body);
    const usage = await this.recordUsage(context, agent, body.tokenUsage);
    const beaten = await this.writer.record({
      context,
      data: {
        agentId: agent.agentId,
        connectionId: agent.connection?.id ?? null,
        epoch: agent.connection?.epoch ?? null,
        ...(body.lastActivity === undefined ? {} : { lastActivity: body.lastActivity }),
      },
    });
    const position = [acknowledged.position, changed, usage.position].reduce<Position>(
      (a, b) => (b === undefined ? a : laterOf(a, b)),
      beaten,
    );
    return {
      position,
      statusChanged: changed !== undefined,
      usageRecorded: usage.position !== undefined,
      connected: agent.connection !== null,
      acknowledged: acknowledged.count,
      token: usage.token,
    };
  }

  /** The agent with the quoted connection open. What memory says no to is looked up in the store before it is refused. */
  private async withConnection(
    context: CommandContext,
    known: RegisteredAgent,
    connectionId: string | undefined,
  ): Promise<RegisteredAgent> {
    if (connectionId === undefined || known.connection?.id === connectionId) return known;
    const agent = await this.directory.refresh(context.workspaceId, known.agentId);
    if (agent === undefined || agent.kind === 'retired') throw notFound('Agent not found');
    if (agent.connection?.id === connectionId) return agent;
    throw notActive(await this.statusOfEnded(agent, connectionId));
  }

  /** The connection ended between the look at it and the append: the beat is refused as it would be now. */
  private async lost(context: CommandContext, { agentId, connection }: RegisteredAgent): Promise<Refusal> {
    const agent = await this.directory.refresh(context.workspaceId, agentId);
    if (agent === undefined || agent.kind === 'retired') return notFound('Agent not found');
    return notActive(connection === null ? 'unknown' : await this.statusOfEnded(agent, connection.id));
  }

  private async statusOfEnded(agent: RegisteredAgent, connectionId: string): Promise<EndedStatus> {
    const ended = agent.closed.findLast(({ id }) => id === connectionId);
    if (ended !== undefined) return ended.reason === 'superseded' ? 'superseded' : 'disconnected';
    return (await this.connections.agentOf(connectionId)) === agent.agentId ? 'disconnected' : 'unknown';
  }

  private async changeStatus(
    context: CommandContext,
    agent: RegisteredAgent,
    { status, lastActivity }: HeartbeatBody,
  ): Promise<Position | undefined> {
    const target = status ?? (agent.status === 'offline' ? wakingStatus(agent) : agent.status);
    if (target === agent.status) return undefined;
    const outcome = await this.directory.execute(stepOf(context, 'status'), agent.agentId, {
      type: 'ChangeStatus',
      status: target,
      reason: 'heartbeat' satisfies StatusReason,
      epoch: agent.connection?.epoch ?? null,
      ...(lastActivity === undefined ? {} : { lastActivity }),
    });
    if (outcome.kind === 'accepted') return outcome.position;
    if (outcome.refusal === 'StaleEpoch') throw await this.lost(context, agent);
    throw notFound('Agent not found');
  }

  private async recordUsage(
    context: CommandContext,
    agent: RegisteredAgent,
    tokenUsage: unknown,
  ): Promise<{ position: Position | undefined; token: HeartbeatOutcome['token'] }> {
    if (tokenUsage === undefined) return { position: undefined, token: { token_recorded: false } };
    const parsed = parseInlineUsage(tokenUsage, `${agent.name}:cli`, context.receivedAt);
    if (parsed.kind === 'invalid') {
      return { position: undefined, token: { token_recorded: false, token_error: parsed.errors.join('; ') } };
    }
    const recorded = await this.usage.record(context, parsed.report);
    switch (recorded.kind) {
      case 'recorded':
        return { position: recorded.position, token: { token_recorded: true } };
      case 'duplicate':
        return { position: undefined, token: { token_recorded: true, token_duplicate: true } };
      case 'conflict':
        return {
          position: undefined,
          token: { token_recorded: false, token_error: 'eventId already used with different content' },
        };
    }
  }
}

function notActive(status: EndedStatus): Refusal {
  return conflict('Connection is no longer active', { connection_status: status });
}

function wakingStatus(agent: RegisteredAgent): AgentStatus {
  return agent.connection === null ? 'idle' : 'online';
}
