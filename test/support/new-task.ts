import { randomUUID } from 'node:crypto';
import type { ProposedEvent } from '../../src/platform/event-store/stored-event.js';
import { taskDecider } from '../../src/tasks/task.decider.js';
import type { TaskFields } from '../../src/tasks/tasks.events.js';

/** The fact that there is a new task, for tests that are about what happens to it afterwards. */
export function newTask(taskId: number, fields: Partial<TaskFields> = {}, workspaceId = 1): ProposedEvent {
  const createdAt = new Date().toISOString();
  const decision = taskDecider.decide(
    {
      type: 'CreateTask',
      taskId,
      fields: { ...untouchedTask, ...fields },
      author: { name: 'tester', agentId: null },
      createdAt,
      at: Math.floor(Date.parse(createdAt) / 1_000),
      mentions: [],
    },
    taskDecider.initialState,
  );
  const [event] = decision.kind === 'accepted' ? decision.events : [];
  if (event === undefined) throw new Error(`task ${taskId} cannot be created`);
  const id = randomUUID();
  return {
    ...event,
    id,
    metadata: {
      workspaceId,
      correlationId: id,
      causationId: id,
      actor: { kind: 'system', id: 'test', name: 'tester' },
      occurredAt: createdAt,
      recordedAt: createdAt,
    },
  };
}

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
