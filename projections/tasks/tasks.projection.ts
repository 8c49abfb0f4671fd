import type { TaskEvent } from '../../src/tasks/tasks.events.js';
import { defineProjection } from '../engine/projection.js';
import { foldTasks, type TaskChanges } from './tasks.fold.js';
import { tasksTables } from './tasks.tables.js';
import { writeTasks } from './tasks.writer.js';

export const tasks = defineProjection<TaskEvent, TaskChanges>({
  name: 'tasks',
  policy: 'park-key',
  handles: [
    'TaskCreated',
    'TaskChanged',
    'TaskClaimed',
    'TaskLeaseRenewed',
    'TaskReleased',
    'TaskLeaseExpired',
    'TaskStatusSet',
    'TaskReviewed',
    'CommentAdded',
    'TaskBroadcast',
    'TaskProgressReported',
    'TaskCompletionReported',
    'TaskFailureReported',
    'TaskDeleted',
  ],
  tables: tasksTables,
  // A task's stream is its key; it is `task-{id}` also where the data cannot be read.
  keyOf: (entry) => entry.stream,
  fold: foldTasks,
  write: writeTasks,
});
