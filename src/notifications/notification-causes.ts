import type { Actor, DomainEvent, StoredEvent } from '../platform/event-store/stored-event.js';
import { derivedId } from '../platform/ids/ids.js';
import type {
  CommentAdded,
  Recipient,
  TaskBroadcast,
  TaskChanged,
  TaskCreated,
  TaskReviewed,
  TaskStatusSet,
} from '../tasks/tasks.events.js';
import type { NotificationRaised, NotificationType } from './notifications.events.js';

export type CausingEvent = TaskCreated | TaskChanged | TaskStatusSet | TaskReviewed | CommentAdded | TaskBroadcast;

/** Every event type that may cause notifications. */
export const causingTypes: ReadonlySet<string> = new Set<CausingEvent['type']>([
  'TaskCreated',
  'TaskChanged',
  'TaskStatusSet',
  'TaskReviewed',
  'CommentAdded',
  'TaskBroadcast',
]);

/** An event as far as its notifications depend on it. */
export interface Cause<E extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly metadata: { readonly actor: Actor };
}

/** A notification that an event causes; only its number is not yet known. */
export interface CausedNotification {
  /** Also the id of the `NotificationRaised` event. */
  readonly uuid: string;
  readonly stream: string;
  readonly data: Omit<NotificationRaised['data'], 'notificationId'>;
}

interface Addressed {
  readonly to: Recipient;
  readonly type: NotificationType;
  readonly title: string;
  readonly message: string;
  readonly excerpt: string | null;
}

interface Subject {
  readonly taskId: number;
  readonly taskTitle: string;
  readonly commentId: number | null;
  readonly author: string;
}

const EXCERPT_CHARACTERS = 100;

/** Of several reasons to tell one recipient of one fact, the first one here is told. */
const precedence: readonly NotificationType[] = [
  'mention',
  'comment',
  'assignment',
  'status_change',
  'message',
  'heartbeat',
];

/**
 * Whom an event must be told to, and how: pure, so that the reactor that raises the notifications and the request that
 * waits for them agree without speaking. One per recipient, never the actor; none for events that are nobody's business.
 */
export function notificationsCausedBy(event: Cause | StoredEvent): readonly CausedNotification[] {
  if (!isCausing(event)) return [];
  const { subject, addressed } = tellingOf(event);
  const told: Addressed[] = [];
  for (const type of precedence) {
    for (const one of addressed) {
      if (one.type !== type || isActor(one.to, event) || told.some(({ to }) => isSame(to, one.to))) continue;
      told.push(one);
    }
  }
  return told.map((one) => caused(event, subject, one));
}

function isCausing(event: Cause | StoredEvent): event is CausingCause {
  return causingTypes.has(event.type);
}

type CausingCause = CausingEvent extends infer E ? (E extends CausingEvent ? Cause<E> & E : never) : never;

/** A name without an agent is whoever has that name. */
function isSame(one: Recipient, other: Recipient): boolean {
  if (one.agentId !== null && other.agentId !== null) return one.agentId === other.agentId;
  return one.name === other.name;
}

function isActor(to: Recipient, event: CausingCause): boolean {
  if (event.type === 'CommentAdded' && event.data.authorAgentId !== null && event.data.authorAgentId === to.agentId) {
    return true;
  }
  const { actor } = event.metadata;
  if (actor.kind !== 'agent') return false;
  return to.agentId === null ? to.name === actor.name : String(to.agentId) === actor.id;
}

function caused(event: CausingCause, subject: Subject, { to, type, title, message, excerpt }: Addressed) {
  const uuid = derivedId('notification', event.id, to.agentId ?? '', to.agentId === null ? to.name : '');
  const { taskId, commentId } = subject;
  return {
    uuid,
    stream: `notification-${uuid}`,
    data: {
      uuid,
      recipient: to.name,
      recipientAgentId: to.agentId,
      type,
      title,
      message,
      sourceType: commentId === null ? ('task' as const) : ('comment' as const),
      sourceId: commentId ?? taskId,
      ...subject,
      excerpt,
    },
  };
}

