import { Injectable } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import type { Outcome } from '../platform/command/decision-loop.js';
import type { Position } from '../platform/event-store/position.js';
import { badRequest, conflict, notFound, Refusal, unavailable } from '../platform/http/errors.js';
import { livingProject } from './project-access.js';
import { ProjectDirectory } from './project-directory.js';
import type { ProjectHandle } from './project-handle.decider.js';
import type { AssignedAgent, KnownProject, ProjectCommand, ProjectRefusal, ProjectState } from './project.decider.js';
import { prefixOf, slugOf } from './project.names.js';
import type { ProjectEvent, ProjectFields } from './projects.events.js';

/** How often a change follows a prefix that is changed at the same moment. */
const MAX_ROUNDS = 5;

export type ProjectRequest = Omit<ProjectFields, 'ticketPrefix'> & { readonly ticketPrefix: string | undefined };

export interface ProjectChanges {
  readonly fields: Partial<ProjectFields>;
  readonly status?: 'active' | 'archived';
  /** Names of agents. */
  readonly agents?: readonly string[];
}

export interface ProjectEffect {
  readonly project: KnownProject;
  readonly position: Position | undefined;
  readonly replayed: boolean;
}

type ChangeProject = Extract<ProjectCommand, { type: 'ChangeProject' }>;

/** What can be done with a project, apart from deleting it. */
@Injectable()
export class ProjectCommands {
  constructor(
    private readonly directory: ProjectDirectory,
    private readonly agents: AgentDirectory,
  ) {}

  /** Reserve slug and prefix, then create: each step can be repeated. Errors: 409 slug or prefix taken. */
  async create(context: CommandContext, request: ProjectRequest): Promise<ProjectEffect> {
    await this.directory.general(context);
    const slug = slugOf(request.name);
    const projectId = await this.directory.reserveSlug(stepOf(context, 'slug'), slug);
    const known = await this.directory.byId(context.workspaceId, projectId);
    const ticketPrefix =
      known?.ticketPrefix ?? (await this.takePrefix(stepOf(context, 'prefix'), projectId, slug, request.ticketPrefix));
    const project = { ...request, projectId, slug, ticketPrefix };
    const outcome = await this.directory.execute(context, projectId, { type: 'CreateProject', project });
    if (outcome.kind === 'accepted' && outcome.events.length === 0) {
      throw conflict('Project slug already exists', { slug });
    }
    return effectOf(outcome);
  }

  /** All or nothing. Errors: 400 unknown agent or general, 404, 409 prefix taken. */
  async change(context: CommandContext, projectId: number, changes: ProjectChanges): Promise<ProjectEffect> {
    const project = await livingProject(this.directory, context.workspaceId, projectId);
    const agents = changes.agents === undefined ? undefined : await this.agentsNamed(context, changes.agents);
    const command: ChangeProject = {
      type: 'ChangeProject',
      changes: changes.fields,
      ...(changes.status === undefined ? {} : { status: changes.status }),
      ...(agents === undefined ? {} : { agents }),
    };
    const { ticketPrefix } = changes.fields;
    if (ticketPrefix === undefined) return this.run(context, projectId, command);
    return this.changeWithPrefix(context, project, command, ticketPrefix);
  }

  /** Errors: 400 for general, 404. */
  archive(context: CommandContext, projectId: number): Promise<ProjectEffect> {
    return this.run(context, projectId, { type: 'ArchiveProject' });
  }

  /** Repeating it is fine; another role replaces the one before. */
  assign(context: CommandContext, projectId: number, agent: AssignedAgent): Promise<ProjectEffect> {
    return this.run(context, projectId, { type: 'AssignAgent', agent });
  }

  /** Repeating it is fine. */
  unassign(context: CommandContext, projectId: number, agentId: number): Promise<ProjectEffect> {
    return this.run(context, projectId, { type: 'RemoveAgent', agentId });
  }

  private async run(context: CommandContext, projectId: number, command: ProjectCommand): Promise<ProjectEffect> {
    return effectOf(await this.directory.execute(context, projectId, command));
  }

