import { type LogEntry, isReadable } from '../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, laterOf, type Position } from '../platform/event-store/position.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import type { InboxEvent, NotificationRaised } from '../notifications/notifications.events.js';
import type { TaskEvent, TaskMove } from '../tasks/tasks.events.js';

/** An agent, or a name that nobody held. */
interface Touched {
  readonly name: string | null;
  readonly agentId: number | null;
}

type TouchingEvent = TaskEvent | NotificationRaised | InboxEvent;
type Touching = TouchingEvent extends infer E ? (E extends TouchingEvent ? StoredEvent<E> & E : never) : never;

const touchingTypes: ReadonlySet<string> = new Set<TouchingEvent['type']>([
  'TaskCreated',
  'TaskChanged',
  'TaskClaimed',
  'TaskLeaseRenewed',
  'TaskReleased',
  'TaskLeaseExpired',
  'TaskStatusSet',
  'TaskReviewed',
  'TaskDeleted',
  'CommentAdded',
  'TaskBroadcast',
  'TaskProgressReported',
  'TaskCompletionReported',
  'TaskFailureReported',
  'NotificationRaised',
  'NotificationsRead',
  'NotificationsDelivered',
  'NotificationsDeleted',
]);

/** Most agents and names that are told apart; past that all count as touched, and it begins anew. */
const REMEMBERED = 50_000;

/** When a fact last changed what an agent has to do, as the log goes by. */
export class TouchedAgents {
  private readonly last = new Map<string, Position>();
  private floor: Position = BEFORE_EVERYTHING;

  follow(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      // What cannot be read may be about anybody.
      if (!isReadable(entry)) this.touchAll(entry.position);
      else if (isTouching(entry)) for (const one of touchedBy(entry)) this.touch(entry, one);
    }
  }

  /** Nothing that was followed has changed anything for the agent after this. */
  lastOf(workspaceId: number, agentId: number, name: string): Position {
    const keys = [keyOf(workspaceId, { agentId, name }), keyOf(workspaceId, { agentId: null, name })];
    return keys.reduce<Position>((latest, key) => laterOf(latest, this.last.get(key) ?? BEFORE_EVERYTHING), this.floor);
  }

  private touch({ metadata, position }: StoredEvent, one: Touched): void {
    if (one.agentId === null && one.name === null) return;
    this.last.set(keyOf(metadata.workspaceId, one), position);
    if (this.last.size > REMEMBERED) this.touchAll(position);
  }

  private touchAll(position: Position): void {
    this.last.clear();
    this.floor = laterOf(this.floor, position);
  }
}

function keyOf(workspaceId: number, { agentId, name }: Touched): string {
  return agentId === null ? `${workspaceId}:${name}` : `#${agentId}`;
}

function isTouching(event: StoredEvent): event is Touching {
  return touchingTypes.has(event.type);
}

/** Whose work items an event may change. */
function touchedBy(event: Touching): readonly Touched[] {
  switch (event.type) {
    case 'TaskCreated':
    case 'TaskProgressReported':
    case 'TaskCompletionReported':
    case 'TaskFailureReported':
      return [assigneeOf(event.data.task)];
    case 'TaskChanged': {
      const { task, previous } = event.data;
      const { assignedTo = task.assignedTo, assignedAgentId = task.assignedAgentId } = previous;
      return [assigneeOf(task), { name: assignedTo, agentId: assignedAgentId }];
    }
    case 'TaskClaimed':
    case 'TaskReleased':
    case 'TaskLeaseExpired':
    case 'TaskStatusSet':
    case 'TaskReviewed':
      return [assigneeOf(event.data), previousOf(event.data)];
    case 'TaskLeaseRenewed':
      return [{ name: event.data.holder, agentId: event.data.holderAgentId }];
    case 'TaskDeleted':
    case 'CommentAdded':
    case 'TaskBroadcast':
      return [assigneeOf(event.data)];
    case 'NotificationRaised':
    case 'NotificationsRead':
    case 'NotificationsDelivered':
    case 'NotificationsDeleted':
      return [{ name: event.data.recipient, agentId: event.data.recipientAgentId }];
  }
}

type Assignment = Pick<TaskMove, 'assignedTo' | 'assignedAgentId'>;

function assigneeOf({ assignedTo, assignedAgentId }: Assignment): Touched {
  return { name: assignedTo, agentId: assignedAgentId };
}

function previousOf({ previousAssignee, previousAgentId }: TaskMove): Touched {
  return { name: previousAssignee, agentId: previousAgentId };
}
