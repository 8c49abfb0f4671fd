import type { Principal } from '../platform/auth/principal.js';
import { badRequest, notFound, Refusal } from '../platform/http/errors.js';
import type { LivingProject, ProjectDirectory } from './project-directory.js';

/** The id in a path. Errors: 400 when it is not a positive integer. */
export function projectId(reference: string): number {
  const id = /^\d{1,15}$/.test(reference) ? Number(reference) : 0;
  if (id < 1) throw badRequest('Invalid project ID');
  return id;
}

/** Errors: 404, also for a deleted project. */
export async function livingProject(
  directory: ProjectDirectory,
  workspaceId: number,
  id: number,
): Promise<LivingProject> {
  const project = await directory.find(workspaceId, id);
  if (project === undefined) throw notFound('Project not found');
  return project;
}

/** A project is not of one agent, so an agent's key changes none. */
export function assertNoAgentKey({ agentId }: Principal): void {
  if (agentId !== undefined) throw ownAgentOnly();
}

export function ownAgentOnly(): Refusal {
  return new Refusal(403, 'Access denied: agent key may only access its own agent.');
}
