import type { TaskDetailsBody } from './task-bodies.js';
import type { TaskChanges } from './task.decider.js';
import type { TaskFields } from './tasks.events.js';

type Plain = Pick<
  TaskFields,
  | 'description'
  | 'dueDate'
  | 'estimatedHours'
  | 'actualHours'
  | 'tags'
  | 'metadata'
  | 'outcome'
  | 'errorMessage'
  | 'resolution'
  | 'feedbackRating'
  | 'feedbackNotes'
  | 'retryCount'
  | 'completedAt'
>;

/** The fields that mean what they say, as a new task has them; assignee, project and status need a look around. */
export function plainFields(body: TaskDetailsBody): Plain {
  return {
    description: body.description ?? null,
    dueDate: body.due_date ?? null,
    estimatedHours: body.estimated_hours ?? null,
    actualHours: body.actual_hours ?? null,
    tags: body.tags ?? [],
    metadata: body.metadata ?? {},
    outcome: body.outcome ?? null,
    errorMessage: body.error_message ?? null,
    resolution: body.resolution ?? null,
    feedbackRating: body.feedback_rating ?? null,
    feedbackNotes: body.feedback_notes ?? null,
    retryCount: body.retry_count ?? 0,
    completedAt: body.completed_at ?? null,
  };
}

const given: Readonly<Record<keyof Plain, keyof TaskDetailsBody>> = {
  description: 'description',
  dueDate: 'due_date',
  estimatedHours: 'estimated_hours',
  actualHours: 'actual_hours',
  tags: 'tags',
  metadata: 'metadata',
  outcome: 'outcome',
  errorMessage: 'error_message',
  resolution: 'resolution',
  feedbackRating: 'feedback_rating',
  feedbackNotes: 'feedback_notes',
  retryCount: 'retry_count',
  completedAt: 'completed_at',
};

/** Of those fields the ones that the body names; null clears them. */
export function plainChanges(body: TaskDetailsBody): TaskChanges {
  const named = (Object.keys(given) as (keyof Plain)[]).filter((field) => body[given[field]] !== undefined);
  const values = plainFields(body);
  return Object.fromEntries(named.map((field) => [field, values[field]]));
}