  /** Reserve the new prefix, take it. The old one stays reserved: tasks that were filed under it keep it. */
  private async changeWithPrefix(
    context: CommandContext,
    { projectId, ticketPrefix }: KnownProject,
    command: ChangeProject,
    wanted: string,
  ): Promise<ProjectEffect> {
    let fromPrefix = ticketPrefix;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const step = round === 0 ? context : stepOf(context, `again:${round}`);
      if (wanted !== fromPrefix && !(await this.directory.reserveFor(step, projectId, prefixHandle(wanted)))) {
        throw await this.prefixTaken(context, wanted);
      }
      const outcome = await this.directory.execute(step, projectId, { ...command, fromPrefix });
      if (outcome.kind === 'accepted' || outcome.refusal !== 'PrefixChanged' || outcome.state.kind === 'none') {
        return effectOf(outcome);
      }
      fromPrefix = outcome.state.ticketPrefix;
    }
    throw unavailable('The prefix is being changed by several callers at once');
  }

  /** A prefix that was asked for, or one made of the slug, with the number of the project when another one has that. */
  private async takePrefix(
    context: CommandContext,
    projectId: number,
    slug: string,
    wanted: string | undefined,
  ): Promise<string> {
    const derived = prefixOf(slug);
    const candidates = wanted === undefined ? [derived, `${derived || 'P'}${projectId}`] : [wanted];
    for (const candidate of candidates) {
      if (candidate === '') continue;
      if (await this.directory.reserveFor(stepOf(context, candidate), projectId, prefixHandle(candidate))) {
        return candidate;
      }
    }
    throw await this.prefixTaken(context, wanted ?? derived);
  }

  private async prefixTaken({ workspaceId }: CommandContext, prefix: string): Promise<Refusal> {
    const error = (await this.directory.isFormerPrefix(workspaceId, prefix))
      ? 'Project ticket prefix is kept for earlier tasks of another project'
      : 'Project ticket prefix already exists';
    return conflict(error, { ticket_prefix: prefix });
  }

  private async agentsNamed({ workspaceId }: CommandContext, names: readonly string[]) {
    const agents = await Promise.all(
      [...new Set(names)].map(async (name) => {
        const agentId = await this.agents.ownerOf(workspaceId, name.normalize('NFC'));
        return { agentName: name, agent: agentId && (await this.agents.byId(workspaceId, agentId)) };
      }),
    );
    const missing = agents.flatMap(({ agentName, agent }) => (isActive(agent) ? [] : [agentName]));
    if (missing.length > 0) {
      throw new Refusal(400, `Unknown agents: ${missing.join(', ')}`, { missing_agents: missing });
    }
    return agents.flatMap(({ agent }) => (isActive(agent) ? [{ agentId: agent.agentId, agentName: agent.name }] : []));
  }
}

type FoundAgent = Awaited<ReturnType<AgentDirectory['byId']>> | 0;

function isActive(agent: FoundAgent): agent is Exclude<FoundAgent, undefined | 0> {
  return typeof agent === 'object' && agent.kind === 'active';
}

function prefixHandle(handle: string): ProjectHandle {
  return { kind: 'prefix', handle };
}

/** What came of it, or the refusal as the caller is told. */
export function effectOf(outcome: Outcome<ProjectState, ProjectEvent, ProjectRefusal>): ProjectEffect {
  if (outcome.kind === 'refused') throw refusalOf(outcome.refusal);
  if (outcome.state.kind === 'none') throw notFound('Project not found');
  return { project: outcome.state, position: outcome.position, replayed: outcome.replayed };
}

function refusalOf(refusal: ProjectRefusal): Refusal {
  switch (refusal) {
    case 'NotCreated':
    case 'Deleted':
      return notFound('Project not found');
    case 'IsGeneral':
      return badRequest('The project general cannot be archived or deleted');
    case 'PrefixChanged':
      return unavailable('The prefix is being changed by somebody else');
    default:
      return refusal;
  }
}
