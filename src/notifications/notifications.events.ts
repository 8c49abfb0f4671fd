import { eventContract } from '../platform/event-store/event-contract.js';

/** `heartbeat` is the contract's word for notices of an agent's own beat; nothing raises one yet. */
export const notificationTypes = ['assignment', 'mention', 'comment', 'status_change', 'message', 'heartbeat'] as const;
export type NotificationType = (typeof notificationTypes)[number];

export const notificationSources = ['task', 'comment'] as const;
export type NotificationSource = (typeof notificationSources)[number];

/**
 * Stream `notification-{uuid}`, whose name is derived from the cause and the recipient, so that a notification is raised
 * once whoever tries. The id of the event is the uuid.
 */
export interface NotificationRaised {
  readonly type: 'NotificationRaised';
  readonly data: {
    readonly notificationId: number;
    readonly uuid: string;
    /** The name by which the recipient was addressed, and the agent that held it then; null: nobody did. */
    readonly recipient: string;
    readonly recipientAgentId: number | null;
    readonly type: NotificationType;
    readonly title: string;
    readonly message: string;
    readonly sourceType: NotificationSource;
    readonly sourceId: number;
    readonly taskId: number;
    readonly commentId: number | null;
    readonly author: string;
    /** The first 100 characters of what was written; null: the cause holds no text. */
    readonly excerpt: string | null;
    readonly taskTitle: string;
  };
}

/** Ids of notifications of one recipient. */
interface Marked {
  readonly recipient: string;
  readonly recipientAgentId: number | null;
  readonly ids: readonly number[];
}

/** Stream `inbox-{uuid}`, derived from workspace and recipient. */
export interface NotificationsRead {
  readonly type: 'NotificationsRead';
  readonly data: Marked;
}

export interface NotificationsDelivered {
  readonly type: 'NotificationsDelivered';
  readonly data: Marked;
}

export interface NotificationsDeleted {
  readonly type: 'NotificationsDeleted';
  readonly data: Marked;
}

export type InboxEvent = NotificationsRead | NotificationsDelivered | NotificationsDeleted;
export type NotificationEvent = NotificationRaised | InboxEvent;

/** Most ids that one inbox event may hold. */
export const MAX_MARKED = 1_000;

const id = { type: 'integer', minimum: 1 };
const optionalId = { type: ['integer', 'null'], minimum: 1 };
const text = (maxLength: number, minLength = 0) => ({ type: 'string', minLength, maxLength });
const recipient = { recipient: text(100, 1), recipientAgentId: optionalId };

function object(properties: Record<string, object>) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

const marked = object({
  ...recipient,
  ids: { type: 'array', minItems: 1, maxItems: MAX_MARKED, items: id },
});

const inbox = 'inbox-{uuid}';
const activity = 'activity.created';

export const notificationEventContracts = [
  eventContract<NotificationRaised>({
    type: 'NotificationRaised',
    stream: 'notification-{uuid}',
    description: 'Somebody is told of a fact that concerns them: once per fact and recipient.',
    producer: 'notifications',
    frame: 'notification.created',
    schema: object({
      notificationId: id,
      uuid: { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' },
      ...recipient,
      type: { enum: notificationTypes },
      title: text(200, 1),
      message: text(60_000),
      sourceType: { enum: notificationSources },
      sourceId: id,
      taskId: id,
      commentId: optionalId,
      author: text(200, 1),
      excerpt: { type: ['string', 'null'], maxLength: 200 },
      taskTitle: text(500, 1),
    }),
  }),
  eventContract<NotificationsRead>({
    type: 'NotificationsRead',
    stream: inbox,
    description: 'A recipient has read these notifications, or somebody for them.',
    producer: 'notifications, heartbeats',
    frame: activity,
    schema: marked,
  }),
  eventContract<NotificationsDelivered>({
    type: 'NotificationsDelivered',
    stream: inbox,
    description: 'These notifications reached their recipient.',
    producer: 'notifications, heartbeats',
    frame: activity,
    schema: marked,
  }),
  eventContract<NotificationsDeleted>({
    type: 'NotificationsDeleted',
    stream: inbox,
    description: 'These notifications are gone from every list; that they were raised stays.',
    producer: 'notifications',
    frame: activity,
    schema: marked,
  }),
];
