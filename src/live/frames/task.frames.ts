import type { EventMetadata, Json } from '../../platform/event-store/stored-event.js';
import { publicField, secondsOf, taskJson } from '../../tasks/task-json.js';
import type {
  CommentAdded,
  TaskBroadcast,
  TaskChanged,
  TaskClaimed,
  TaskCompletionReported,
  TaskCreated,
  TaskDeleted,
  TaskFailureReported,
  TaskLeaseExpired,
  TaskMove,
  TaskProgressReported,
  TaskReleased,
  TaskReport,
  TaskReviewed,
  TaskSnapshot,
  TaskStatusSet,
} from '../../tasks/tasks.events.js';
import { activityContent } from './activity-frame.js';
import { frameMapping, type FrameContent, type FramePlace, type FrameSubject } from './frame-mapping.js';

const STATUS_CHANGED = 'task.status_changed';

export const taskFrames = [
  frameMapping<TaskCreated>({
    event: 'TaskCreated',
    frame: 'task.created',
    map: ({ task }, metadata, place) => ({ data: taskData(task, metadata, place), about: aboutTask(task) }),
  }),
  frameMapping<TaskChanged>({
    event: 'TaskChanged',
    frame: 'task.updated',
    map: ({ task, changes, previous, reason }, metadata, place) => ({
      data: {
        ...taskData(task, metadata, place),
        changes: [...new Set(changes.map((field) => publicField[field]))],
        ...(previous.status === undefined ? {} : { previous_status: previous.status }),
        ...(reason === 'mention' ? { reason } : {}),
      },
      about: aboutTask(task, previous.assignedTo, previous.assignedAgentId),
    }),
  }),
  frameMapping<TaskClaimed>({
    event: 'TaskClaimed',
    frame: STATUS_CHANGED,
    map: (data, metadata) =>
      moved(data, metadata, 'claimed', {
        lease_expires_at: secondsOf(metadata.recordedAt) + data.leaseSeconds,
      }),
  }),
  frameMapping<TaskReleased>({
    event: 'TaskReleased',
    frame: STATUS_CHANGED,
    map: (data, metadata) => moved(data, metadata, 'released'),
  }),
  frameMapping<TaskLeaseExpired>({
    event: 'TaskLeaseExpired',
    frame: STATUS_CHANGED,
    map: (data, metadata) => moved(data, metadata, 'lease_expired'),
  }),
  frameMapping<TaskStatusSet>({
    event: 'TaskStatusSet',
    frame: STATUS_CHANGED,
    map: (data, metadata) => moved(data, metadata, 'bulk_update'),
  }),
  frameMapping<TaskReviewed>({
    event: 'TaskReviewed',
    frame: STATUS_CHANGED,
    map: (data, metadata, place) => {
      if (data.status !== data.previousStatus) {
        const rejected = data.errorMessage === null ? {} : { error_message: data.errorMessage };
        return moved(data, metadata, `review_${data.verdict}`, rejected);
      }
      return {
        frame: 'activity.created',
        ...activityContent(metadata, place, {
          type: 'quality_review',
          entityType: 'task',
          entityId: data.taskId,
          description: `${data.reviewer} ${data.verdict} ${data.title}`,
          data: { reviewer: data.reviewer, status: data.verdict },
          about: aboutMove(data),
        }),
      };
    },
  }),
  frameMapping<CommentAdded>({
    event: 'CommentAdded',
    frame: 'comment.added',
    map: (data, metadata) => ({
      data: {
        id: data.commentId,
        task_id: data.taskId,
        task_title: data.taskTitle,
        author: data.author,
        content: data.content,
        created_at: secondsOf(metadata.recordedAt),
        parent_id: data.parentId,
        mentions: data.mentions.map(({ name }) => name),
      },
      about: { taskIds: [data.taskId], ...agentsOf([data.assignedTo, data.assignedAgentId]) },
    }),
  }),
  frameMapping<TaskBroadcast>({
    event: 'TaskBroadcast',
    frame: 'activity.created',
    map: (data, metadata, place) =>
      activityContent(metadata, place, {
        type: 'task_broadcast',
        entityType: 'task',
        entityId: data.taskId,
        description: `${metadata.actor.name} told everybody who follows ${data.title}: ${data.message}`,
        data: { message: data.message, recipients: data.recipients.map(({ name }) => name) },
        about: { taskIds: [data.taskId], ...agentsOf([data.assignedTo, data.assignedAgentId]) },
      }),
  }),
  frameMapping<TaskProgressReported>({
    event: 'TaskProgressReported',
    frame: 'activity.created',
    map: ({ task, message }, metadata, place) =>
      activityContent(metadata, place, {
        type: 'task_progress',
        entityType: 'task',
        entityId: task.taskId,
        description: `${metadata.actor.name} is working on ${task.title}: ${message}`,
        data: { message, progress: task.progress },
        about: aboutTask(task),
      }),
  }),
  frameMapping<TaskCompletionReported>({
    event: 'TaskCompletionReported',
    frame: STATUS_CHANGED,
    map: (data, metadata) => reported(data, metadata, 'callback_completed'),
  }),
  frameMapping<TaskFailureReported>({
    event: 'TaskFailureReported',
    frame: STATUS_CHANGED,
    map: (data, metadata) => {
      const { errorMessage } = data.task;
      return reported(data, metadata, 'callback_failed', errorMessage === null ? {} : { error_message: errorMessage });
    },
  }),
  frameMapping<TaskDeleted>({
    event: 'TaskDeleted',
    frame: 'task.deleted',
    map: ({ taskId, title, assignedTo, assignedAgentId }) => ({
      data: { id: taskId, title },
      about: { taskIds: [taskId], ...agentsOf([assignedTo, assignedAgentId]) },
    }),
  }),
];

