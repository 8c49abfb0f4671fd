import type { EventMetadata, Json } from '../../platform/event-store/stored-event.js';
import type {
  ProjectAgentAssigned,
  ProjectAgentRemoved,
  ProjectArchived,
  ProjectChanged,
  ProjectCreated,
  ProjectDeleted,
  ProjectFields,
  ProjectRestored,
} from '../../projects/projects.events.js';
import { activityContent } from './activity-frame.js';
import { frameMapping, type FramePlace, type FrameSubject } from './frame-mapping.js';

const frame = 'activity.created';

const publicField: Readonly<Record<keyof ProjectFields, string>> = {
  name: 'name',
  ticketPrefix: 'ticket_prefix',
  description: 'description',
  githubRepo: 'github_repo',
  deadline: 'deadline',
  color: 'color',
};

export const projectFrames = [
  frameMapping<ProjectCreated>({
    event: 'ProjectCreated',
    frame,
    map: (project, metadata, place) =>
      activity(project, metadata, place, {
        type: 'project_created',
        description: `Project ${project.name} was created`,
        data: { slug: project.slug, ticket_prefix: project.ticketPrefix },
      }),
  }),
  frameMapping<ProjectChanged>({
    event: 'ProjectChanged',
    frame,
    map: (project, metadata, place) =>
      activity(project, metadata, place, {
        type: 'project_updated',
        description: `Project ${project.name} was changed`,
        data: { changes: changedFields(project.changes) },
      }),
  }),
  frameMapping<ProjectArchived>({
    event: 'ProjectArchived',
    frame,
    map: (project, metadata, place) =>
      activity(project, metadata, place, {
        type: 'project_archived',
        description: `Project ${project.name} was archived`,
      }),
  }),
  frameMapping<ProjectRestored>({
    event: 'ProjectRestored',
    frame,
    map: (project, metadata, place) =>
      activity(project, metadata, place, {
        type: 'project_restored',
        description: `Project ${project.name} is active again`,
      }),
  }),
  frameMapping<ProjectDeleted>({
    event: 'ProjectDeleted',
    frame,
    map: (project, metadata, place) =>
      activity(project, metadata, place, {
        type: 'project_deleted',
        description: `Project ${project.name} was deleted`,
        data: { tasks_moved_to: project.successorId },
      }),
  }),
  frameMapping<ProjectAgentAssigned>({
    event: 'ProjectAgentAssigned',
    frame,
    map: (project, metadata, place) =>
      activity(project, metadata, place, {
        type: 'project_agent_assigned',
        description: `${project.agentName} works for ${project.name} as ${project.role}`,
        data: { agent_name: project.agentName, role: project.role },
        about: aboutAgent(project),
      }),
  }),
  frameMapping<ProjectAgentRemoved>({
    event: 'ProjectAgentRemoved',
    frame,
    map: (project, metadata, place) =>
      activity(project, metadata, place, {
        type: 'project_agent_removed',
        description: `${project.agentName} no longer works for ${project.name}`,
        data: { agent_name: project.agentName, role: project.role },
        about: aboutAgent(project),
      }),
  }),
];

interface ProjectActivity {
  readonly type: string;
  readonly description: string;
  readonly data?: { readonly [key: string]: Json };
  readonly about?: FrameSubject;
}

function activity(
  { projectId, name }: { readonly projectId: number; readonly name: string },
  metadata: EventMetadata,
  place: FramePlace,
  { type, description, data = {}, about = {} }: ProjectActivity,
) {
  return activityContent(metadata, place, {
    type,
    entityType: 'project',
    entityId: projectId,
    description,
    data: { name, ...data },
    about,
  });
}

function changedFields(changes: Partial<ProjectFields>): readonly string[] {
  return Object.entries(publicField).flatMap(([field, name]) => (field in changes ? [name] : []));
}

function aboutAgent({ agentId, agentName }: ProjectAgentAssigned['data']): FrameSubject {
  return { agentIds: [agentId], agentNames: [agentName] };
}
