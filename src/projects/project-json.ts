import type { ProjectAgentRow, ProjectRow } from '../../projections/projects/projects.queries.js';
import { unixSeconds } from '../agents/agent-json.js';
import type { Principal } from '../platform/auth/principal.js';
import type { Json } from '../platform/event-store/stored-event.js';

/** A project as the contract shows it. An agent's key sees no other agents. */
export function projectJson(project: ProjectRow, principal: Principal): { readonly [key: string]: Json } {
  return {
    id: project.id,
    name: project.name,
    slug: project.slug,
    description: project.description,
    ticket_prefix: project.ticketPrefix,
    status: project.status,
    github_repo: project.githubRepo,
    deadline: project.deadline,
    color: project.color,
    task_count: project.taskCount,
    assigned_agents: seenAgents(project, principal).map(({ name }) => name),
    workspace_id: project.workspaceId,
    created_at: unixSeconds(project.createdAt),
    updated_at: unixSeconds(project.updatedAt),
  };
}

export function seenAgents(
  { agents }: Pick<ProjectRow, 'agents'>,
  { agentId: own }: Principal,
): readonly ProjectAgentRow[] {
  return own === undefined ? agents : agents.filter(({ agentId }) => agentId === own);
}
