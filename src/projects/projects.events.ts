import { eventContract } from '../platform/event-store/event-contract.js';

/** What may be set from outside. `deadline` is unix seconds. The slug is made of the first name and stays. */
export interface ProjectFields {
  readonly name: string;
  readonly ticketPrefix: string;
  readonly description: string | null;
  readonly githubRepo: string | null;
  readonly deadline: number | null;
  readonly color: string | null;
}

export type HandleKind = 'slug' | 'prefix';

/** Stream `projecthandle-{hash}`: the first reservation decides which project has a slug or a ticket prefix. */
export interface ProjectHandleReserved {
  readonly type: 'ProjectHandleReserved';
  readonly data: { readonly projectId: number; readonly kind: HandleKind; readonly handle: string };
}

export interface ProjectHandleReleased {
  readonly type: 'ProjectHandleReleased';
  readonly data: { readonly projectId: number; readonly kind: HandleKind; readonly handle: string };
}

/** Stream `project-{id}`. */
export interface ProjectCreated {
  readonly type: 'ProjectCreated';
  readonly data: ProjectFields & { readonly projectId: number; readonly slug: string };
}

export interface ProjectChanged {
  readonly type: 'ProjectChanged';
  readonly data: {
    readonly projectId: number;
    /** The name after the change. */
    readonly name: string;
    readonly changes: Partial<ProjectFields>;
    readonly previous: Partial<ProjectFields>;
  };
}

interface NamedProject {
  readonly projectId: number;
  readonly name: string;
}

/** It takes no new tasks from here on; those that it has stay. */
export interface ProjectArchived {
  readonly type: 'ProjectArchived';
  readonly data: NamedProject;
}

export interface ProjectRestored {
  readonly type: 'ProjectRestored';
  readonly data: NamedProject;
}

/** The project is gone; its tasks move to the project that is named here. */
export interface ProjectDeleted {
  readonly type: 'ProjectDeleted';
  readonly data: NamedProject & { readonly successorId: number };
}

interface ProjectAgent extends NamedProject {
  readonly agentId: number;
  readonly agentName: string;
  readonly role: string;
}

export interface ProjectAgentAssigned {
  readonly type: 'ProjectAgentAssigned';
  readonly data: ProjectAgent;
}

export interface ProjectAgentRemoved {
  readonly type: 'ProjectAgentRemoved';
  readonly data: ProjectAgent;
}

export type ProjectHandleEvent = ProjectHandleReserved | ProjectHandleReleased;

export type ProjectEvent =
  | ProjectCreated
  | ProjectChanged
  | ProjectArchived
  | ProjectRestored
  | ProjectDeleted
  | ProjectAgentAssigned
  | ProjectAgentRemoved;

const id = { type: 'integer', minimum: 1 };
const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });
const optionalText = (maxLength: number) => ({ type: ['string', 'null'], maxLength });
const name = text(200);

const fields = {
  name,
  ticketPrefix: text(20),
  description: optionalText(5_000),
  githubRepo: optionalText(200),
  deadline: { type: ['integer', 'null'], minimum: 0, maximum: 4_102_444_800 },
  color: optionalText(50),
};

function object(properties: Record<string, object>, required: readonly string[] = Object.keys(properties)) {
  return { type: 'object', properties, required, additionalProperties: false };
}

const handle = object({ projectId: id, kind: { enum: ['slug', 'prefix'] }, handle: text(200) });
const named = { projectId: id, name };
const agent = object({ ...named, agentId: id, agentName: text(100), role: text(100) });
const stream = 'project-{id}';
const producer = 'projects';
const frame = 'activity.created';

export const projectEventContracts = [
  eventContract<ProjectHandleReserved>({
    type: 'ProjectHandleReserved',
    stream: 'projecthandle-{hash}',
    description: 'A slug or a ticket prefix was taken; this event decides which project has it.',
    producer,
    schema: handle,
  }),
  eventContract<ProjectHandleReleased>({
    type: 'ProjectHandleReleased',
    stream: 'projecthandle-{hash}',
    description: 'A slug or a ticket prefix became free again: its project was deleted, or never came to have it.',
    producer,
    schema: handle,
  }),
  eventContract<ProjectCreated>({
    type: 'ProjectCreated',
    stream,
    description: 'There is a project from here on. The project general comes with its workspace.',
    producer,
    frame,
    schema: object({ ...fields, projectId: id, slug: text(200) }),
  }),
  eventContract<ProjectChanged>({
    type: 'ProjectChanged',
    stream,
    description: 'Fields of a project were set, and what they were.',
    producer,
    frame,
    schema: object({ ...named, changes: object(fields, []), previous: object(fields, []) }),
  }),
  eventContract<ProjectArchived>({
    type: 'ProjectArchived',
    stream,
    description: 'A project takes no new tasks any more; those that it has stay.',
    producer,
    frame,
    schema: object(named),
  }),
  eventContract<ProjectRestored>({
    type: 'ProjectRestored',
    stream,
    description: 'An archived project is active again.',
    producer,
    frame,
    schema: object(named),
  }),
  eventContract<ProjectDeleted>({
    type: 'ProjectDeleted',
    stream,
    description: 'A project is gone; its tasks move to its successor, the project general.',
    producer,
    frame,
    schema: object({ ...named, successorId: id }),
  }),
  eventContract<ProjectAgentAssigned>({
    type: 'ProjectAgentAssigned',
    stream,
    description: 'An agent works for a project, in this role.',
    producer,
    frame,
    schema: agent,
  }),
  eventContract<ProjectAgentRemoved>({
    type: 'ProjectAgentRemoved',
    stream,
    description: 'An agent no longer works for a project.',
    producer,
    frame,
    schema: agent,
  }),
];
