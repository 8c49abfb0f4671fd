import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import type { ProjectEvent, ProjectFields } from './projects.events.js';

export const projectStream = (projectId: number): string => `project-${projectId}`;

/** The project that every workspace has: tasks without another one are filed under it, and it stays. */
export const GENERAL_SLUG = 'general';

export interface AssignedAgent {
  readonly agentId: number;
  readonly agentName: string;
  readonly role: string;
}

export interface NewProject extends ProjectFields {
  readonly projectId: number;
  readonly slug: string;
}

export type ProjectCommand =
  | { readonly type: 'CreateProject'; readonly project: NewProject }
  | {
      readonly type: 'ChangeProject';
      readonly changes: Partial<ProjectFields>;
      readonly status?: 'active' | 'archived';
      /** The whole set from now on; who was in it before keeps the role. */
      readonly agents?: readonly Omit<AssignedAgent, 'role'>[];
      /** The prefix that the change was prepared on; another one by now: refused. */
      readonly fromPrefix?: string;
    }
  | { readonly type: 'ArchiveProject' }
  | { readonly type: 'DeleteProject'; readonly successorId: number }
  | { readonly type: 'AssignAgent'; readonly agent: AssignedAgent }
  | { readonly type: 'RemoveAgent'; readonly agentId: number };

export type ProjectRefusal = 'NotCreated' | 'Deleted' | 'IsGeneral' | 'PrefixChanged';

export interface KnownProject extends NewProject {
  readonly kind: 'active' | 'archived' | 'deleted';
  readonly agents: readonly AssignedAgent[];
  /** Prefixes that it went by before: tasks that were filed then still do. */
  readonly formerPrefixes: readonly string[];
}

/** What references of tasks of this project may begin with: nobody else may have it. */
export function prefixesOf({ ticketPrefix, formerPrefixes: former }: KnownProject): readonly string[] {
  return [...former, ticketPrefix];
}

export type ProjectState = { readonly kind: 'none' } | KnownProject;

type ProjectDecision = Decision<ProjectEvent, ProjectRefusal>;

function evolve(state: ProjectState, event: ProjectEvent): ProjectState {
  if (event.type === 'ProjectCreated') return { ...event.data, kind: 'active', agents: [], formerPrefixes: [] };
  if (state.kind === 'none') return state;
  switch (event.type) {
    case 'ProjectChanged':
      return { ...state, ...event.data.changes, formerPrefixes: formerPrefixes(state, event.data.changes) };
    case 'ProjectArchived':
      return { ...state, kind: 'archived' };
    case 'ProjectRestored':
      return { ...state, kind: 'active' };
    case 'ProjectDeleted':
      return { ...state, kind: 'deleted' };
    case 'ProjectAgentAssigned': {
      const { agentId, agentName, role } = event.data;
      return { ...state, agents: [...without(state.agents, agentId), { agentId, agentName, role }] };
    }
    case 'ProjectAgentRemoved':
      return { ...state, agents: without(state.agents, event.data.agentId) };
    default:
      return state;
  }
}

function formerPrefixes(
  { ticketPrefix, formerPrefixes: known }: KnownProject,
  { ticketPrefix: next }: Partial<ProjectFields>,
): readonly string[] {
  return next === undefined ? known : [...known, ticketPrefix].filter((prefix) => prefix !== next);
}

function decide(command: ProjectCommand, state: ProjectState): ProjectDecision {
  if (state.kind === 'none') {
    return command.type === 'CreateProject'
      ? accepted({ type: 'ProjectCreated', data: command.project })
      : refused('NotCreated');
  }
  if (command.type === 'CreateProject') return accepted();
  if (state.kind === 'deleted') return command.type === 'DeleteProject' ? accepted() : refused('Deleted');
  return decideLiving(command, state);
}

