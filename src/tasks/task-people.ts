import { Injectable } from '@nestjs/common';
import { AgentStatusQueries } from '../../projections/agent-status/agent-status.queries.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Principal } from '../platform/auth/principal.js';
import { badRequest, Refusal } from '../platform/http/errors.js';
import { handleOf, handlesIn, readingsOf } from './mention.names.js';
import type { Recipient } from './tasks.events.js';

const MAX_MENTIONS = 50;

/** An assignment as a task holds it. */
export interface Assignment {
  readonly assignedTo: string | null;
  readonly assignedAgentId: number | null;
}

/** Who acts on a task, whom it is assigned to, and whom its texts mention. */
@Injectable()
export class TaskPeople {
  constructor(
    private readonly agents: AgentDirectory,
    private readonly queries: AgentStatusQueries,
  ) {}

  /** The caller as authors are named: an agent's key acts as its agent, whatever that is called by now. */
  async actorOf({ workspaceId, agentId, actor }: Principal): Promise<Recipient> {
    if (agentId === undefined) return { name: actor.name, agentId: null };
    const agent = await this.agents.byId(workspaceId, agentId);
    return { name: agent?.name ?? actor.name, agentId };
  }

  /** The agent whose tasks alone are in reach; undefined: all of the workspace's. */
  async confinementOf(principal: Principal): Promise<Recipient | undefined> {
    return principal.agentId === undefined ? undefined : this.actorOf(principal);
  }

  /** Free text: the name need not belong to anybody. Blank is nobody. */
  async assignment(workspaceId: number, given: string | null): Promise<Assignment> {
    const name = given?.normalize('NFC').trim() ?? '';
    if (name === '') return { assignedTo: null, assignedAgentId: null };
    return { assignedTo: name, assignedAgentId: (await this.agents.ownerOf(workspaceId, name)) ?? null };
  }

  /** The agents that a text mentions, each once, in order. Errors: 400 when there is one that nobody is called. */
  async mentioned(workspaceId: number, text: string | null): Promise<readonly Recipient[]> {
    const handles = handlesIn(text);
    if (handles.length > MAX_MENTIONS) throw badRequest(`Too many mentions. Expected at most ${MAX_MENTIONS}.`);
    const exact = await Promise.all(handles.map((handle) => this.namedLike(workspaceId, handle)));
    const open = handles.filter((_, at) => exact[at] === undefined);
    const dashed = open.length === 0 ? new Map() : await this.writtenWithBlanks(workspaceId, open);
    const found = new Map<number, Recipient>();
    const missing: string[] = [];
    for (const [at, handle] of handles.entries()) {
      const agent: Agent | undefined = exact[at] ?? dashed.get(handle);
      if (agent === undefined) missing.push(readingsOf(handle).at(-1) ?? handle);
      else found.set(agent.agentId, agent);
    }
    if (missing.length > 0) throw unknownMentions([...new Set(missing)]);
    return [...found.values()];
  }

  private async namedLike(workspaceId: number, handle: string): Promise<Agent | undefined> {
    for (const reading of readingsOf(handle)) {
      const owner = await this.agents.ownerLike(workspaceId, reading);
      if (owner !== undefined && handleOf(owner.name) === reading) return owner;
    }
    return undefined;
  }

  /** Only the read model finds a name by a handle that does not spell it. */
  private async writtenWithBlanks(
    workspaceId: number,
    handles: readonly string[],
  ): Promise<ReadonlyMap<string, Agent>> {
    const rows = await this.queries.agentsByHandle(workspaceId, handles.flatMap(readingsOf));
    const byHandle = new Map(rows.map(({ id, name }) => [handleOf(name), { name, agentId: id }]));
    return new Map(
      handles.flatMap((handle) => {
        const reading = readingsOf(handle).find((candidate) => byHandle.has(candidate));
        const agent = reading === undefined ? undefined : byHandle.get(reading);
        return agent === undefined ? [] : [[handle, agent]];
      }),
    );
  }
}

type Agent = Recipient & { readonly agentId: number };

function unknownMentions(missing: readonly string[]): Refusal {
  const named = missing.map((handle) => `@${handle}`).join(', ');
  return new Refusal(400, `Unknown mentions: ${named}`, { missing_mentions: missing });
}
