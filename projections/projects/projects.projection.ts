import type { ProjectEvent } from '../../src/projects/projects.events.js';
import { defineProjection } from '../engine/projection.js';
import { foldProjects, type ProjectsChanges } from './projects.fold.js';
import { projectsTables } from './projects.tables.js';
import { writeProjects } from './projects.writer.js';

export const projects = defineProjection<ProjectEvent, ProjectsChanges>({
  name: 'projects',
  policy: 'park-key',
  handles: [
    'ProjectCreated',
    'ProjectChanged',
    'ProjectArchived',
    'ProjectRestored',
    'ProjectDeleted',
    'ProjectAgentAssigned',
    'ProjectAgentRemoved',
  ],
  tables: projectsTables,
  keyOf: ({ stream }) => stream,
  fold: foldProjects,
  write: writeProjects,
});