function decideLiving(
  command: Exclude<ProjectCommand, { type: 'CreateProject' }>,
  project: KnownProject,
): ProjectDecision {
  const named = { projectId: project.projectId, name: project.name };
  switch (command.type) {
    case 'ChangeProject':
      return decideChange(command, project);
    case 'ArchiveProject':
      return moved(project, 'archived', named);
    case 'DeleteProject':
      if (project.slug === GENERAL_SLUG) return refused('IsGeneral');
      return accepted({ type: 'ProjectDeleted', data: { ...named, successorId: command.successorId } });
    case 'AssignAgent':
      return accepted(...assigned(project, named, command.agent));
    case 'RemoveAgent':
      return accepted(...removed(project, named, command.agentId));
    default:
      return unreachable(command);
  }
}

function decideChange(
  { changes, status, agents, fromPrefix }: Extract<ProjectCommand, { type: 'ChangeProject' }>,
  project: KnownProject,
): ProjectDecision {
  if (fromPrefix !== undefined && fromPrefix !== project.ticketPrefix) return refused('PrefixChanged');
  const named = { projectId: project.projectId, name: changes.name ?? project.name };
  const move: ProjectDecision = status === undefined ? accepted() : moved(project, status, named);
  if (move.kind === 'refused') return move;
  return accepted<ProjectEvent>(
    ...changed(project, named, changes),
    ...(agents === undefined ? [] : replaced(project, named, agents)),
    ...move.events,
  );
}

type Named = Pick<KnownProject, 'projectId' | 'name'>;

function changed(project: KnownProject, named: Named, changes: Partial<ProjectFields>): readonly ProjectEvent[] {
  const current: Partial<Record<string, unknown>> = { ...project };
  const different = Object.entries(changes).filter(([field, value]) => value !== undefined && value !== current[field]);
  if (different.length === 0) return [];
  const previous = Object.fromEntries(different.map(([field]) => [field, current[field]]));
  return [{ type: 'ProjectChanged', data: { ...named, changes: Object.fromEntries(different), previous } }];
}

function moved(project: KnownProject, status: 'active' | 'archived', named: Named): ProjectDecision {
  if (status === project.kind) return accepted();
  if (status === 'active') return accepted({ type: 'ProjectRestored', data: named });
  if (project.slug === GENERAL_SLUG) return refused('IsGeneral');
  return accepted({ type: 'ProjectArchived', data: named });
}

function replaced(
  project: KnownProject,
  named: Named,
  agents: readonly Omit<AssignedAgent, 'role'>[],
): readonly ProjectEvent[] {
  const wanted = new Map(agents.map((agent) => [agent.agentId, agent]));
  const known = new Set(project.agents.map(({ agentId }) => agentId));
  return [
    ...project.agents.flatMap(({ agentId }) => (wanted.has(agentId) ? [] : removed(project, named, agentId))),
    ...[...wanted.values()].flatMap((agent) =>
      known.has(agent.agentId) ? [] : assigned(project, named, { ...agent, role: DEFAULT_ROLE }),
    ),
  ];
}

/** What an agent is in a project unless somebody says more. */
export const DEFAULT_ROLE = 'member';

function assigned(project: KnownProject, named: Named, agent: AssignedAgent): readonly ProjectEvent[] {
  const known = project.agents.find(({ agentId }) => agentId === agent.agentId);
  if (known?.role === agent.role) return [];
  return [{ type: 'ProjectAgentAssigned', data: { ...named, ...agent } }];
}

function removed(project: KnownProject, named: Named, agentId: number): readonly ProjectEvent[] {
  const known = project.agents.find((agent) => agent.agentId === agentId);
  return known === undefined ? [] : [{ type: 'ProjectAgentRemoved', data: { ...named, ...known } }];
}

function without(agents: readonly AssignedAgent[], agentId: number): readonly AssignedAgent[] {
  return agents.filter((agent) => agent.agentId !== agentId);
}

function unreachable(command: never): never {
  throw new Error(`no such command: ${JSON.stringify(command)}`);
}

export const projectDecider: Decider<ProjectState, ProjectCommand, ProjectEvent, ProjectRefusal> = {
  initialState: { kind: 'none' },
  decide,
  evolve,
};
