import type { TaskFields } from '../../src/tasks/tasks.events.js';

/** A task that says nothing beyond what it must. */
export const untouchedTask: TaskFields = {
  title: 'A task',
  description: null,
  status: 'inbox',
  priority: 'medium',
  assignedTo: null,
  assignedAgentId: null,
  projectId: 1,
  projectName: 'General',
  projectPrefix: 'TASK',
  ticketNo: 1,
  dueDate: null,
  estimatedHours: null,
  actualHours: null,
  tags: [],
  metadata: {},
  outcome: null,
  errorMessage: null,
  resolution: null,
  feedbackRating: null,
  feedbackNotes: null,
  retryCount: 0,
  completedAt: null,
};
