import { accepted, refused, type Decision } from '../platform/decider/decider.js';
import { differences, leaseEffect, statusAfterAssignment } from './task-change.state.js';
import { isHolder } from './task-lease.decider.js';
import { sameRecipient, type LiveTask } from './task.state.js';
import type { Recipient, TaskEvent } from './tasks.events.js';

export interface AddComment {
  readonly type: 'AddComment';
  readonly commentId: number;
  readonly author: Recipient;
  readonly content: string;
  readonly parentId: number | null;
  readonly mentions: readonly Recipient[];
}

/** Additive without an id of its own: every one counts. */
export interface Broadcast {
  readonly type: 'Broadcast';
  readonly message: string;
  readonly by: Recipient;
}

export type DiscussionRefusal = { readonly kind: 'NoSuchParent' };

type DiscussionDecision = Decision<TaskEvent, DiscussionRefusal>;

export function decideComment(command: AddComment, task: LiveTask): DiscussionDecision {
  const { commentId, author, content, parentId } = command;
  if (task.commentIds.includes(commentId)) return accepted();
  if (parentId !== null && !task.commentIds.includes(parentId)) return refused({ kind: 'NoSuchParent' });
  const { taskId, title: taskTitle, assignedTo, assignedAgentId } = task.snapshot;
  const others = task.subscribers.filter(
    (one) => !sameRecipient(one, author) && !command.mentions.some((mentioned) => sameRecipient(one, mentioned)),
  );
  return accepted<TaskEvent>(
    {
      type: 'CommentAdded',
      data: {
        commentId,
        taskId,
        taskTitle,
        author: author.name,
        authorAgentId: author.agentId,
        content,
        parentId,
        mentions: command.mentions,
        subscribers: others,
        assignedTo,
        assignedAgentId,
        lease: leaseEffect(task, task.snapshot, isHolder(task, author)),
      },
    },
    ...assignedByMention(task, command.mentions[0]),
  );
}

/** Nobody has the task: whoever is asked first has it from here on. */
function assignedByMention({ snapshot }: LiveTask, mentioned: Recipient | undefined): readonly TaskEvent[] {
  if (mentioned === undefined || snapshot.assignedTo !== null) return [];
  const assigned = { ...snapshot, assignedTo: mentioned.name, assignedAgentId: mentioned.agentId };
  const task = { ...assigned, status: statusAfterAssignment(snapshot, assigned) };
  const changes = differences(snapshot, task);
  const previous = Object.fromEntries(changes.map((field) => [field, snapshot[field]]));
  return [{ type: 'TaskChanged', data: { task, changes, previous, mentions: [], reason: 'mention', lease: 'none' } }];
}

export function decideBroadcast({ message, by }: Broadcast, task: LiveTask): DiscussionDecision {
  const { taskId, title, assignedTo, assignedAgentId } = task.snapshot;
  const recipients = task.subscribers.filter((one) => !sameRecipient(one, by));
  return accepted({
    type: 'TaskBroadcast',
    data: { taskId, title, message, recipients, assignedTo, assignedAgentId },
  });
}
