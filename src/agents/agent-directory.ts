import { Injectable, Optional } from '@nestjs/common';
import type { Principal } from '../platform/auth/principal.js';
import { Aggregates, foldAll, type Loaded, type TailState } from '../platform/command/aggregates.js';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import { DecisionLoop, type Outcome } from '../platform/command/decision-loop.js';
import { EventStore } from '../platform/event-store/event-store.js';
import type { Moment } from '../platform/event-store/past.js';
import { isAfter, type Position } from '../platform/event-store/position.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import { conflict, notFound, Refusal, unavailable } from '../platform/http/errors.js';
import { derivedId } from '../platform/ids/ids.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { Numbers } from '../platform/numbers/numbers.js';
import { agentNameDecider, type AgentNameState } from './agent-name.decider.js';
import { foldedName } from './agent.names.js';
import {
  agentDecider,
  agentStream,
  type AgentCommand,
  type AgentRefusal,
  type AgentState,
  type RegisteredAgent,
} from './agent.decider.js';
import type { AgentEvent, AgentNameEvent } from './agents.events.js';

/** Finishing what a crashed caller left half done takes one extra round; more than a few means a bug. */
const MAX_ROUNDS = 5;

/** How long after its last proof the tail's word is taken for what memory holds. */
const TRUST_MS = 3_000;

export interface NameReservation {
  readonly agentId: number;
  /** The name as its owner wrote it. */
  readonly name: string;
  /** True when this call made the reservation. */
  readonly fresh: boolean;
}

/**
 * Which agents there are, straight from their streams: the strongly consistent side of names, ids and connections. In a
 * process without a tail of the log nothing is answered from memory.
 */
@Injectable()
export class AgentDirectory {
  private readonly tailState: TailState;
  private readonly agents: Aggregates<AgentState, AgentEvent>;
  private readonly names: Aggregates<AgentNameState, AgentNameEvent>;
  private readonly agentLoop: DecisionLoop<AgentState, AgentEvent>;
  private readonly nameLoop: DecisionLoop<AgentNameState, AgentNameEvent>;

  constructor(
    store: EventStore,
    private readonly numbers: Numbers,
    @Optional() tail?: LogTail,
  ) {
    this.tailState = { isLive: () => tail?.isLive(TRUST_MS) ?? false };
    const { tailState } = this;
    this.agents = new Aggregates(store, tailState, agentDecider);
    this.names = new Aggregates(store, tailState, agentNameDecider);
    this.agentLoop = new DecisionLoop(store, this.agents, agentDecider);
    this.nameLoop = new DecisionLoop(store, this.names, agentNameDecider);
    tail?.onBatch((entries) => {
      for (const entry of entries) {
        if (!('unreadable' in entry)) this.follow(entry);
      }
    });
  }

  /** The active agent that a path names: digits only is an id, anything else the exact name. 404 when there is none. */
  async find(principal: Principal, reference: string): Promise<RegisteredAgent> {
    const agent = await this.lookUp(principal.workspaceId, reference);
    assertReachable(principal, agent);
    if (agent === undefined) throw notFound('Agent not found');
    return agent;
  }

  /** As {@link find}, for a body's exact name (digits are not an id there). */
  async findNamed(principal: Principal, name: string): Promise<RegisteredAgent> {
    const agent = isId(name) ? undefined : await this.lookUp(principal.workspaceId, name);
    assertReachable(principal, agent);
    if (agent === undefined) throw notFound('Agent not found');
    return agent;
  }

  /** As {@link byId}, from memory alone. Undefined says nothing: memory may not hold the agent, or may be behind. */
  known(workspaceId: number, agentId: number): RegisteredAgent | undefined {
    if (!this.tailState.isLive()) return undefined;
    const loaded = this.agents.peek(agentStream(agentId));
    return loaded === undefined ? undefined : visible(loaded, workspaceId);
  }

  /** An agent's key may name nobody but its own agent: 403 for every other name, whether somebody has it or not. */
  async assertOwnName(principal: Principal, name: string): Promise<void> {
    if (principal.agentId === undefined) return;
    const own = await this.byId(principal.workspaceId, principal.agentId);
    assertReachable(principal, own?.name === name.normalize('NFC').trim() ? own : undefined);
  }

  /** As {@link find}, for nobody in particular: undefined when there is none. */
  active(workspaceId: number, reference: string): Promise<RegisteredAgent | undefined> {
    return this.lookUp(workspaceId, reference);
  }

