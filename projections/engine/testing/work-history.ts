import type { ProposedEvent } from '../../../src/platform/event-store/stored-event.js';
import { idOf, type Written } from './log-of.js';
import { TaskHistory } from './task-history.js';

export interface ProposedTo {
  readonly stream: string;
  readonly event: ProposedEvent;
}

const EPOCH = Date.parse('2026-01-01T00:00:00.000Z');
const AGENTS = 100;
const PROJECTS = 10;

/** Events of one task of {@link workOf}. */
export const EVENTS_A_TASK = 10;

/**
 * What happens to one task in a busy workspace: created for an agent, claimed, discussed, delivered and approved, with
 * the notifications of it and their acknowledgement. Neighbours of one stream stand together.
 */
export function workOf(taskId: number): readonly ProposedTo[] {
  const agentId = 1 + (taskId % AGENTS);
  const name = `agent-${agentId}`;
  const task = new TaskHistory(taskId * 10)
    .create(taskId, {
      assignedTo: name,
      assignedAgentId: agentId,
      status: 'assigned',
      projectId: 1 + (taskId % PROJECTS),
      description: 'What is to be done, and how it is known to be done. '.repeat(6),
      tags: ['backend'],
      metadata: { implementation_repo: 'acme/app' },
    })
    .claim(taskId, name, agentId)
    .comment(taskId, name, 'on it', 'renewed')
    .change(taskId, { status: 'review', resolution: 'done as asked' }, 'ended')
    .review(taskId, 'aegis', 'approved', { status: 'done', gate: 'open', completedAt: EPOCH / 1_000 + taskId });
  const ids = [0, 1, 2, 3].map((index) => taskId * 10 + index);
  const raised = ids.map((id) => notification(id, taskId, { recipient: name, recipientAgentId: agentId }));
  const read: Written = {
    stream: `inbox-${idOf(name)}`,
    type: 'NotificationsRead',
    data: { recipient: name, recipientAgentId: agentId, ids },
  };
  return [...task.written, ...raised, read].map((written, index) => proposed(written, taskId * EVENTS_A_TASK + index));
}

function notification(id: number, taskId: number, to: object): Written {
  const uuid = idOf(`notification ${id}`);
  return {
    stream: `notification-${uuid}`,
    type: 'NotificationRaised',
    data: {
      notificationId: id,
      uuid,
      ...to,
      type: 'status_change',
      title: 'Task moved',
      message: `Task ${taskId} was moved`,
      sourceType: 'task',
      sourceId: taskId,
      taskId,
      commentId: null,
      author: 'ops',
      excerpt: null,
      taskTitle: `Task ${taskId}`,
    },
  };
}

function proposed({ stream, type, data }: Written, place: number): ProposedTo {
  const at = new Date(EPOCH + place * 100).toISOString();
  const metadata = {
    workspaceId: 1,
    correlationId: idOf('correlation'),
    causationId: idOf('cause'),
    actor: { kind: 'key', id: 'ops', name: 'ops' },
    occurredAt: at,
    recordedAt: at,
  } as const;
  return { stream, event: { id: idOf(`work ${place}`), type, data, metadata } };
}