function taskData(task: TaskSnapshot, metadata: EventMetadata, place: FramePlace) {
  return taskJson(task, {
    workspaceId: metadata.workspaceId,
    updatedAt: metadata.recordedAt,
    revision: place.revision,
    leaseExpiresAt: null,
  });
}

function moved(
  move: TaskMove,
  metadata: EventMetadata,
  reason: string,
  more: { readonly [key: string]: Json } = {},
): FrameContent {
  return {
    data: {
      id: move.taskId,
      title: move.title,
      status: move.status,
      previous_status: move.previousStatus,
      assigned_to: move.assignedTo,
      reason,
      updated_at: secondsOf(metadata.recordedAt),
      ...more,
    },
    about: aboutMove(move),
  };
}

function reported(
  { task, previousStatus }: TaskReport,
  metadata: EventMetadata,
  reason: string,
  more: { readonly [key: string]: Json } = {},
): FrameContent {
  return {
    data: {
      id: task.taskId,
      title: task.title,
      status: task.status,
      previous_status: previousStatus,
      assigned_to: task.assignedTo,
      reason,
      updated_at: secondsOf(metadata.recordedAt),
      ...more,
    },
    about: aboutTask(task),
  };
}

function aboutMove(move: TaskMove): FrameSubject {
  return {
    taskIds: [move.taskId],
    ...agentsOf([move.assignedTo, move.assignedAgentId], [move.previousAssignee, move.previousAgentId]),
  };
}

/** Tasks that an agent holds, or held just before, are its own. */
function aboutTask(task: TaskSnapshot, previousAssignee?: string | null, previousAgentId?: number | null) {
  return {
    taskIds: [task.taskId],
    ...agentsOf([task.assignedTo, task.assignedAgentId], [previousAssignee ?? null, previousAgentId ?? null]),
  };
}

function agentsOf(...assignees: readonly (readonly [string | null, number | null])[]) {
  return {
    agentNames: [...new Set(assignees.flatMap(([name]) => (name === null ? [] : [name])))],
    agentIds: [...new Set(assignees.flatMap(([, id]) => (id === null ? [] : [id])))],
  };
}