function tellingOf(event: CausingCause): { readonly subject: Subject; readonly addressed: readonly Addressed[] } {
  const actor = event.metadata.actor.name;
  switch (event.type) {
    case 'TaskCreated':
      return {
        subject: taskSubject(event.data.task.taskId, event.data.task.title, actor),
        addressed: [...mentionedInTask(event.data, actor), ...assigned(event.data.task, actor)],
      };
    case 'TaskChanged':
      return {
        subject: taskSubject(event.data.task.taskId, event.data.task.title, actor),
        addressed: [...mentionedInTask(event.data, actor), ...changed(event.data, actor)],
      };
    case 'TaskStatusSet':
    case 'TaskReviewed':
      return {
        subject: taskSubject(event.data.taskId, event.data.title, actor),
        addressed: moved(event.data, event.type === 'TaskReviewed' ? event.data.reviewer : actor),
      };
    case 'CommentAdded':
      return { subject: commentSubject(event.data), addressed: commented(event.data) };
    case 'TaskBroadcast':
      return {
        subject: taskSubject(event.data.taskId, event.data.title, actor),
        addressed: event.data.recipients.map((to) => ({
          to,
          type: 'message',
          title: 'Task broadcast',
          message: event.data.message,
          excerpt: excerptOf(event.data.message),
        })),
      };
  }
}

function taskSubject(taskId: number, taskTitle: string, author: string): Subject {
  return { taskId, taskTitle, commentId: null, author };
}

function commentSubject({ taskId, taskTitle, commentId, author }: CommentAdded['data']): Subject {
  return { taskId, taskTitle, commentId, author };
}

function mentionedInTask(
  { task, mentions }: Pick<TaskCreated['data'], 'task' | 'mentions'>,
  actor: string,
): readonly Addressed[] {
  const excerpt = task.description === null ? null : excerptOf(task.description);
  return mentions.map((to) => ({
    to,
    type: 'mention',
    title: 'You were mentioned',
    message: `${actor} mentioned you in the description of "${task.title}"`,
    excerpt,
  }));
}

function assigned(task: Assigned, actor: string): readonly Addressed[] {
  return toAssignee(task, (to) => ({
    to,
    type: 'assignment',
    title: 'Task assigned',
    message: `${actor} assigned "${task.title}" to you`,
    excerpt: null,
  }));
}

/** Whoever a comment made the assignee is told by its mention. */
function changed({ task, changes, previous, reason }: TaskChanged['data'], actor: string): readonly Addressed[] {
  if (reason === 'mention') return [];
  if (changes.includes('assignedTo') || changes.includes('assignedAgentId')) return assigned(task, actor);
  if (previous.status === undefined) return [];
  return moved({ ...task, previousStatus: previous.status }, actor);
}

type Moved = Assigned & { readonly status: string; readonly previousStatus: string };

function moved(move: Moved, by: string): readonly Addressed[] {
  if (move.status === move.previousStatus) return [];
  return toAssignee(move, (to) => ({
    to,
    type: 'status_change',
    title: 'Task status changed',
    message: `${by} moved "${move.title}" from ${move.previousStatus} to ${move.status}`,
    excerpt: null,
  }));
}

function commented({ author, content, taskTitle, mentions, subscribers }: CommentAdded['data']): readonly Addressed[] {
  const excerpt = excerptOf(content);
  const tell = (to: Recipient, type: 'mention' | 'comment'): Addressed => ({
    to,
    type,
    title: type === 'mention' ? 'You were mentioned' : 'New comment',
    message: `${author} ${type === 'mention' ? 'mentioned you in a comment' : 'commented'} on "${taskTitle}": ${excerpt}`,
    excerpt,
  });
  return [...mentions.map((to) => tell(to, 'mention')), ...subscribers.map((to) => tell(to, 'comment'))];
}

interface Assigned {
  readonly title: string;
  readonly assignedTo: string | null;
  readonly assignedAgentId: number | null;
}

function toAssignee({ assignedTo, assignedAgentId }: Assigned, tell: (to: Recipient) => Addressed): Addressed[] {
  return assignedTo === null ? [] : [tell({ name: assignedTo, agentId: assignedAgentId })];
}

/** Whole characters: half of a surrogate pair would be no text. */
function excerptOf(text: string): string {
  return Array.from(text.slice(0, EXCERPT_CHARACTERS * 2))
    .slice(0, EXCERPT_CHARACTERS)
    .join('');
}
