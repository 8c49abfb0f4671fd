import type { EventMetadata } from '../../platform/event-store/stored-event.js';
import { secondsOf } from '../../tasks/task-json.js';
import type {
  InboxEvent,
  NotificationRaised,
  NotificationsDeleted,
  NotificationsDelivered,
  NotificationsRead,
} from '../../notifications/notifications.events.js';
import { activityContent } from './activity-frame.js';
import { frameMapping, type FramePlace } from './frame-mapping.js';

const ACTIVITY = 'activity.created';

export const notificationFrames = [
  frameMapping<NotificationRaised>({
    event: 'NotificationRaised',
    frame: 'notification.created',
    map: (data, metadata) => ({
      data: {
        id: data.notificationId,
        recipient: data.recipient,
        type: data.type,
        title: data.title,
        message: data.message,
        source_type: data.sourceType,
        source_id: data.sourceId,
        created_at: secondsOf(metadata.recordedAt),
      },
      about: { ...recipientOf(data), taskIds: [data.taskId] },
    }),
  }),
  frameMapping<NotificationsRead>({
    event: 'NotificationsRead',
    frame: ACTIVITY,
    map: (data, metadata, place) => marked('read', data, metadata, place),
  }),
  frameMapping<NotificationsDelivered>({
    event: 'NotificationsDelivered',
    frame: ACTIVITY,
    map: (data, metadata, place) => marked('delivered', data, metadata, place),
  }),
  frameMapping<NotificationsDeleted>({
    event: 'NotificationsDeleted',
    frame: ACTIVITY,
    map: (data, metadata, place) => marked('deleted', data, metadata, place),
  }),
];

function marked(
  mark: 'read' | 'delivered' | 'deleted',
  data: InboxEvent['data'],
  metadata: EventMetadata,
  place: FramePlace,
) {
  const { recipient, ids } = data;
  const [only] = ids;
  return activityContent(metadata, place, {
    type: `notification_${mark}`,
    entityType: 'notification',
    entityId: ids.length === 1 && only !== undefined ? only : null,
    description: `${ids.length === 1 ? '1 notification' : `${ids.length} notifications`} of ${recipient} ${mark}`,
    data: { recipient, ids },
    about: recipientOf(data),
  });
}

function recipientOf({ recipient, recipientAgentId }: InboxEvent['data'] | NotificationRaised['data']) {
  return { agentNames: [recipient], agentIds: recipientAgentId === null ? [] : [recipientAgentId] };
}
