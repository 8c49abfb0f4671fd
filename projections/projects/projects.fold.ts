import type { ProjectEvent, ProjectFields } from '../../src/projects/projects.events.js';
import type { Stored } from '../engine/projection.js';

export interface ProjectChange {
  readonly projectId: number;
  /** Set when the batch holds the creation: then the change is the whole row. */
  created?: { readonly workspaceId: number; readonly slug: string; readonly at: string };
  fields: Partial<ProjectFields>;
  /** Undefined: not touched. */
  archivedAt?: string | null;
  deletedAt?: string;
  updatedAt: string;
  /** Of the project's stream, of the last event folded: an older change never overwrites a newer one. */
  revision: bigint;
}

/** The last that a batch says about one agent in one project. */
export interface AssignmentChange {
  readonly projectId: number;
  readonly agentId: number;
  readonly workspaceId: number;
  readonly agentName: string;
  readonly role: string;
  readonly at: string;
  readonly removed: boolean;
  readonly revision: bigint;
}

export interface ProjectsChanges {
  readonly projects: ReadonlyMap<number, ProjectChange>;
  readonly assignments: ReadonlyMap<string, AssignmentChange>;
}

export function foldProjects(events: readonly Stored<ProjectEvent>[]): ProjectsChanges {
  const projects = new Map<number, ProjectChange>();
  const assignments = new Map<string, AssignmentChange>();
  for (const event of events) {
    foldProject(changeOf(projects, event), event);
    if (event.type !== 'ProjectAgentAssigned' && event.type !== 'ProjectAgentRemoved') continue;
    const { projectId, agentId, agentName, role } = event.data;
    assignments.set(`${projectId}:${agentId}`, {
      projectId,
      agentId,
      workspaceId: event.metadata.workspaceId,
      agentName,
      role,
      at: event.metadata.recordedAt,
      removed: event.type === 'ProjectAgentRemoved',
      revision: event.revision,
    });
  }
  return { projects, assignments };
}

function changeOf(projects: Map<number, ProjectChange>, event: Stored<ProjectEvent>): ProjectChange {
  const { projectId } = event.data;
  const updatedAt = event.metadata.recordedAt;
  const change = projects.get(projectId) ?? { projectId, fields: {}, updatedAt, revision: event.revision };
  projects.set(projectId, change);
  change.updatedAt = updatedAt;
  change.revision = event.revision;
  return change;
}

function foldProject(change: ProjectChange, event: Stored<ProjectEvent>): void {
  const at = event.metadata.recordedAt;
  switch (event.type) {
    case 'ProjectCreated': {
      const { projectId: _, slug, ...fields } = event.data;
      change.created = { workspaceId: event.metadata.workspaceId, slug, at };
      change.fields = fields;
      return;
    }
    case 'ProjectChanged':
      change.fields = { ...change.fields, ...event.data.changes };
      return;
    case 'ProjectArchived':
      change.archivedAt = at;
      return;
    case 'ProjectRestored':
      change.archivedAt = null;
      return;
    case 'ProjectDeleted':
      change.deletedAt = at;
      return;
    default:
  }
}