  /** Who owns this exact name in the workspace, if anybody. */
  async ownerOf(workspaceId: number, name: string): Promise<number | undefined> {
    const { owner } = (await this.names.load(nameStream(workspaceId, name))).state;
    return owner?.name === name ? owner.agentId : undefined;
  }

  /** Who owns this name or a look-alike of it, if anybody. */
  async ownerLike(workspaceId: number, name: string): Promise<Omit<NameReservation, 'fresh'> | undefined> {
    return (await this.names.load(nameStream(workspaceId, name))).state.owner ?? undefined;
  }

  /** The agent with this id in this workspace, retired ones included. */
  async byId(workspaceId: number, agentId: number): Promise<RegisteredAgent | undefined> {
    const loaded = await this.agents.load(agentStream(agentId));
    return visible(loaded, workspaceId);
  }

  /**
   * Reserves a name, or finds who has it. The first caller proposes an id, everybody else reads the winner's. A name
   * that a retired or renamed agent still holds (a crash before the release) is released first.
   * Errors: 409 while another agent is being renamed to it.
   */
  async reserve(context: CommandContext, name: string): Promise<NameReservation> {
    const stream = nameStream(context.workspaceId, name);
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const known = await this.names.load(stream);
      const loaded = known.state.owner === null ? await this.names.reload(stream) : known;
      const { owner } = loaded.state;
      if (owner !== null) {
        if (await this.holds(owner, loaded.position)) return { ...owner, fresh: false };
        await this.release(context, owner, loaded.revision);
        continue;
      }
      const agentId = await this.numbers.next('agent');
      const outcome = await this.nameLoop.execute(stream, stepOf(context, `reserve:${round}:${agentId}`), ({ state }) =>
        agentNameDecider.decide({ type: 'ReserveName', agentId, name }, state),
      );
      const winner = outcome.state.owner;
      if (winner !== null) return { ...winner, fresh: winner.agentId === agentId };
    }
    throw unavailable('The name is being released and taken at the same time');
  }

  /**
   * Takes a name for an existing agent (rename). False when another agent has it or a look-alike. A name that the agent
   * holds is taken anew: an earlier rename away from it may be about to release it.
   */
  async reserveFor(context: CommandContext, agentId: number, name: string): Promise<boolean> {
    const stream = nameStream(context.workspaceId, name);
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const loaded = await this.names.reload(stream);
      const { owner } = loaded.state;
      if (owner !== null && owner.agentId !== agentId) {
        if (await this.holds(owner, loaded.position)) return false;
        await this.release(context, owner, loaded.revision);
        continue;
      }
      const outcome = await this.nameLoop.execute(stream, stepOf(context, `rename:${round}`), ({ state }) =>
        agentNameDecider.decide({ type: 'ReserveName', agentId, name, anew: true }, state),
      );
      if (outcome.kind === 'accepted') return true;
    }
    throw unavailable('The name is being released and taken at the same time');
  }

  /** The revision of a name's stream right now: a later reservation of the name moves on from it. */
  async nameRevision(workspaceId: number, name: string): Promise<bigint> {
    return (await this.names.reload(nameStream(workspaceId, name))).revision;
  }

  /** Frees a name; not when it was reserved again after `revision`. */
  async release(
    context: CommandContext,
    { agentId, name }: { readonly agentId: number; readonly name: string },
    revision?: bigint,
  ): Promise<void> {
    await this.nameLoop.execute(
      nameStream(context.workspaceId, name),
      stepOf(context, `release:${agentId}:${name}:${revision ?? ''}`),
      (loaded) =>
        revision === undefined || loaded.revision === revision
          ? agentNameDecider.decide({ type: 'ReleaseName', agentId }, loaded.state)
          : { kind: 'accepted', events: [] },
    );
  }

  /** Decides and appends on one agent's stream. An agent of another workspace looks like none. */
  async execute(
    context: CommandContext,
    agentId: number,
    command: AgentCommand,
  ): Promise<Outcome<AgentState, AgentEvent, AgentRefusal>> {
    return this.agentLoop.execute(agentStream(agentId), context, ({ state, workspaceId }) =>
      workspaceId !== undefined && workspaceId !== context.workspaceId
        ? { kind: 'refused', refusal: 'NotRegistered' }
        : agentDecider.decide(command, state),
    );
  }

  /** The agent's state straight from the store. */
  async refresh(workspaceId: number, agentId: number): Promise<RegisteredAgent | undefined> {
    return visible(await this.agents.reload(agentStream(agentId)), workspaceId);
  }

  /** One agent with the times of its first and last fact. */
  describe(agentId: number): Promise<Loaded<AgentState>> {
    return this.agents.load(agentStream(agentId));
  }

  /**
   * What had happened to the agent that a path names, as of some moment: whose id it is, or who had this exact name
   * then. None when there was no such agent.
   */
  async asOf(workspaceId: number, reference: string, wasThere: Moment): Promise<readonly StoredEvent<AgentEvent>[]> {
    const name = reference.normalize('NFC');
    const agentId = isId(reference) ? idIn(reference) : await this.ownerAsOf(workspaceId, name, wasThere);
    if (agentId === undefined) return [];
    const events = await this.agents.historyAsOf(agentStream(agentId), wasThere);
    const agent = visible(foldAll(agentDecider, events), workspaceId);
    return agent !== undefined && (isId(reference) || agent.name === name) ? events : [];
  }

  /** Every event of one agent, oldest first. */
  history(agentId: number): Promise<readonly StoredEvent<AgentEvent>[]> {
    return this.agents.history(agentStream(agentId));
  }

  /**
   * False when the owner has retired or gone by another name since, and only the release is missing. Errors: 409 when it
   * is just being renamed to it.
   */
  private async holds(
    owner: { readonly agentId: number; readonly name: string },
    reservedAt: Position | undefined,
  ): Promise<boolean> {
    const { state } = await this.agents.reload(agentStream(owner.agentId));
    if (state.kind === 'none' || (state.kind === 'active' && state.name === owner.name)) return true;
    if (state.kind === 'retired') return false;
    const history = await this.history(owner.agentId);
    const movedAway = history.some(
      ({ type, data, position }) =>
        type === 'AgentRenamed' &&
        'previousName' in data &&
        data.previousName === owner.name &&
        (reservedAt === undefined || isAfter(position, reservedAt)),
    );
    if (movedAway) return false;
    throw conflict('Agent name already exists', { agent_name: owner.name });
  }

  /** The id of an agent as far as memory knows it; nothing is read. */
  knownId(workspaceId: number, reference: string): number | undefined {
    if (isId(reference)) {
      const known = this.agents.peek(agentStream(Number(reference)));
      return known === undefined ? undefined : visible(known, workspaceId)?.agentId;
    }
    const owner = this.names.peek(nameStream(workspaceId, reference))?.state.owner;
    return owner?.name === reference ? owner.agentId : undefined;
  }

  private async lookUp(workspaceId: number, reference: string): Promise<RegisteredAgent | undefined> {
    const agentId = await this.idOf(workspaceId, reference);
    if (agentId === undefined) return undefined;
    const agent = await this.byId(workspaceId, agentId);
    if (agent?.kind !== 'active') return undefined;
    return isId(reference) || agent.name === reference.normalize('NFC') ? agent : undefined;
  }

  private async idOf(workspaceId: number, reference: string): Promise<number | undefined> {
    return isId(reference) ? idIn(reference) : this.ownerOf(workspaceId, reference.normalize('NFC'));
  }

  private async ownerAsOf(workspaceId: number, name: string, wasThere: Moment): Promise<number | undefined> {
    const { owner } = foldAll(
      agentNameDecider,
      await this.names.historyAsOf(nameStream(workspaceId, name), wasThere),
    ).state;
    return owner?.name === name ? owner.agentId : undefined;
  }

  private follow(event: StoredEvent): void {
    if (event.stream.startsWith('agent-')) this.agents.apply(event);
    else if (event.stream.startsWith('agentname-')) this.names.apply(event);
  }
}

function isId(reference: string): boolean {
  return /^\d+$/.test(reference);
}

function idIn(reference: string): number | undefined {
  const id = Number(reference);
  return Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

function nameStream(workspaceId: number, name: string): string {
  return `agentname-${derivedId('agent-name', workspaceId, foldedName(name))}`;
}

function visible({ state, workspaceId: owner }: Loaded<AgentState>, workspaceId: number): RegisteredAgent | undefined {
  return state.kind === 'none' || owner !== workspaceId ? undefined : state;
}

/** An agent key reaches its own agent only; the check comes before existence, so it reveals nothing. */
export function assertReachable(principal: Principal, agent: { readonly agentId: number } | undefined): void {
  if (principal.agentId === undefined || agent?.agentId === principal.agentId) return;
  throw new Refusal(403, 'Access denied: agent key may only access its own agent.');
}
