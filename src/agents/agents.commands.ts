import { Injectable } from '@nestjs/common';
import { KeyringCommands } from '../keys/keyring.commands.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { stepOf } from '../platform/command/command-context.js';
import { laterOfKnown, type Position } from '../platform/event-store/position.js';
import { conflict, invalid, notFound, unavailable } from '../platform/http/errors.js';
import { AgentCapacity } from './agent-capacity.js';
import { AgentDirectory } from './agent-directory.js';
import type { AgentChanges, AgentCommand, RegisteredAgent } from './agent.decider.js';
import { checkName, foldedName } from './agent.names.js';
import type { AgentProfile, AgentStatus, StatusReason } from './agents.events.js';

/** How often a rename or a connect follows an agent that is renamed or deleted at the same moment. */
export const MAX_ROUNDS = 5;

export interface NewAgent {
  readonly name: string;
  readonly status: AgentStatus;
  readonly source: 'api' | 'self';
  readonly profile: AgentProfile;
}

export interface AgentEffect {
  readonly agent: RegisteredAgent;
  readonly position: Position | undefined;
  readonly replayed: boolean;
}

/** What can be done with an agent, apart from connecting it. */
@Injectable()
export class AgentCommands {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly capacity: AgentCapacity,
    private readonly keyring: KeyringCommands,
  ) {}

  /** `created` is false when an agent of this very name existed. Errors: 400 bad name, 409 look-alike, 422 full. */
  async register(context: CommandContext, agent: NewAgent): Promise<AgentEffect & { readonly created: boolean }> {
    const name = checkedName(agent.name);
    if ((await this.directory.ownerOf(context.workspaceId, name)) === undefined) {
      await this.capacity.assertRoom(context.workspaceId);
    }
    const reservation = await this.directory.reserve(context, name);
    if (reservation.name !== name) throw nameTaken(reservation.name);
    const registration = { ...agent, name, agentId: reservation.agentId };
    const effect = await this.run(context, reservation.agentId, { type: 'RegisterAgent', registration });
    return { ...effect, created: effect.changed };
  }

  /** Registers, or finds the agent of this name again and wakes it when it was offline. */
  async selfRegister(
    context: CommandContext,
    agent: { readonly name: string; readonly role: string; readonly config: AgentProfile['config'] },
  ): Promise<AgentEffect & { readonly created: boolean }> {
    const profile = { role: agent.role, sessionKey: null, soulContent: null, config: agent.config, runtimeType: null };
    const found = await this.register(context, { name: agent.name, status: 'idle', source: 'self', profile });
    if (found.created || found.agent.status !== 'offline') return found;
    const woken = await this.run(stepOf(context, 'wake'), found.agent.agentId, {
      type: 'ChangeStatus',
      status: 'idle',
      reason: 'register',
    });
    return { ...woken, created: false };
  }

  /** Status and profile in one call, as two facts at most. */
  async change(
    context: CommandContext,
    agentId: number,
    changes: AgentChanges,
    status?: AgentStatus,
    reason: StatusReason = 'set',
  ): Promise<AgentEffect> {
    const profile = await this.run(context, agentId, { type: 'ReconfigureAgent', changes });
    if (status === undefined) return profile;
    const set = await this.run(stepOf(context, 'status'), agentId, { type: 'ChangeStatus', status, reason });
    return { ...set, position: laterOfKnown(profile.position, set.position) };
  }

  /** Reserve the new name, take it, release the old one: each step can be repeated. Errors: 400, 409. */
  async rename(context: CommandContext, agent: RegisteredAgent, wanted: string): Promise<AgentEffect> {
    const name = checkedName(wanted);
    const { agentId } = agent;
    let from = agent.name;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const step = round === 0 ? context : stepOf(context, `again:${round}`);
      const held = await this.directory.nameRevision(context.workspaceId, from);
      if (name !== from && !(await this.directory.reserveFor(step, agentId, name))) throw nameTaken(name);
      const outcome = await this.directory.execute(step, agentId, { type: 'RenameAgent', from, name });
      if (outcome.state.kind === 'none') throw notFound('Agent not found');
      if (outcome.kind === 'accepted') {
        if (foldedName(from) !== foldedName(name)) await this.directory.release(step, { agentId, name: from }, held);
        return { agent: outcome.state, position: outcome.position, replayed: outcome.replayed };
      }
      if (outcome.refusal !== 'NameChanged') throw notFound('Agent not found');
      from = outcome.state.name;
    }
    throw unavailable('The agent is being renamed by several callers at once');
  }

  /** Retires for ever; its keys end first, the name becomes free, the history stays. */
  async retire(context: CommandContext, agent: RegisteredAgent): Promise<Position | undefined> {
    await this.keyring.revokeAllOf(stepOf(context, 'keys'), agent.agentId);
    const retired = await this.run(context, agent.agentId, { type: 'RetireAgent' });
    await this.directory.release(context, retired.agent);
    return retired.position;
  }

  private async run(
    context: CommandContext,
    agentId: number,
    command: AgentCommand,
  ): Promise<AgentEffect & { readonly changed: boolean }> {
    const outcome = await this.directory.execute(context, agentId, command);
    if (outcome.kind === 'refused' || outcome.state.kind === 'none') throw notFound('Agent not found');
    return {
      agent: outcome.state,
      position: outcome.position,
      replayed: outcome.replayed,
      changed: outcome.events.length > 0,
    };
  }
}

function checkedName(given: string): string {
  const checked = checkName(given);
  if (checked.kind === 'invalid') throw invalid([`name: ${checked.reason}`]);
  return checked.name;
}

function nameTaken(name: string) {
  return conflict('Agent name already exists', { agent_name: name });
}
