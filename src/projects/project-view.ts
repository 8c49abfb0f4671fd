import { Injectable } from '@nestjs/common';
import { ProjectQueries, type ProjectRow } from '../../projections/projects/projects.queries.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { ProjectDirectory } from './project-directory.js';

/** A project right after a command, from its own stream: the read model may still be on its way, or away. */
@Injectable()
export class ProjectView {
  constructor(
    private readonly directory: ProjectDirectory,
    private readonly agents: AgentDirectory,
    private readonly queries: ProjectQueries,
  ) {}

  async of(workspaceId: number, projectId: number): Promise<ProjectRow> {
    const { state, firstAt, lastAt } = await this.directory.describe(projectId);
    if (state.kind === 'none' || firstAt === undefined || lastAt === undefined) {
      throw new Error('a project without events has no view');
    }
    const shown = await this.queries.byId(workspaceId, projectId).catch(() => undefined);
    const living = await Promise.all(
      state.agents.map(async ({ agentId, role }) => {
        const agent = await this.agents.byId(workspaceId, agentId);
        return agent?.kind === 'active' ? [{ agentId, name: agent.name, role, assignedAt: 0 }] : [];
      }),
    );
    return {
      id: state.projectId,
      workspaceId,
      slug: state.slug,
      name: state.name,
      ticketPrefix: state.ticketPrefix,
      status: state.kind === 'archived' ? 'archived' : 'active',
      description: state.description,
      githubRepo: state.githubRepo,
      deadline: state.deadline,
      color: state.color,
      createdAt: firstAt,
      updatedAt: lastAt,
      taskCount: shown?.taskCount ?? 0,
      agents: living.flat(),
    };
  }
}
